"""The loss of boxes against NumPy, OpenCV's rotation, and what a box says of a defect."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from gainspect.models import losses
from gainspect.models.box_losses import boxed, projection, upright

Doubles = NDArray[np.float64]
NAN = float("nan")


def _random(*shape: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _boxes() -> Tensor:
    """Two images of 12 × 12: one box, and two that share rows."""
    boxes = torch.zeros(2, 12, 12, dtype=torch.uint8)
    boxes[0, 3:9, 2:7] = 1
    boxes[1, 1:4, 1:3] = boxes[1, 2:7, 8:11] = 1
    return boxes


def _reference(logits: Doubles, box: Doubles, counts: Doubles) -> float:
    """One image, (h, w): BCE to zero beside the box, and Dice of the maxima of rows and of columns.

    The maximum of a row or column that meets the box is that in the box.
    """
    p = 1 / (1 + np.exp(-logits))
    beside = (box == 0) & (counts > 0)
    loss = float(-np.log(1 - p[beside]).mean())
    for axis in (0, 1):
        b = box.max(axis=axis)
        a = np.where(b > 0, (p * box).max(axis=axis), (p * counts).max(axis=axis))
        loss += 1 - 2 * (a * b).sum() / (a.sum() + b.sum())
    return loss


def test_it_is_the_formula_image_by_image() -> None:
    logits, boxes = _random(2, 1, 12, 12), _boxes()
    counts = torch.ones(2, 1, 12, 12)
    found = boxed(logits, boxes, None, torch.zeros(2))
    counts[:, :, 9:] = 0
    ignoring = boxed(logits, boxes, counts, torch.zeros(2))
    for index in range(2):
        x, box, part = (t[index].squeeze(0).double().numpy() for t in (logits, boxes, counts))
        assert found[index].item() == pytest.approx(_reference(x, box, np.ones_like(part)), rel=1e-5)
        assert ignoring[index].item() == pytest.approx(_reference(x, box, part), rel=1e-5)


def test_a_coarse_map_sees_boxes_as_it_sees_masks() -> None:
    """Cells of 3 × 3 pixels; a cell is in the box if one of its pixels is."""
    logits, boxes = _random(2, 1, 4, 4), _boxes()
    cells = boxes.numpy().reshape(2, 4, 3, 4, 3).max(axis=(2, 4)).astype(np.float64)
    found = boxed(logits, boxes, None, torch.zeros(2))
    for index in range(2):
        x = logits[index, 0].double().numpy()
        assert found[index].item() == pytest.approx(_reference(x, cells[index], np.ones((4, 4))), rel=1e-5)


def test_in_a_box_only_the_maximum_of_a_row_or_column_learns() -> None:
    logits, boxes = _random(2, 1, 12, 12).requires_grad_(), _boxes()
    boxed(logits, boxes, None, torch.zeros(2)).sum().backward()
    assert logits.grad is not None
    inside = boxes[:, None] > 0
    learns = (logits.grad != 0) & inside
    boxed_only = logits.masked_fill(~inside, -torch.inf)
    highest = [boxed_only == boxed_only.amax(dim=axis, keepdim=True) for axis in (2, 3)]
    assert torch.equal(learns, (highest[0] | highest[1]) & inside)
    assert (logits.grad[learns] < 0).all()  # a step down the gradient raises it
    assert (logits.grad[~inside] > 0).all()


def test_in_a_box_that_is_cut_nothing_learns() -> None:
    logits, boxes = _random(2, 1, 12, 12).requires_grad_(), _boxes()
    loss = boxed(logits, boxes, None, torch.tensor([0.0, NAN]))
    loss.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert logits.grad[0, 0][boxes[0] > 0].any()
    assert not logits.grad[1, 0][boxes[1] > 0].any()
    assert (logits.grad[1, 0][boxes[1] == 0] > 0).all()
    beside = logits.detach()[1, 0][boxes[1] == 0]
    torch.testing.assert_close(loss[1], torch.nn.functional.softplus(beside).mean())


@given(order=st.permutations(range(6)), extra=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_whatever_meets_each_row_and_column_of_a_box_fits_it(
    order: list[int], extra: set[tuple[int, int]]
) -> None:
    """A defect that is as thin as a scratch as well as one that fills its box."""
    boxes, defect = torch.zeros(1, 1, 10, 12), torch.zeros(1, 1, 10, 12)
    boxes[..., 2:8, 3:9] = 1
    for row, column in {*enumerate(order), *extra}:
        defect[..., 2 + row, 3 + column] = 1
    assert projection(defect, boxes).item() == pytest.approx(0, abs=1e-6)
    defect[..., 2 + 4, :] = 0  # a row without the defect, and at most all columns with it
    missed = 1 - 2 * 5 / (5 + 6)
    assert projection(defect, boxes).item() >= missed - 1e-6


@pytest.mark.parametrize("angle", [0.0, 7.0, -10.5])
def test_turning_back_is_the_inverse_of_opencvs_rotation(angle: float) -> None:
    side = 64
    y, x = np.mgrid[:side, :side]
    spot = np.exp(-(((x - 40) / 7) ** 2 + ((y - 25) / 4) ** 2)).astype(np.float32)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle, 1.0)
    turned = cv2.warpAffine(spot, matrix, (side, side))
    maps = torch.from_numpy(np.stack([turned, spot]))[:, None]
    back = upright(maps, torch.tensor([angle, NAN]))
    np.testing.assert_allclose(back[0, 0].numpy(), spot, atol=0.04)  # two bilinear resamplings
    np.testing.assert_allclose(back[1, 0].numpy(), spot, atol=1e-5)
    assert (abs(turned - spot).max() > 0.2) == (angle != 0)


def test_a_box_that_was_turned_asks_for_what_it_asked_before() -> None:
    """A scratch along the diagonal of its box, both turned by 10°: it still meets each row and column."""
    side, angle = 96, 10.0
    scratch, box = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    cv2.line(scratch, (30, 30), (60, 50), 1, 2)
    rows, columns = np.nonzero(scratch)
    box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle, 1.0)
    moved = [
        (cv2.warpAffine(mask.astype(np.float32), matrix, (side, side)) >= 0.25).astype(np.uint8)
        for mask in (scratch, box)
    ]
    logits = torch.from_numpy(20.0 * moved[0] - 10.0)[None, None].float()
    boxes = torch.from_numpy(moved[1])[None]
    known = boxed(logits, boxes, None, torch.tensor([angle])).item()
    unknown = boxed(logits, boxes, None, torch.tensor([0.0])).item()
    assert known < 0.06 < 0.2 < unknown


@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_and_half_precise_logits_give_finite_losses(extreme: float) -> None:
    logits = (extreme * _random(2, 1, 12, 12).sign()).requires_grad_()
    loss = boxed(logits, _boxes(), None, torch.tensor([3.0, NAN]))
    loss.sum().backward()
    assert loss.isfinite().all() and logits.grad is not None and logits.grad.isfinite().all()
    half = _random(2, 1, 12, 12).bfloat16()
    found = boxed(half, _boxes(), None, torch.zeros(2))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, boxed(half.float(), _boxes(), None, torch.zeros(2)))


def test_without_a_box_a_map_of_zeros_is_silence() -> None:
    logits = _random(1, 1, 6, 6)
    found = boxed(logits, torch.zeros(1, 6, 6, dtype=torch.uint8), None, torch.tensor([NAN]))
    torch.testing.assert_close(found, losses.silence(logits))
