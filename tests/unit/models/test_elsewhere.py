"""The gate moved elsewhere: the same attention, rolled, and never on the defect."""

import numpy as np
import torch

from gainspect import losses
from gainspect.data.dataset import Sample
from gainspect.models.gain_mtl import Output, moved_elsewhere, running_statistics
from gainspect.training.objective import named_losses


def test_a_moved_gate_is_a_roll_of_itself() -> None:
    torch.manual_seed(0)
    gate = torch.arange(2 * 20, dtype=torch.float32).reshape(2, 1, 4, 5) + 1
    moved = moved_elsewhere(gate, torch.zeros(2, 1, 4, 5))
    for one, other in zip(gate[:, 0].numpy(), moved[:, 0].numpy(), strict=True):
        rolls = [np.roll(one, (y, x), (0, 1)) for y in range(4) for x in range(5)]
        assert any(np.array_equal(other, roll) for roll in rolls)


def test_offsets_differ_between_images_and_calls() -> None:
    torch.manual_seed(0)
    gate = torch.zeros(64, 1, 8, 8)
    gate[:, 0, 0, 0] = 1
    moved = moved_elsewhere(gate, torch.zeros_like(gate))
    assert len({int(m.argmax()) for m in moved}) > 20
    assert not torch.equal(moved, moved_elsewhere(gate, torch.zeros_like(gate)))


def test_nothing_is_attended_on_the_defect_or_its_neighbors() -> None:
    mask = torch.zeros(16, 1, 8, 8)
    mask[:, 0, 3, 4] = 1
    moved = moved_elsewhere(torch.ones(16, 1, 8, 8), mask)
    assert (moved[:, 0, 2:5, 3:6] == 0).all()
    assert moved.sum() == 16 * (64 - 9)


def test_the_pass_elsewhere_leaves_the_running_statistics_alone() -> None:
    module = torch.nn.BatchNorm2d(3)
    before = module.running_mean.clone()
    with running_statistics(module):
        values = torch.randn(4, 3, 2, 2) + 5
        torch.testing.assert_close(
            module(values), values / (1 + module.eps) ** 0.5
        )  # mean 0, variance 1 stored
    assert torch.equal(module.running_mean, before)
    assert module.training


def test_the_loss_adds_the_focal_loss_to_ok_of_masked_defective_images() -> None:
    target = torch.tensor([True, True, False])
    has_mask = torch.tensor([True, False, False])
    mask = torch.zeros(3, 8, 8, dtype=torch.uint8)
    batch = Sample(torch.zeros(3, 8, 8, 3, dtype=torch.uint8), mask, target, has_mask)
    plain, elsewhere = torch.randn(3, 2), torch.randn(3, 2)
    output = Output(torch.zeros(3, 2), torch.zeros(3, 1, 2, 2))
    output.counterfactual_logits, output.elsewhere_logits = plain, elsewhere
    (loss,) = named_losses(output, batch, ("counterfactual",), alpha=0.5, gamma=2.0).values()
    p_ok = elsewhere[0].softmax(dim=0)[0]
    expected = losses.counterfactual(plain)[0] - 0.5 * (1 - p_ok) ** 2 * p_ok.log()
    torch.testing.assert_close(loss, expected)
