"""The torch model of a bundle."""

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load

from gainspect.config import RunConfig
from gainspect.errors import GainspectError
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.inference import TorchBackend
from gainspect.runtime.bundle import Bundle
from gainspect.strategies import strategy

WEIGHTS = "model.safetensors"


def torch_backend(bundle: Bundle) -> TorchBackend:
    """Build the model that a bundle holds as format "torch".

    It runs with the threads that torch has: their number is the whole process's, a training's too.

    Raises:
        GainspectError: the bundle does not hold it, or it does not fit this version of gainspect.
    """
    if "torch" not in bundle.description.formats:
        raise GainspectError(
            "the bundle holds no torch model",
            where=bundle.path,
            mend="Export it again with --formats onnx,torch.",
        )
    try:
        config = RunConfig.model_validate(bundle.description.training["config"])
        model = GainMTL(config.model, strategy(config.strategy))
        model.load_state_dict(load(bundle.contents[WEIGHTS]))
    except (KeyError, ValidationError, SafetensorError, RuntimeError) as error:
        raise GainspectError(f"its torch model cannot be built ({error})", where=bundle.path) from error
    return TorchBackend(model.eval(), bundle.description.preprocessing.size)
