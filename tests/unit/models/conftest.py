"""A tiny model of any strategy, its statistics and biases away from their initial 0 and 1."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gainspect.config import ModelConfig
from gainspect.models.gain_mtl import GainMTL
from gainspect.strategies import Tta, strategy

Build = Callable[..., GainMTL]


def unsettle(module: nn.Module, seed: int = 0) -> None:
    """Move BatchNorm statistics, scales and all biases from where initialization puts them.

    Otherwise a wrong order of mean and scale, or a forgotten bias, would go unseen.
    """
    generator = torch.Generator().manual_seed(seed)

    def shift(tensor: Tensor, low: float, high: float) -> None:
        tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))

    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
                assert part.running_var is not None
                shift(part.running_mean, -0.2, 0.2)
                shift(part.running_var, 0.7, 1.4)
                shift(part.weight, 0.7, 1.4)
            bias = getattr(part, "bias", None)
            if isinstance(bias, Tensor):
                shift(bias, -0.2, 0.2)


@pytest.fixture
def build() -> Build:
    """`build("S6")`, `build("S3", backbone="test_resnet", output_stride=16)`: in evaluation mode."""

    def make(
        name: str,
        *,
        backbone: str = "test_efficientnet",
        output_stride: int = 32,
        tta: Tta | None = None,
    ) -> GainMTL:
        torch.manual_seed(0)
        config = ModelConfig.model_validate(
            {
                "backbone": backbone,
                "weights": "none",
                "output_stride": output_stride,
                "attention_channels": 16,
                "fpn_channels": 8,
                "tta": tta,
            }
        )
        model = GainMTL(config, strategy(name))
        unsettle(model)
        return model.eval()

    return make


@pytest.fixture
def images() -> Tensor:
    """(4, 96, 96, 3) uint8: smooth blobs of colour and noise, each image another."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand(4, 3, 6, 6, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(96, 96), mode="bilinear")
    noise = 0.1 * torch.rand(4, 3, 96, 96, generator=generator)
    return ((smooth + noise) / 1.1 * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


@pytest.fixture
def masks() -> Tensor:
    """(4, 96, 96) uint8: a square, one pixel, nothing, a strip."""
    masks = torch.zeros(4, 96, 96, dtype=torch.uint8)
    masks[0, 8:40, 40:70] = 1
    masks[1, 95, 0] = 1
    masks[3, 50:54, :] = 1
    return masks
