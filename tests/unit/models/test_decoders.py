"""The localization head against torchvision's pyramid and against sums by hand."""

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from gainspect.models.decoders import LocalizationHead, Pyramid, UNetDecoder, pyramid_widths

CHANNELS = [6, 10, 12, 16]
WITH_FINEST = [4, *CHANNELS]


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
    channels = WITH_FINEST[-len(sizes) :]
    return [torch.randn(2, c, s, s, generator=generator) for c, s in zip(channels, sizes, strict=True)]


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


@pytest.mark.parametrize(
    ("sizes", "widths"),
    [
        ([16, 8, 4, 2], [8, 12, 16, 16]),
        ([16, 8, 4, 4], [8, 12, 16, 16]),
        ([16, 8, 4, 2, 1], [4, 8, 12, 16, 16]),
    ],
    ids=["stride 32", "stride 16", "from stride 2"],
)
def test_the_decoder_joins_each_stride_with_the_coarser_by_hand(sizes: list[int], widths: list[int]) -> None:
    """Ronneberger et al. (MICCAI 2015), figure 1: up, concatenate, convolve, rectify."""
    torch.manual_seed(0)
    decoder = UNetDecoder(WITH_FINEST[-len(sizes) :], 8).eval()
    for module in decoder.modules():
        if isinstance(module, nn.BatchNorm2d):  # other statistics than those at the start
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    state = decoder.state_dict()

    def step(name: str, values: Tensor) -> Tensor:
        weight = state[f"{name}.0.weight"]
        found = F.conv2d(values, weight, padding=weight.shape[-1] // 2)
        mean, var, scale, shift = (
            state[f"{name}.1.{part}"].view(1, -1, 1, 1)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return ((found - mean) / (var + 1e-5).sqrt() * scale + shift).clamp_min(0)

    features = _pyramid(sizes)
    expected = [step("top", features[-1])]
    for index in reversed(range(len(sizes) - 1)):
        rows = _bilinear(features[index].shape[-1], expected[0].shape[-1])
        above = torch.einsum("ih,bchw,jw->bcij", rows, expected[0], rows)
        expected.insert(0, step(f"joins.{index}", torch.cat([above, features[index]], 1)))
    found = decoder(features)
    assert [level.shape[1] for level in found] == pyramid_widths("unet", 8, len(sizes)) == widths
    for mine, by_hand in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, by_hand, rtol=1e-4, atol=1e-5)


def test_every_stride_reaches_the_finest_of_the_decoder() -> None:
    torch.manual_seed(0)
    features = [level.requires_grad_() for level in _pyramid([16, 8, 4, 2])]
    LocalizationHead(8, depth=1)(UNetDecoder(CHANNELS, 8)(features)[:1]).sum().backward()
    for level in features:
        assert level.grad is not None and level.grad.abs().sum() > 0
