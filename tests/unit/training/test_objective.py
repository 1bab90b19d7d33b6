"""Which images each loss sees, against sums written out by hand."""

import torch
from torch import Tensor

from gainspect import losses
from gainspect.data.dataset import Sample
from gainspect.models.gain_mtl import Output
from gainspect.training.objective import named_losses

ALL = ("classification", "cam", "mining", "guidance", "localization", "consistency", "counterfactual")
# Four images: NG with a mask, NG without one, OK, NG with a mask.
TARGET = torch.tensor([True, True, False, True])
HAS_MASK = torch.tensor([True, False, False, True])


def _batch() -> Sample:
    mask = torch.zeros(4, 16, 16, dtype=torch.uint8)
    mask[0, 2:6, 2:6] = 1
    mask[3, 15, 15] = 1
    return Sample(torch.zeros(4, 16, 16, 3, dtype=torch.uint8), mask, TARGET, HAS_MASK)


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
    assert output.counterfactual_logits is not None
    repaired = losses.counterfactual(output.counterfactual_logits)
    torch.testing.assert_close(named["counterfactual"], (repaired[0] + repaired[3]) / 2)


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
