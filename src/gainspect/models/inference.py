"""The torch model behind the Inspector: judges images during training and from a run's checkpoint."""

import numpy as np
import torch
from numpy.typing import NDArray

from gainspect.models.gain_mtl import GainMTL


class TorchBackend:
    """A `runtime.Backend` over a `GainMTL`.

    Args:
        model: used as it is, in evaluation mode during each call.
        size: side of the square input, pixels.
        device: where the model lies.
    """

    def __init__(self, model: GainMTL, size: int, device: torch.device | str = "cpu") -> None:
        self.model = model
        self.size = size
        self.device = device

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Judge (B, S, S, 3) RGB images: "score" (B,) and maps (B, h, w), each at its own resolution."""
        training = self.model.training
        self.model.eval()
        try:
            output = self.model(torch.from_numpy(images).to(self.device))
        finally:
            self.model.train(training)
        results = {
            "score": self.model.decision(output).sigmoid(),
            "cam": output.cam.squeeze(1),
            "evidence": self.model.evidence(output).squeeze(1),
        }
        if output.attention_logits is not None:
            results["attention"] = output.attention_logits.sigmoid().squeeze(1)
        if output.localization_logits is not None:
            results["localization"] = output.localization_logits.sigmoid().squeeze(1)
        return {name: np.asarray(value.float().cpu().numpy()) for name, value in results.items()}
