"""Dilated depthwise convolutions against torch's own, values and gradients."""

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from gainspect.models.dilated import DilatedDepthwise, learn_quickly


@given(
    kernel=st.sampled_from([3, 5, 7]),
    step=st.integers(2, 4),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    batch=st.integers(1, 3),
    channels_last=st.booleans(),
    bias=st.booleans(),
)
def test_values_and_gradients_are_those_of_torch(
    kernel: int, step: int, rows: int, columns: int, batch: int, channels_last: bool, bias: bool
) -> None:
    torch.manual_seed(kernel * step + rows)
    kept = nn.Conv2d(4, 4, kernel, padding=step * (kernel // 2), dilation=step, groups=4, bias=bias).double()
    own = nn.Conv2d(4, 4, kernel, padding=step * (kernel // 2), dilation=step, groups=4, bias=bias).double()
    own.load_state_dict(kept.state_dict())
    learn_quickly(own)
    assert type(own) is DilatedDepthwise
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(batch, 4, rows, columns, dtype=torch.double).to(memory_format=layout)
    results = []
    for conv in (kept, own):
        given_to = x.clone(memory_format=torch.preserve_format).requires_grad_()
        y = conv(given_to)
        y.square().sum().backward()
        results.append([y, given_to.grad, *(p.grad for p in conv.parameters())])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_it_is_torchs_convolution_where_nothing_learns_and_where_pixels_cannot_be_cut_evenly() -> None:
    conv = nn.Conv2d(2, 2, 3, padding=2, dilation=2, groups=2)
    learn_quickly(conv)
    even, odd = torch.randn(1, 2, 4, 4), torch.randn(1, 2, 5, 4)
    with torch.no_grad():
        assert "reshape" not in _graph(conv, even)
    assert "reshape" in _graph(conv, even)
    assert "reshape" not in _graph(conv, odd)


def _graph(conv: nn.Conv2d, x: torch.Tensor) -> str:
    return str(make_fx(conv)(x).graph).replace("aten.view", "reshape").replace("aten._unsafe_view", "reshape")


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, stride=2, groups=4),
        nn.Conv2d(4, 4, 3, padding=1, dilation=2, groups=4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, padding_mode="reflect"),
    ],
)
def test_other_convolutions_stay_what_they_are(conv: nn.Conv2d) -> None:
    learn_quickly(conv)
    assert type(conv) is nn.Conv2d


def test_all_dilated_convolutions_of_an_efficientnet_are_taken() -> None:
    net = timm.create_model("tf_efficientnet_lite0", output_stride=16, num_classes=0)
    names = set(net.state_dict())
    learn_quickly(net)
    dilated = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.dilation != (1, 1)]
    assert dilated
    assert all(type(m) is DilatedDepthwise for m in dilated)
    assert set(net.state_dict()) == names
