"""Which images each loss sees, against sums written out by hand."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gainspect.data.loading.dataset import Sample
from gainspect.models import losses
from gainspect.models.box_losses import boxed
from gainspect.models.gain_mtl import Output
from gainspect.strategies import LossName
from gainspect.training.objective import UncertaintyWeights, divisors, named_losses

ALL = ("classification", "cam", "mining", "guidance", "localization", "consistency", "counterfactual")
# Four images: NG with a mask, NG without one, OK, NG with a mask.
TARGET = torch.tensor([True, True, False, True])
HAS_MASK = torch.tensor([True, False, False, True])


def _batch() -> Sample:
    mask = torch.zeros(4, 16, 16, dtype=torch.uint8)
    mask[0, 2:6, 2:6] = 1
    mask[3, 15, 15] = 1
    return Sample(
        torch.zeros(4, 16, 16, 3, dtype=torch.uint8),
        mask,
        TARGET,
        HAS_MASK,
        torch.zeros_like(mask),
        torch.zeros(4, dtype=torch.bool),
        torch.full((4,), torch.nan),
    )


def _with_a_box(batch: Sample) -> Sample:
    """The first image's mask is a box, turned by 5°."""
    return batch._replace(
        boxed=torch.tensor([True, False, False, False]), turned=torch.tensor([5.0, *[torch.nan] * 3])
    )


def _output() -> Output:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, requires_grad=True)

    return Output(
        logits=random(4, 2),
        cam=random(4, 1, 4, 4),
        attention_logits=random(4, 1, 4, 4),
        attended_logits=random(4, 2),
        localization_logits=random(4, 1, 8, 8),
        counterfactual_logits=random(4, 2),
    )


def _named(output: Output, batch: Sample) -> dict[str, Tensor]:
    return {**named_losses(output, batch, ALL, alpha=0.25, gamma=2.0)}


def test_mask_losses_are_the_mean_over_defective_images_with_a_mask_plus_silence_on_ok() -> None:
    output, batch = _output(), _batch()
    named = _named(output, batch)
    small = torch.zeros(4, 1, 4, 4)
    small[0, 0, 0:2, 0:2] = 1  # rows 2…5 of 16 touch cells 0 and 1 of 4
    small[3, 0, 3, 3] = 1
    cam = losses.cam_guidance(output.cam, small)
    torch.testing.assert_close(named["cam"], (cam[0] + cam[3]) / 2)
    assert output.attention_logits is not None
    guided, quiet = (
        losses.attention_guidance(output.attention_logits, small),
        losses.silence(output.attention_logits),
    )
    torch.testing.assert_close(named["guidance"], (guided[0] + guided[3]) / 2 + quiet[2])
    assert output.localization_logits is not None
    coarse = output.localization_logits.detach().numpy()[:, 0]
    fine = torch.from_numpy(np.stack([cv2.resize(one, (16, 16)) for one in coarse])).unsqueeze(1)
    found = losses.localization(fine, batch.mask.unsqueeze(1))  # at the mask's own resolution
    silent = losses.silence(output.localization_logits)
    torch.testing.assert_close(named["localization"], (found[0] + found[3]) / 2 + silent[2])
    assert output.counterfactual_logits is not None
    repaired = losses.counterfactual(output.counterfactual_logits)
    torch.testing.assert_close(named["counterfactual"], (repaired[0] + repaired[3]) / 2)


@pytest.mark.parametrize(("name", "loss"), [("energy", losses.attention_energy), ("l1", losses.attention_l1)])
def test_another_loss_may_guide_attention(name: str, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    output, batch = _output(), _batch()
    named = named_losses(output, batch, ["guidance"], alpha=0.25, gamma=2.0, attention_loss=name)
    assert output.attention_logits is not None
    small = torch.zeros(4, 1, 4, 4)
    small[0, 0, 0:2, 0:2] = 1
    small[3, 0, 3, 3] = 1
    guided, quiet = loss(output.attention_logits, small), losses.silence(output.attention_logits)
    torch.testing.assert_close(named["guidance"], (guided[0] + guided[3]) / 2 + quiet[2])


def test_the_verdict_of_its_evidence_is_judged_by_the_focal_loss() -> None:
    output, batch = _output(), _batch()
    output.evidence_margin = torch.tensor([2.0, -1.0, 0.5, 3.0])
    named = named_losses(output, batch, ["evidence"], alpha=0.25, gamma=2.0)
    logits = torch.stack([torch.zeros(4), output.evidence_margin], dim=1)
    torch.testing.assert_close(named["evidence"], losses.focal(logits, TARGET, 0.25, 2.0))


def test_uncertainty_weights_begin_at_the_strategys_and_find_the_losses_own_scale() -> None:
    weights = {"classification": 0.3, "localization": 1.0}
    learned = UncertaintyWeights({"classification": 0.3, "localization": 1.0})
    named: dict[LossName, Tensor] = {"classification": torch.tensor(0.1), "localization": torch.tensor(2.0)}
    total = learned(named, {"classification": 1.0, "localization": 0.5})
    expected = (0.3 * 0.1 - math.log(0.3)) + 0.5 * (1.0 * 2.0 - math.log(1.0))
    assert total.item() == pytest.approx(expected)
    optimizer = torch.optim.SGD(learned.parameters(), lr=0.2)
    for _ in range(400):
        optimizer.zero_grad()
        learned(named, dict.fromkeys(weights, 1.0)).backward()
        optimizer.step()
    # d/ds (exp(−s)·L + s) = 0 where exp(s) = L.
    assert learned.log_variance["classification"].exp().item() == pytest.approx(0.1, rel=0.01)
    assert learned.log_variance["localization"].exp().item() == pytest.approx(2.0, rel=0.01)


def test_an_ng_image_without_a_mask_trains_the_classifiers_only() -> None:
    output, batch = _output(), _batch()
    named = _named(output, batch)
    for name, tensor in (
        ("cam", output.cam),
        ("guidance", output.attention_logits),
        ("localization", output.localization_logits),
        ("counterfactual", output.counterfactual_logits),
    ):
        (gradient,) = torch.autograd.grad(named[name], [tensor], retain_graph=True)
        assert gradient[1].abs().sum() == 0, name
        assert gradient[0].abs().sum() > 0, name
    for name, logits in (("classification", output.logits), ("mining", output.attended_logits)):
        (gradient,) = torch.autograd.grad(named[name], [logits], retain_graph=True)
        assert (gradient.abs().sum(dim=1) > 0).all(), name


def test_only_active_losses_are_computed() -> None:
    assert set(named_losses(_output(), _batch(), ("classification", "cam"), alpha=0.5, gamma=2.0)) == {
        "classification",
        "cam",
    }


def test_a_batch_without_masks_gives_zero_mask_losses_and_no_nan() -> None:
    output = _output()
    batch = _batch()._replace(
        has_mask=torch.zeros(4, dtype=torch.bool), target=torch.ones(4, dtype=torch.bool)
    )
    named = _named(output, batch)
    assert named["cam"].item() == named["guidance"].item() == named["localization"].item() == 0.0
    assert all(torch.isfinite(value) for value in named.values())


def test_what_is_ignored_changes_no_loss() -> None:
    """Maps may be anything where a mask says to ignore; the counterfactual leaves such parts out."""
    batch, output = _batch(), _output()
    batch.ignored[:, 8:, :8] = 1
    assert not (batch.ignored & batch.mask).any()
    before = named_losses(output, batch, ALL, alpha=0.5, gamma=0)
    assert not named_losses(output, batch, ("counterfactual",), alpha=0.5, gamma=0)["counterfactual"].any()

    def changed(maps: Tensor) -> Tensor:
        other = maps.detach().clone()
        half = other.shape[-1] // 2
        other[:, :, half:, :half] += 5  # on the border of the two, upsampling would mix them
        return other

    output.cam, output.attention_logits = changed(output.cam), changed(output.attention_logits)
    after = named_losses(output, batch, ALL, alpha=0.5, gamma=0)
    for name in ("cam", "guidance"):
        assert torch.equal(after[name], before[name]), name
    none = batch._replace(ignored=torch.zeros_like(batch.ignored))
    assert not torch.equal(named_losses(output, none, ("cam",), alpha=0.5, gamma=0)["cam"], after["cam"])


def test_a_box_has_its_own_loss_and_an_outline_beside_it_the_same_as_without() -> None:
    output, batch = _output(), _with_a_box(_batch())
    named, plain = _named(output, batch), _named(output, _batch())
    assert output.attention_logits is not None and output.localization_logits is not None
    fine = F.interpolate(output.localization_logits, size=(16, 16), mode="bilinear")
    small = torch.zeros(4, 1, 4, 4)
    small[3, 0, 3, 3] = 1
    silent = {
        "cam": torch.zeros(4),
        "guidance": losses.silence(output.attention_logits),
        "localization": losses.silence(output.localization_logits),
    }
    for name, maps, outline in (
        ("cam", output.cam, losses.cam_guidance(output.cam, small)),
        ("guidance", output.attention_logits, losses.attention_guidance(output.attention_logits, small)),
        ("localization", fine, losses.localization(fine, batch.mask.unsqueeze(1))),
    ):
        of_box = boxed(maps, batch.mask, None, batch.turned)
        expected = (of_box[0] + outline[3]) / 2 + silent[name][2]
        torch.testing.assert_close(named[name], expected, rtol=0, atol=0)
        tensor = output.localization_logits if name == "localization" else maps
        gradients = [torch.autograd.grad(one[name], [tensor], retain_graph=True)[0] for one in (named, plain)]
        assert torch.equal(gradients[0][1:], gradients[1][1:])
        assert not torch.equal(gradients[0][0], gradients[1][0])
    for name in set(named) - {"cam", "guidance", "localization"}:
        assert torch.equal(named[name], plain[name]), name


def _share(output: Output, batch: Sample, taken: list[int]) -> tuple[Output, Sample]:
    """The images at some places of a batch, and what the network says of them, in the same graph."""
    parts = {name: value[taken] for name, value in vars(output).items() if isinstance(value, Tensor)}
    return Output(**parts), Sample(*(value[taken] for value in batch))


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("shares", [([0, 1], [2, 3]), ([0, 3], [1, 2]), ([0, 1, 3], [2]), ([3], [1], [0, 2])])
def test_the_mean_over_ranks_of_their_losses_is_the_loss_of_the_whole_batch(
    shares: tuple[list[int], ...], boxes: bool
) -> None:
    """Also where one rank has all masks, no OK image, or more images than another; and so do gradients."""
    output, batch = _output(), _with_a_box(_batch()) if boxes else _batch()
    output.evidence_margin = torch.randn(4, requires_grad=True)
    batch.ignored[3, :4, 8:] = 1
    active = (*ALL, "evidence")
    parts = [_share(output, batch, taken) for taken in shares]
    sums: list[Tensor] = []
    for _, own in parts:
        divisors(own, lambda counted: sums.append(counted) or counted)
    total = torch.stack(sums).sum(dim=0)
    whole = named_losses(output, batch, active, alpha=0.25, gamma=2.0)
    ranked = [
        named_losses(
            seen, own, active, alpha=0.25, gamma=2.0, counted=divisors(own, lambda _: total, len(shares))
        )
        for seen, own in parts
    ]
    tensors = [value for value in vars(output).values() if isinstance(value, Tensor)]
    for name, expected in whole.items():
        mean = torch.stack([named[name] for named in ranked]).mean()
        torch.testing.assert_close(mean, expected, msg=name)
        gradients = [
            torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
            for loss in (mean, expected)
        ]
        for found, wanted in zip(*gradients, strict=True):
            assert (found is None) == (wanted is None)
            if wanted is not None:
                torch.testing.assert_close(found, wanted, msg=name)
