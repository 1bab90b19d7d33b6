"""The multi-task objective: named losses from the model's output and a batch."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.data.loading.dataset import Sample
from gainspect.models import losses
from gainspect.models.box_losses import boxed
from gainspect.models.gain_mtl import Output, mask_at
from gainspect.strategies import LossName


class Divisors(NamedTuple):
    """What sums over the images of a rank are divided by, each ().

    The mean over ranks of these quotients, which is what gradients are averaged to, is the mean over the
    images of all ranks: each is the number of images that count on all ranks together, per rank.
    """

    images: Tensor
    marked: Tensor
    """Defective images that have a mask."""
    ok: Tensor
    whole: Tensor
    """Those of `marked` without an ignored area."""


def divisors(batch: Sample, summed: Callable[[Tensor], Tensor] = lambda own: own, ranks: int = 1) -> Divisors:
    """Count the images of a step.

    Args:
        batch: this rank's share of them.
        summed: the sum of a tensor over all ranks.
        ranks: how many there are.
    """
    groups = (torch.ones_like(batch.target), batch.has_mask, ~batch.target, _whole(batch))
    counts = summed(torch.stack([group.sum() for group in groups]))
    return Divisors(*(counts.clamp_min(1) / ranks))


def named_losses(
    output: Output,
    batch: Sample,
    active: Collection[LossName],
    *,
    alpha: float,
    gamma: float,
    attention_loss: str = "overlap",
    counted: Divisors | None = None,
) -> dict[LossName, Tensor]:
    """Each active loss as a scalar, unweighted.

    Mask losses use the defective images that have a mask; where it shows boxes, `box_losses.boxed` takes the
    place of each. OK images push attention and localization to zero. An NG image without a mask trains only
    the classifiers. What masks say to ignore counts in none of them.

    Args:
        output: the output of the model in training.
        batch: the batch that the output belongs to.
        active: the losses to compute.
        alpha: weight of NG in the focal losses.
        gamma: focusing exponent of the focal losses.
        attention_loss: a key of `losses.ATTENTION_LOSSES`.
        counted: what sums over images are divided by; None: the batch is all there is.
    """
    ok = ~batch.target
    counted = divisors(batch) if counted is None else counted
    # Of the means over all images of the batch; 1 where all ranks have as many.
    share = len(batch.target) / counted.images
    named: dict[LossName, Tensor] = {}
    if "classification" in active:
        named["classification"] = share * losses.focal(output.logits, batch.target, alpha, gamma)
    if "evidence" in active and output.evidence_margin is not None:
        named["evidence"] = share * losses.focal_margin(output.evidence_margin, batch.target, alpha, gamma)
    if "cam" in active:
        target, weight = _at(batch, output.cam)
        guided = _boxes_apart(losses.cam_guidance(output.cam, target, weight), batch, output.cam, weight)
        named["cam"] = mean_of(guided, batch.has_mask, counted.marked)
    if "mining" in active and output.attended_logits is not None:
        named["mining"] = share * losses.focal(output.attended_logits, batch.target, alpha, gamma)
    if "guidance" in active and output.attention_logits is not None:
        attention = output.attention_logits
        target, weight = _at(batch, attention)
        guided = losses.ATTENTION_LOSSES[attention_loss](attention, target, weight)
        guided = _boxes_apart(guided, batch, attention, weight)
        named["guidance"] = mean_of(guided, batch.has_mask, counted.marked) + mean_of(
            losses.silence(attention, weight), ok, counted.ok
        )
    if "localization" in active and output.localization_logits is not None:
        found = output.localization_logits
        # At the mask's own resolution: a map cell can be as wide as a small defect and would double its size.
        fine = F.interpolate(found, size=batch.mask.shape[-2:], mode="bilinear")
        target, weight = _at(batch, fine)
        _, coarse = _at(batch, found)
        located = _boxes_apart(losses.localization(fine, target, weight), batch, fine, weight)
        named["localization"] = mean_of(located, batch.has_mask, counted.marked) + mean_of(
            losses.silence(found, coarse), ok, counted.ok
        )
    if (
        "consistency" in active
        and output.attention_logits is not None
        and output.localization_logits is not None
    ):
        consistent = losses.consistency(output.attention_logits, output.localization_logits)
        named["consistency"] = share * consistent.mean()
    if "counterfactual" in active and output.counterfactual_logits is not None:
        possible = _whole(batch) if output.surrounded is None else _whole(batch) & output.surrounded
        named["counterfactual"] = mean_of(
            losses.counterfactual(output.counterfactual_logits), possible, counted.whole
        )
    return named


def _boxes_apart(outlined: Tensor, batch: Sample, maps: Tensor, weight: Tensor | None) -> Tensor:
    """(B,) losses of maps (B, 1, h, w), given as if all masks were outlines, with those of boxes in place."""
    if not batch.boxed.any():
        return outlined
    return torch.where(batch.boxed, boxed(maps, batch.mask, weight, batch.turned), outlined)


def _whole(batch: Sample) -> Tensor:
    """(B,) marked images that without the defect must be OK: what is ignored may be defective too."""
    return batch.has_mask & ~batch.ignored.flatten(1).bool().any(dim=1)


def _at(batch: Sample, maps: Tensor) -> tuple[Tensor, Tensor | None]:
    """Masks at the size of maps (B, 1, h, w), and 0 where a cell without a defect has something to ignore.

    None: all cells count.
    """
    size = maps.shape[-2:]
    target = mask_at(batch.mask, size)
    if not batch.ignored.any():
        return target, None
    return target, 1 - mask_at(batch.ignored, size) * (1 - target)


class UncertaintyWeights(nn.Module):
    """Learned loss weights: each loss L becomes exp(−s)·L + s.

    Source: Kendall et al., Multi-Task Learning Using Uncertainty (CVPR 2018), equation 7, up to factors of 2.

    Args:
        weights: the strategy's weights; s is initialized so that exp(−s) is this weight.
    """

    def __init__(self, weights: Mapping[LossName, float]) -> None:
        super().__init__()
        self.log_variance = nn.ParameterDict(
            {name: nn.Parameter(-torch.tensor(weight).log()) for name, weight in weights.items()}
        )

    def forward(self, named: Mapping[LossName, Tensor], shares: Mapping[LossName, float]) -> Tensor:
        """Sum over the losses; `shares` gives for each loss how far its ramp has progressed, 0…1."""
        terms = [
            shares[name] * ((-self.log_variance[name]).exp() * value + self.log_variance[name])
            for name, value in named.items()
        ]
        return torch.stack(terms).sum()


def mean_of(per_image: Tensor, of: Tensor, count: Tensor | None = None) -> Tensor:
    """Sum over the images in `of`, divided by a count; 0 (but still part of the graph) if there are none.

    Args:
        per_image: (B,)
        of: (B,) bool.
        count: () what the sum is divided by; None: the number of images in `of`.
    """
    return torch.where(of, per_image, 0.0).sum() / (of.sum().clamp_min(1) if count is None else count)
