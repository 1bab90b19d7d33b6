"""The multi-task objective: named losses from the model's output and a batch."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.data.loading.dataset import Sample
from gainspect.models import losses
from gainspect.models.gain_mtl import Output, mask_at
from gainspect.strategies import LossName


def named_losses(
    output: Output,
    batch: Sample,
    active: Collection[LossName],
    *,
    alpha: float,
    gamma: float,
    attention_loss: str = "overlap",
) -> dict[LossName, Tensor]:
    """Each active loss as a scalar, unweighted.

    Mask losses use the defective images that have a mask. OK images push attention and localization to zero.
    An NG image without a mask trains only the classifiers. What masks say to ignore counts in none of them.

    Args:
        output: the output of the model in training.
        batch: the batch that the output belongs to.
        active: the losses to compute.
        alpha: weight of NG in the focal losses.
        gamma: focusing exponent of the focal losses.
        attention_loss: a key of `losses.ATTENTION_LOSSES`.
    """
    ok = ~batch.target
    named: dict[LossName, Tensor] = {}
    if "classification" in active:
        named["classification"] = losses.focal(output.logits, batch.target, alpha, gamma)
    if "evidence" in active and output.evidence_margin is not None:
        named["evidence"] = losses.focal_margin(output.evidence_margin, batch.target, alpha, gamma)
    if "cam" in active:
        target, weight = _at(batch, output.cam)
        named["cam"] = mean_of(losses.cam_guidance(output.cam, target, weight), batch.has_mask)
    if "mining" in active and output.attended_logits is not None:
        named["mining"] = losses.focal(output.attended_logits, batch.target, alpha, gamma)
    if "guidance" in active and output.attention_logits is not None:
        attention = output.attention_logits
        target, weight = _at(batch, attention)
        guided = losses.ATTENTION_LOSSES[attention_loss](attention, target, weight)
        named["guidance"] = mean_of(guided, batch.has_mask) + mean_of(losses.silence(attention, weight), ok)
    if "localization" in active and output.localization_logits is not None:
        found = output.localization_logits
        # At the mask's own resolution: a map cell can be as wide as a small defect and would double its size.
        fine = F.interpolate(found, size=batch.mask.shape[-2:], mode="bilinear")
        target, weight = _at(batch, fine)
        _, coarse = _at(batch, found)
        named["localization"] = mean_of(losses.localization(fine, target, weight), batch.has_mask) + mean_of(
            losses.silence(found, coarse), ok
        )
    if (
        "consistency" in active
        and output.attention_logits is not None
        and output.localization_logits is not None
    ):
        named["consistency"] = losses.consistency(output.attention_logits, output.localization_logits).mean()
    if "counterfactual" in active and output.counterfactual_logits is not None:
        # What is ignored may be defective: without the marked defect such a part need not be OK.
        whole = batch.has_mask & ~batch.ignored.flatten(1).bool().any(dim=1)
        named["counterfactual"] = mean_of(losses.counterfactual(output.counterfactual_logits), whole)
    return named


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


def mean_of(per_image: Tensor, of: Tensor) -> Tensor:
    """Mean over the images in `of`; 0 (but still part of the graph) if there are none."""
    return torch.where(of, per_image, 0.0).sum() / of.sum().clamp_min(1)
