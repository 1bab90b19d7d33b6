"""Suppression changes what the mask says and nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gainspect.data.repair import _diffused
from gainspect.models import losses
from gainspect.models.gain_mtl import LinearHead
from gainspect.models.suppression import FeatureSuppression, is_surrounded, surroundings


@pytest.fixture
def module() -> FeatureSuppression:
    torch.manual_seed(0)
    return FeatureSuppression(12, hidden=6).eval()


@pytest.fixture
def deep() -> Tensor:
    return torch.randn(2, 12, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask() -> Tensor:
    """One cell in the first image, a corner block in the second."""
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, 0, 3, 4] = 1
    mask[1, 0, 6:, :2] = 1
    return mask


@pytest.fixture
def near() -> Tensor:
    """The mask and its eight neighbours, by hand."""
    near = torch.zeros(2, 1, 8, 8)
    near[0, 0, 2:5, 3:6] = 1
    near[1, 0, 5:, :3] = 1
    return near


@pytest.mark.parametrize("training", [False, True])
def test_features_change_near_the_mask_and_nowhere_else(
    module: FeatureSuppression, deep: Tensor, mask: Tensor, near: Tensor, training: bool
) -> None:
    change = module.train(training)(deep, mask) - deep
    assert torch.equal(change * (1 - near), torch.zeros_like(change))  # exactly
    assert (change.abs().sum(dim=1, keepdim=True) > 0).float().equal(near)


def test_without_a_defect_there_is_nothing_to_repair(module: FeatureSuppression, deep: Tensor) -> None:
    assert torch.equal(module(deep, torch.zeros(2, 1, 8, 8)), deep)


def test_values_are_the_formula(module: FeatureSuppression, deep: Tensor, mask: Tensor, near: Tensor) -> None:
    """F·(1−s) + surroundings(F)·s, with s computed cell by cell."""
    first, norm = module.strength[0][0], module.strength[0][1]
    last = module.strength[1]
    assert isinstance(first, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and isinstance(last, nn.Conv2d)
    padded = nn.functional.pad(mask, (1, 1, 1, 1))
    s = torch.zeros_like(deep)
    for b, y, x in near[:, 0].nonzero().tolist():
        patch = padded[b, 0, y : y + 3, x : x + 3]
        hidden = norm((first.weight[:, 0] * patch).sum(dim=(1, 2)).view(1, -1, 1, 1)).relu()
        s[b, :, y, x] = last(hidden).view(-1).sigmoid()
    expected = deep * (1 - s) + surroundings(deep, 1 - near) * s
    torch.testing.assert_close(module(deep, mask), expected, rtol=1e-4, atol=1e-5)


def test_surroundings_are_those_that_repairs_in_images_use(deep: Tensor, near: Tensor) -> None:
    """Three channels at a time, against the pull–push of OpenCV, where all sizes are even."""
    known = (1 - near[0, 0]).numpy()
    found = surroundings(deep, 1 - near)[0].numpy()
    for start in range(0, 12, 3):
        values = np.ascontiguousarray(deep[0, start : start + 3].permute(1, 2, 0).numpy())
        expected = _diffused(values * known[:, :, None], known)
        np.testing.assert_allclose(
            found[start : start + 3].transpose(1, 2, 0), expected, rtol=1e-4, atol=1e-5
        )


@given(side=st.integers(1, 11), other=st.integers(1, 11), seed=st.integers(0, 999))
def test_surroundings_lie_between_what_is_known_and_keep_it(side: int, other: int, seed: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    deep = torch.randn(1, 2, side, other, generator=drawn)
    known = (torch.rand(1, 1, side, other, generator=drawn) < 0.3).float()
    known[0, 0, seed % side, seed % other] = 1
    found = surroundings(deep, known)
    for channel in range(2):
        there = deep[0, channel][known[0, 0] > 0]
        assert there.min() - 1e-4 <= found[0, channel].min() and found[0, channel].max() <= there.max() + 1e-4
    torch.testing.assert_close(found * known, deep * known, rtol=1e-4, atol=1e-5)


def test_where_defects_reach_everywhere_features_stay(module: FeatureSuppression, deep: Tensor) -> None:
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, 0, ::2, ::2] = 1
    mask[1, 0, 0, 0] = 1
    assert is_surrounded(mask).tolist() == [False, True]
    found = module(deep, mask)
    assert torch.equal(found[0], deep[0]) and not torch.equal(found[1], deep[1])


def test_suppression_alone_cannot_make_an_ng_image_ok(mask: Tensor) -> None:
    """The image says NG everywhere, so without its defect it still does, whatever suppression learns.

    Classifier and features are frozen; only suppression is trained, on the counterfactual loss. What it puts
    into a suppressed cell can be no better than the cells around, which are all NG: at best all loss stays.
    """
    torch.manual_seed(0)
    head = LinearHead(12).requires_grad_(False)
    direction = head.linear.weight[1] - head.linear.weight[0]
    noise = torch.randn(2, 12, 8, 8, generator=torch.Generator().manual_seed(1))
    deep = 0.1 * noise + (11.45 * direction / direction.square().sum()).view(1, -1, 1, 1)
    module = FeatureSuppression(12, hidden=6).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    frozen = losses.counterfactual(head(deep)[0]).mean().item()
    assert frozen == pytest.approx(11.45, abs=0.5)
    found = frozen
    for _ in range(400):
        loss = losses.counterfactual(head(module(deep, mask))[0]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found = loss.item()
    assert found > frozen / 2


def test_its_loss_teaches_the_features_inside_and_outside_the_defect(
    module: FeatureSuppression, deep: Tensor, mask: Tensor
) -> None:
    deep.requires_grad_()
    logits, _ = LinearHead(12)(module(deep, mask))
    losses.counterfactual(logits).sum().backward()
    assert deep.grad is not None
    felt = deep.grad.abs().sum(dim=1)
    assert (felt > 0).all()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
