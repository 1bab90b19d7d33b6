"""The weights that a training begins with."""

from pathlib import Path

from gainspect.config import RunConfig
from gainspect.inspection.backends.torch import TorchBackend, torch_backend
from gainspect.models.backbone import Backbone
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.taken_over import take_over
from gainspect.models.weights import load_weights
from gainspect.training.earlier import Earlier, earlier_of
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_backend

FROZEN_STRIDE = 8
"""Up to here pretrained features stay as they are: few hundred images make them worse
(docs/explanation/recipe.md)."""


def load_initial(model: GainMTL, config: RunConfig) -> tuple[str, list[str]]:
    """Load the weights that a configuration says: of the backbone alone, or of an earlier network.

    Returns:
        Where they came from, for the run's record, and sentences on what was taken over.

    Raises:
        GainspectError: there are none, or they do not fit.
    """
    if config.model.init is None:
        return load_weights(model.backbone, config.model.backbone, config.model.weights), []
    earlier = earlier_of(Path(config.model.init))
    earlier.require_backbone(config)
    taken = take_over(model, backend_of(earlier).graph.model.state_dict())
    sentences = [f"Begins with {earlier}.", *taken.sentences()]
    if taken.other:
        sentences.append(
            "For the same shapes, take the settings under `model:` and `experimental:` of the earlier run "
            "(`--config`)."
        )
    return " ".join([f"earlier network: {earlier}.", *taken.sentences()]), sentences


def frozen_stages(config: RunConfig, backbone: Backbone) -> int:
    """How many stages of the backbone a training leaves as they are.

    Raises:
        GainspectError: the earlier network to begin with cannot be read.
    """
    given = config.training.frozen_stages
    if given != "auto":
        return given
    first = config if config.model.init is None else earlier_of(Path(config.model.init)).config
    random = first.model.init is None and first.model.weights == "none"
    return 0 if random else backbone.stages_to(FROZEN_STRIDE)


def backend_of(earlier: Earlier, device: str = "cpu") -> TorchBackend:
    """The earlier network itself.

    Raises:
        GainspectError: a bundle does not contain the torch model.
    """
    if isinstance(earlier.source, RunFolder):
        return trained_backend(earlier.source, device)
    return torch_backend(earlier.source)
