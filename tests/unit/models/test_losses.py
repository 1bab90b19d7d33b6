"""Losses against closed forms, NumPy in float64, and torchvision."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from gainspect.models import losses

Doubles = NDArray[np.float64]


def _random(*shape: int, seed: int = 0, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _masks(*shape: int, seed: int = 1) -> Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) > 0.7).float()


def _double(tensor: Tensor) -> Doubles:
    return np.asarray(tensor.detach().double().numpy())


def _sigmoid(x: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-x)))


# NumPy references, per image, written from the formulas of DESIGN section 4.


def _bce(logits: Doubles, target: Doubles) -> Doubles:
    p = _sigmoid(logits)
    per_cell = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    return np.asarray(per_cell.mean(axis=(1, 2, 3)))


def _dice(a: Doubles, b: Doubles) -> Doubles:
    return np.array([1 - 2 * (x * y).sum() / (x.sum() + y.sum()) for x, y in zip(a, b, strict=True)])


def _iou(a: Doubles, b: Doubles) -> Doubles:
    return np.array([1 - (x * y).sum() / (x + y - x * y).sum() for x, y in zip(a, b, strict=True)])


def _assert_close(loss: Tensor, expected: Doubles, tolerance: float = 1e-5) -> None:
    assert loss.dtype == torch.float32
    np.testing.assert_allclose(_double(loss), expected, rtol=tolerance, atol=tolerance)


# --- attention, other kinds --------------------------------------------------------------------------


def test_attention_energy_is_the_share_outside_the_mask() -> None:
    logits, target = _random(3, 1, 4, 5), _masks(3, 1, 4, 5)
    a, m = _sigmoid(_double(logits)), _double(target)
    expected = ((1 - m) * a).sum(axis=(1, 2, 3)) / a.sum(axis=(1, 2, 3))
    _assert_close(losses.attention_energy(logits, target), expected)
    shut = losses.attention_energy(torch.full((1, 1, 4, 5), -200.0), _masks(1, 1, 4, 5))
    assert shut.tolist() == [1.0]  # no energy at all is none inside


def test_attention_l1_is_the_mean_distance() -> None:
    logits, target = _random(3, 1, 4, 5), _masks(3, 1, 4, 5)
    expected = np.abs(_sigmoid(_double(logits)) - _double(target)).mean(axis=(1, 2, 3))
    _assert_close(losses.attention_l1(logits, target), expected)


# --- focal -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
def test_focal_is_the_formula_on_softmax_probabilities(alpha: float, gamma: float) -> None:
    logits, target = _random(64, 2), torch.arange(64) % 3 == 0
    x, ng = _double(logits), target.numpy()
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    p_t = np.where(ng, p[:, 1], p[:, 0])
    alpha_t = np.where(ng, alpha, 1 - alpha)
    expected = np.mean(-alpha_t * (1 - p_t) ** gamma * np.log(p_t))
    _assert_close(losses.focal(logits, target, alpha, gamma), expected)


def test_focal_is_torchvisions_on_the_margin() -> None:
    logits, target = _random(32, 2), (torch.arange(32) % 2).float()
    margin = logits[:, 1] - logits[:, 0]
    expected = sigmoid_focal_loss(margin, target, alpha=0.3, gamma=2.0, reduction="mean")
    torch.testing.assert_close(losses.focal(logits, target, 0.3, 2.0), expected)


def test_focal_with_gamma_0_and_equal_classes_is_half_the_cross_entropy() -> None:
    logits, target = _random(32, 2), torch.arange(32) % 2
    expected = 0.5 * torch.nn.functional.cross_entropy(logits, target)
    torch.testing.assert_close(losses.focal(logits, target, 0.5, 0.0), expected)


def test_focal_does_not_see_what_both_logits_share() -> None:
    logits, target = _random(16, 2), torch.arange(16) % 2
    shifted = logits + 100.0 * _random(16, 1, seed=3)
    torch.testing.assert_close(
        losses.focal(shifted, target, 0.5, 2.0), losses.focal(logits, target, 0.5, 2.0), rtol=1e-3, atol=1e-4
    )


# --- mask losses -------------------------------------------------------------------------------------


@given(
    inside=st.integers(0, 8),
    hit=st.integers(0, 8),
    wide=st.integers(0, 8),
)
def test_dice_and_iou_of_sets_are_their_counts(inside: int, hit: int, wide: int) -> None:
    """A mask of `inside` cells, a prediction of `hit` of these and `wide` others."""
    hit = min(hit, inside)
    mask, found = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    mask.view(-1)[:inside] = 1
    found.view(-1)[:hit] = 1
    found.view(-1)[8 : 8 + wide] = 1
    if inside + wide == 0:
        dice = iou = 1.0  # both empty: as documented
    else:
        dice = 1 - 2 * hit / (inside + hit + wide)
        iou = 1 - hit / (inside + wide)
    assert losses.dice(found, mask).item() == pytest.approx(dice, abs=1e-6)
    assert losses.iou(found, mask).item() == pytest.approx(iou, abs=1e-6)


def test_mask_losses_are_the_formulas_image_by_image() -> None:
    logits, target = _random(5, 1, 6, 7), _masks(5, 1, 6, 7)
    x, t = _double(logits), _double(target)
    p = _sigmoid(x)
    _assert_close(losses.dice(logits.sigmoid(), target), _dice(p, t))
    _assert_close(losses.iou(logits.sigmoid(), target), _iou(p, t))
    _assert_close(losses.bce(logits, target), _bce(x, t))
    _assert_close(losses.cam_guidance(logits, target), _bce(x, t) + _dice(p, t))
    _assert_close(losses.attention_guidance(logits, target), _bce(x, t) + _dice(p, t) + _iou(p, t))
    _assert_close(losses.localization(logits, target), _bce(x, t) + _dice(p, t))
    _assert_close(losses.silence(logits), _bce(x, np.zeros_like(t)))


def test_bce_knows_soft_targets() -> None:
    logits = _random(2, 1, 3, 3)
    target = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(2))
    _assert_close(losses.bce(logits, target), _bce(_double(logits), _double(target)))


def test_dice_and_iou_count_in_float32_what_bfloat16_cannot() -> None:
    """bfloat16 holds integers to 256: 1000 + 1 is 1000 there."""
    found = torch.ones(1, 1, 40, 25, dtype=torch.bfloat16)
    mask = torch.zeros(1, 1, 40, 25, dtype=torch.uint8)
    mask[..., :1] = 1  # 40 cells
    _assert_close(losses.dice(found, mask), np.array([1 - 80 / 1040]))
    _assert_close(losses.iou(found, mask), np.array([1 - 40 / 1000]))


def test_consistency_compares_with_the_maximum_of_each_block() -> None:
    attention, fine = _random(3, 1, 4, 4), _random(3, 1, 16, 16, seed=5)
    blocks = _sigmoid(_double(fine)).reshape(3, 1, 4, 4, 4, 4).max(axis=(3, 5))
    expected = ((_sigmoid(_double(attention)) - blocks) ** 2).mean(axis=(1, 2, 3))
    _assert_close(losses.consistency(attention, fine), expected)


def test_consistency_teaches_both_maps() -> None:
    attention, fine = _random(1, 1, 2, 2).requires_grad_(), _random(1, 1, 8, 8, seed=5).requires_grad_()
    losses.consistency(attention, fine).sum().backward()
    assert attention.grad is not None and attention.grad.ne(0).all()
    assert fine.grad is not None and fine.grad.ne(0).sum() == 4  # the maximum of each block


def test_counterfactual_is_minus_log_of_p_ok() -> None:
    logits = _random(8, 2)
    x = _double(logits)
    _assert_close(losses.counterfactual(logits), -np.log(np.exp(x[:, 0]) / np.exp(x).sum(axis=1)))


# --- every loss --------------------------------------------------------------------------------------

LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "focal": lambda x: losses.focal(x.flatten(1)[:, :2], torch.tensor([True, False]), 0.25, 2.0),
    "focal, gamma 0": lambda x: losses.focal(x.flatten(1)[:, :2], torch.tensor([True, False]), 0.25, 0.0),
    "focal, gamma 1": lambda x: losses.focal(x.flatten(1)[:, :2], torch.tensor([True, False]), 0.25, 1.0),
    "bce": lambda x: losses.bce(x, _masks(2, 1, 4, 4)),
    "cam": lambda x: losses.cam_guidance(x, _masks(2, 1, 4, 4)),
    "cam, empty mask": lambda x: losses.cam_guidance(x, torch.zeros(2, 1, 4, 4)),
    "attention": lambda x: losses.attention_guidance(x, _masks(2, 1, 4, 4)),
    "attention, empty mask": lambda x: losses.attention_guidance(x, torch.zeros(2, 1, 4, 4)),
    "localization": lambda x: losses.localization(x, _masks(2, 1, 4, 4)),
    "silence": losses.silence,
    "consistency": lambda x: losses.consistency(x[..., :2, :2], x),
    "counterfactual": lambda x: losses.counterfactual(x.flatten(1)[:, :2]),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_logits_give_finite_losses_and_gradients(name: str, extreme: float) -> None:
    for logits in (
        torch.full((2, 1, 4, 4), extreme),
        extreme * _random(2, 1, 4, 4).sign(),
    ):
        logits.requires_grad_()
        loss = LOSSES[name](logits).sum()
        loss.backward()
        assert loss.isfinite()
        assert logits.grad is not None and logits.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_bfloat16_logits_are_computed_in_float32(name: str) -> None:
    logits = _random(2, 1, 4, 4).bfloat16()
    half = LOSSES[name](logits)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, LOSSES[name](logits.float()))


@pytest.mark.parametrize(
    "loss", [losses.cam_guidance, losses.attention_guidance, losses.localization, losses.bce]
)
def test_a_step_down_the_gradient_lowers_a_mask_loss(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    logits, target = _random(2, 1, 4, 4).requires_grad_(), _masks(2, 1, 4, 4)
    before = loss(logits, target)
    before.sum().backward()
    assert logits.grad is not None
    assert (loss(logits.detach() - 0.01 * logits.grad, target) < before).all()


MASK_LOSSES = (*losses.ATTENTION_LOSSES.values(), losses.cam_guidance, losses.localization)


@pytest.mark.parametrize("loss", MASK_LOSSES)
def test_what_is_ignored_counts_for_nothing(loss: Callable[[Tensor, Tensor, Tensor | None], Tensor]) -> None:
    """A loss is that of the pixels that count, whatever the others are."""
    logits, target = _random(2, 1, 6, 8), _masks(2, 1, 6, 8)
    weight = torch.ones(2, 1, 6, 8)
    weight[:, :, :, 5:] = 0
    found = loss(logits, target, weight)
    _assert_close(found, _double(loss(logits[..., :5], target[..., :5], None)))
    other = torch.where(weight > 0, logits, _random(2, 1, 6, 8, seed=9))
    assert torch.equal(loss(other, torch.where(weight > 0, target, 1 - target), weight), found)
    _assert_close(losses.silence(logits, weight), _double(losses.silence(logits[..., :5])))


@pytest.mark.parametrize("loss", MASK_LOSSES)
def test_where_all_counts_a_weight_changes_nothing(
    loss: Callable[[Tensor, Tensor, Tensor | None], Tensor],
) -> None:
    logits, target = _random(2, 1, 6, 8), _masks(2, 1, 6, 8)
    _assert_close(loss(logits, target, torch.ones_like(target)), _double(loss(logits, target, None)))
