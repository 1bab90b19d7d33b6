"""CBAM and guided attention against the papers' formulas, written out by hand."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from timm.layers.cbam import CbamModule
from torch import Tensor, nn

from gainspect.models.attention import AttentionHead, GuidedAttention, normalize_by_max, to_logits

Doubles = NDArray[np.float64]


def _double(tensor: Tensor) -> Doubles:
    return np.asarray(tensor.detach().double().numpy())


def _sigmoid(x: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-x)))


def _convolve(x: Doubles, weight: Doubles, bias: Doubles | float = 0.0) -> Doubles:
    """Same-size convolution (B, C, h, w) with (O, C, k, k): a sum over shifted copies."""
    k, (h, w) = weight.shape[-1], x.shape[-2:]
    padded = np.pad(x, ((0, 0), (0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    total = np.zeros((x.shape[0], weight.shape[0], h, w))
    for i in range(k):
        for j in range(k):
            total += np.einsum("bchw,oc->bohw", padded[:, :, i : i + h, j : j + w], weight[:, :, i, j])
    return total + np.reshape(bias, (1, -1, 1, 1))


def _batch_norm(x: Doubles, norm: nn.BatchNorm2d) -> Doubles:
    assert norm.running_mean is not None and norm.running_var is not None
    mean, variance, scale, shift = (
        _double(t).reshape(1, -1, 1, 1) for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return np.asarray((x - mean) / np.sqrt(variance + norm.eps) * scale + shift)


def _head(x: Doubles, head: AttentionHead) -> Doubles:
    for block in (head[0], head[1]):
        assert isinstance(block, nn.Sequential)
        convolution, norm = block[0], block[1]
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        x = np.maximum(_batch_norm(_convolve(x, _double(convolution.weight)), norm), 0)
    last = head[2]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    return _convolve(x, _double(last.weight), _double(last.bias))


def _cbam(x: Doubles, cbam: nn.Module) -> Doubles:
    """Woo et al. (ECCV 2018), equations 2 and 3."""
    parameters = {name: _double(value) for name, value in cbam.named_parameters()}
    inner, outer = parameters["channel.fc1.weight"][:, :, 0, 0], parameters["channel.fc2.weight"][:, :, 0, 0]

    def mlp(pooled: Doubles) -> Doubles:
        return np.asarray(np.maximum(pooled @ inner.T, 0) @ outer.T)

    channel = _sigmoid(mlp(x.mean(axis=(2, 3))) + mlp(x.max(axis=(2, 3))))
    x = x * channel[:, :, None, None]
    pooled = np.stack([x.mean(axis=1), x.max(axis=1)], axis=1)
    norm = cbam.get_submodule("spatial.conv.bn")
    assert isinstance(norm, nn.BatchNorm2d)
    return x * _sigmoid(_batch_norm(_convolve(pooled, parameters["spatial.conv.conv.weight"]), norm))


@pytest.fixture
def guided() -> GuidedAttention:
    torch.manual_seed(0)
    attention = GuidedAttention(32, 8).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in attention.modules():
            if isinstance(part, nn.BatchNorm2d):
                assert part.running_mean is not None and part.running_var is not None
                for tensor in (part.running_mean, part.running_var, part.weight, part.bias):
                    tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        attention.log_temperature.fill_(0.7)
    return attention


@pytest.fixture
def deep() -> Tensor:
    return torch.randn(3, 32, 9, 7, generator=torch.Generator().manual_seed(2))


def test_cbam_is_the_papers_formula(guided: GuidedAttention, deep: Tensor) -> None:
    refined = guided.cbam(deep)
    np.testing.assert_allclose(_double(refined), _cbam(_double(deep), guided.cbam), rtol=1e-4, atol=1e-5)


def test_cbam_has_a_sixteenth_of_the_channels_as_hidden_units_but_at_least_eight() -> None:
    widths = {channels: GuidedAttention(channels, 8).cbam.channel.fc1.out_channels for channels in (32, 1280)}
    assert widths == {32: 8, 1280: 80}


@pytest.mark.parametrize("copied", [False, True])
def test_weights_from_before_load_with_as_few_hidden_units_as_they_have(
    guided: GuidedAttention, deep: Tensor, *, copied: bool
) -> None:
    guided.cbam = CbamModule(32).eval()  # two hidden units, as until then
    anew = GuidedAttention(32, 8).eval()
    anew = deepcopy(anew) if copied else anew  # as the weight average is
    anew.load_state_dict(guided.state_dict())
    assert torch.equal(anew(deep), guided(deep))


def test_attention_is_the_mean_of_the_tempered_head_and_the_mining_head(
    guided: GuidedAttention, deep: Tensor
) -> None:
    x = _double(deep)
    tempered = _head(_cbam(x, guided.cbam), guided.head) / np.exp(0.7)
    expected = (tempered + _head(x, guided.mining)) / 2
    np.testing.assert_allclose(_double(guided(deep)), expected, rtol=1e-4, atol=1e-5)


def test_the_temperature_is_learned_and_stays_positive(guided: GuidedAttention, deep: Tensor) -> None:
    guided(deep).square().sum().backward()
    assert guided.log_temperature.grad is not None and guided.log_temperature.grad != 0
    with torch.no_grad():
        guided.log_temperature.fill_(-5.0)  # further than any training goes
    assert guided(deep).isfinite().all()


def test_logits_are_float32_under_autocast(guided: GuidedAttention, deep: Tensor) -> None:
    exact = guided(deep)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = guided(deep)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, exact, rtol=0.05, atol=0.05)


@given(values=st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6))
def test_normalizing_gives_a_maximum_of_1_but_blows_nothing_up(values: list[float]) -> None:
    attention = torch.tensor(values).view(1, 1, 2, 3)
    highest = max(values)
    expected = np.array(values) / (highest if highest > 0.1 else 0.1)
    np.testing.assert_allclose(
        _double(normalize_by_max(attention, floor=0.1)).ravel(), expected, rtol=1e-6, atol=1e-12
    )


def test_each_image_is_normalized_by_its_own_maximum() -> None:
    attention = torch.tensor([[[[0.2, 0.4]]], [[[0.8, 0.2]]], [[[0.01, 0.05]]]])
    expected = torch.tensor([[[[0.5, 1.0]]], [[[1.0, 0.25]]], [[[0.1, 0.5]]]])
    torch.testing.assert_close(normalize_by_max(attention, floor=0.1), expected)


@pytest.mark.parametrize("prior", [0.02, 0.1, 0.5])
def test_a_map_begins_at_its_prior(prior: float) -> None:
    nothing = torch.zeros(1, 6, 3, 3)
    torch.testing.assert_close(to_logits(6, prior)(nothing).sigmoid(), torch.full((1, 1, 3, 3), prior))
