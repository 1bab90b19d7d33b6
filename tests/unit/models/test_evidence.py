"""The evidence head: its sum is the verdict, between the mean and the maximum of the gate."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from gainspect.models.evidence import EvidenceHead

Gate = NDArray[np.float32]
gates = arrays(np.float32, (2, 1, 6, 5), elements=st.floats(0, 1, width=32))


def _margins(gate: Gate) -> list[float]:
    margin, _ = EvidenceHead()(torch.from_numpy(gate))
    return [float(value) for value in margin.detach()]


@given(gate=gates, power=st.sampled_from([0, 1, 3, 8]))
def test_contributions_are_the_formula_and_sum_to_the_margin(gate: Gate, power: int) -> None:
    margin, contributions = EvidenceHead(power)(torch.from_numpy(gate))
    exact = gate.astype(np.float64)
    total = (exact**power).sum(axis=(2, 3), keepdims=True) + 1e-3
    expected = 8 * exact ** (power + 1) / total
    np.testing.assert_allclose(contributions.detach().numpy(), expected, rtol=1e-4, atol=1e-6)
    summed = contributions.sum(dim=(1, 2, 3)) - 4
    torch.testing.assert_close(summed, margin, rtol=0, atol=1e-5)
    assert (contributions >= 0).all()


@given(gate=gates)
def test_the_pool_lies_between_nothing_and_the_maximum(gate: Gate) -> None:
    for margin, image in zip(_margins(gate), gate, strict=True):
        pooled = (margin + 4) / 8
        assert -1e-5 <= pooled <= image.max() + 1e-5


@given(gate=gates)
def test_the_same_region_on_a_larger_part_says_the_same(gate: Gate) -> None:
    larger = np.pad(gate, ((0, 0), (0, 0), (0, 20), (0, 20)))
    np.testing.assert_allclose(_margins(larger), _margins(gate), atol=1e-4)


@given(gate=gates)
def test_power_0_pools_the_mean(gate: Gate) -> None:
    margin, _ = EvidenceHead(0)(torch.from_numpy(gate))
    np.testing.assert_allclose((margin.detach() + 4) / 8, gate.mean(axis=(1, 2, 3)), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("cells", [1, 1000])
def test_a_small_defect_counts_as_much_as_a_large_one(cells: int) -> None:
    gate = np.zeros((1, 1, 64, 64), np.float32)
    gate.reshape(-1)[:cells] = 0.9
    assert _margins(gate)[0] == pytest.approx(8 * 0.9 - 4, abs=0.02)


def test_many_faint_cells_do_not_add_up() -> None:
    faint = np.full((1, 1, 64, 64), 0.05, np.float32)
    assert _margins(faint)[0] == pytest.approx(8 * 0.05 - 4, abs=0.01)
    found = faint.copy()
    found[0, 0, 30, 30] = 0.95
    assert _margins(found)[0] > 0


def test_a_shut_gate_leaves_the_bias_alone() -> None:
    margin, contributions = EvidenceHead()(torch.zeros(1, 1, 4, 4))
    assert contributions.sum() == 0
    assert margin.item() == -4.0
    assert 1 / (1 + math.exp(4)) == pytest.approx(0.018, abs=1e-3)  # what the formula's comment says


def test_the_gradient_is_finite_where_the_gate_is_shut_and_strongest_at_the_peak() -> None:
    shut = torch.zeros(1, 1, 4, 4, requires_grad=True)
    EvidenceHead()(shut)[0].sum().backward()
    assert shut.grad is not None and torch.isfinite(shut.grad).all()
    gate = torch.full((1, 1, 4, 4), 0.1)
    gate[0, 0, 2, 1] = 0.8
    gate.requires_grad_()
    EvidenceHead()(gate)[0].sum().backward()
    assert gate.grad is not None
    assert int(gate.grad.argmax()) == 2 * 4 + 1
    assert gate.grad.max() > 0


def test_it_stays_in_float32_under_autocast() -> None:
    gate = torch.rand(2, 1, 8, 8).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        margin, contributions = EvidenceHead()(gate)
    assert margin.dtype == contributions.dtype == torch.float32
    torch.testing.assert_close(margin, EvidenceHead()(gate.float())[0])
