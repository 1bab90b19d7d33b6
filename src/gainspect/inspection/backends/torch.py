"""The trained model itself as a backend; the only file of `inspection` that needs torch."""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load

from gainspect.config import RunConfig
from gainspect.errors import GainspectError, first_fault
from gainspect.inspection.backends.backend import Predictions
from gainspect.inspection.bundle import Bundle
from gainspect.models.familiarity import Familiarity, familiarity_in
from gainspect.models.gain_mtl import GainMTL, model_of
from gainspect.models.graph import InspectionGraph

WEIGHTS = "model.safetensors"
"""The file in a bundle that contains the model's tensors."""


class TorchBackend:
    """A `Backend` over a `GainMTL`.

    Args:
        model: the model; it is not copied, and it is in evaluation mode during each call.
        size: side of the square input, pixels.
        device: the device that the model is on.
        familiarity: how far images are from those of the training; None: it does not say.
        bf16: whether it multiplies in bfloat16 (autocast); what it gives is float32.
    """

    runtime = "torch"
    precision = "f32"

    def __init__(
        self,
        model: GainMTL,
        size: int,
        device: torch.device | str = "cpu",
        familiarity: Familiarity | None = None,
        *,
        bf16: bool = False,
    ) -> None:
        self.graph = InspectionGraph(model, familiarity).to(device)
        self.size = size
        self.device = torch.device(device)
        self.bf16 = bf16

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """The predictions for (B, S, S, 3) RGB images, as described at `InspectionGraph.forward`."""
        training = self.graph.model.training
        if training:
            self.graph.model.eval()
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                results = self.graph(torch.from_numpy(images).to(self.device))
        finally:
            if training:
                self.graph.model.train()
        arrays = (np.asarray(value.cpu().numpy()) for value in results)
        return dict(zip(self.graph.outputs, arrays, strict=True))


def torch_backend(bundle: Bundle) -> TorchBackend:
    """Build the model that a bundle contains in the format "torch".

    It uses the current number of torch threads, because that number applies to the whole process, including
    a training.

    Raises:
        GainspectError: the bundle does not contain the model, or it does not fit this version of gainspect.
    """
    if "torch" not in bundle.description.formats:
        raise GainspectError(
            "the bundle does not contain the torch model",
            where=bundle.path,
            hint="Export it again with --formats onnx,torch.",
        )
    try:
        config = RunConfig.model_validate(bundle.description.training["config"]).with_older_defaults()
        model = model_of(config)
        state = load(bundle.contents[WEIGHTS])
        familiarity = familiarity_in(state)
        model.load_state_dict(state)
    except (KeyError, ValidationError, SafetensorError, RuntimeError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else error
        raise GainspectError(f"its torch model cannot be built ({fault})", where=bundle.path) from error
    return TorchBackend(model.eval(), bundle.description.preprocessing.size, familiarity=familiarity)
