"""The localization head against torchvision's pyramid and against sums by hand."""

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from gainspect.models.localization import LocalizationHead, Pyramid

CHANNELS = [6, 10, 12, 16]


class Whole(nn.Module):
    """Features to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = Pyramid(CHANNELS, 8)
        self.head = LocalizationHead(8)

    def forward(self, features: list[Tensor]) -> Tensor:
        logits: Tensor = self.head(self.pyramid(features))
        return logits


@pytest.fixture
def whole() -> Whole:
    torch.manual_seed(0)
    return Whole().eval()


def _pyramid(sizes: list[int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, c, s, s, generator=generator) for c, s in zip(CHANNELS, sizes, strict=True)]


def _bilinear(size: int, small: int) -> Tensor:
    """(size, small) weights of linear interpolation with half-pixel centers and clamped borders."""
    weights = torch.zeros(size, small)
    for i in range(size):
        center = min(max((i + 0.5) * small / size - 0.5, 0.0), small - 1.0)
        low = min(int(center), small - 1)
        high = min(low + 1, small - 1)
        weights[i, low] += 1 - (center - low)
        weights[i, high] += center - low
    return weights


def _by_hand(whole: Whole, pyramid: list[Tensor]) -> Tensor:
    """Lin et al. (CVPR 2017), figure 3, then the sum at stride 4."""
    state = whole.pyramid.fpn.state_dict()
    top: Tensor | None = None
    levels = []
    for i in reversed(range(4)):
        weight = state[f"inner_blocks.{i}.0.weight"][:, :, 0, 0]
        lateral = torch.einsum("bchw,oc->bohw", pyramid[i], weight)
        lateral = lateral + state[f"inner_blocks.{i}.0.bias"].view(1, -1, 1, 1)
        if top is not None:
            factor = lateral.shape[-1] // top.shape[-1]
            lateral = lateral + top.repeat_interleave(factor, 2).repeat_interleave(factor, 3)  # nearest
        top = lateral
        smooth = F.conv2d(
            top, state[f"layer_blocks.{i}.0.weight"], state[f"layer_blocks.{i}.0.bias"], padding=1
        )
        rows = _bilinear(pyramid[0].shape[-1], smooth.shape[-1])
        levels.append(torch.einsum("ih,bchw,jw->bcij", rows, smooth, rows))
    return whole.head.logits(whole.head.refine(torch.stack(levels).sum(dim=0)))


@pytest.mark.parametrize("sizes", [[16, 8, 4, 2], [16, 8, 4, 4]], ids=["stride 32", "stride 16"])
def test_values_are_those_of_the_paper_by_hand(whole: Whole, sizes: list[int]) -> None:
    pyramid = _pyramid(sizes)
    logits = whole(pyramid)
    assert logits.shape == (2, 1, 16, 16)
    torch.testing.assert_close(logits, _by_hand(whole, pyramid), rtol=1e-4, atol=1e-5)


def test_the_pyramid_is_torchvisions(whole: Whole) -> None:
    pyramid = _pyramid([16, 8, 4, 2])
    reference = FeaturePyramidNetwork(CHANNELS, 8)
    reference.load_state_dict(whole.pyramid.fpn.state_dict())
    levels = reference(OrderedDict(zip("abcd", pyramid, strict=True))).values()
    fused = torch.stack([F.interpolate(level, size=(16, 16), mode="bilinear") for level in levels]).sum(dim=0)
    torch.testing.assert_close(
        whole(pyramid), whole.head.logits(whole.head.refine(fused)), rtol=1e-4, atol=1e-5
    )


def test_refinement_is_convolution_norm_relu_twice(whole: Whole) -> None:
    kinds = [type(part) for block in whole.head.refine for part in block.children()]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2


def test_every_level_has_a_say(whole: Whole) -> None:
    pyramid = [level.requires_grad_() for level in _pyramid([16, 8, 4, 2])]
    whole(pyramid).sum().backward()
    for level in pyramid:
        assert level.grad is not None and level.grad.abs().sum() > 0


def test_levels_must_be_those_the_head_was_built_for(whole: Whole) -> None:
    with pytest.raises(RuntimeError, match="channels"):
        whole(_pyramid([16, 8, 4, 2])[::-1])
