"""The multi-task objective: the model's output and a batch → named losses."""

from collections.abc import Collection

import torch
from torch import Tensor

from gainspect import losses
from gainspect.data.dataset import Sample
from gainspect.models.gain_mtl import Output, mask_at
from gainspect.strategies import LossName


def named_losses(
    output: Output, batch: Sample, active: Collection[LossName], *, alpha: float, gamma: float
) -> dict[LossName, Tensor]:
    """Each active loss as a scalar, unweighted.

    Mask losses see defective images that have a mask; OK images push attention and localization to zero;
    an NG image without a mask trains the classifiers only.
    """
    ok = ~batch.target
    named: dict[LossName, Tensor] = {}
    if "classification" in active:
        named["classification"] = losses.focal(output.logits, batch.target, alpha, gamma)
    if "evidence" in active and output.evidence_margin is not None:
        named["evidence"] = losses.focal_margin(output.evidence_margin, batch.target, alpha, gamma)
    if "cam" in active:
        target = mask_at(batch.mask, output.cam.shape[-2:])
        named["cam"] = _mean(losses.cam_guidance(output.cam, target), batch.has_mask)
    if "mining" in active and output.attended_logits is not None:
        named["mining"] = losses.focal(output.attended_logits, batch.target, alpha, gamma)
    if "guidance" in active and output.attention_logits is not None:
        attention = output.attention_logits
        target = mask_at(batch.mask, attention.shape[-2:])
        named["guidance"] = _mean(losses.attention_guidance(attention, target), batch.has_mask) + _mean(
            losses.silence(attention), ok
        )
    if "localization" in active and output.localization_logits is not None:
        found = output.localization_logits
        target = mask_at(batch.mask, found.shape[-2:])
        named["localization"] = _mean(losses.localization(found, target), batch.has_mask) + _mean(
            losses.silence(found), ok
        )
    if (
        "consistency" in active
        and output.attention_logits is not None
        and output.localization_logits is not None
    ):
        named["consistency"] = losses.consistency(output.attention_logits, output.localization_logits).mean()
    if "counterfactual" in active and output.counterfactual_logits is not None:
        named["counterfactual"] = _mean(losses.counterfactual(output.counterfactual_logits), batch.has_mask)
    return named


def _mean(per_image: Tensor, of: Tensor) -> Tensor:
    """Mean over the images in `of`; 0 (still part of the graph) when there are none."""
    return torch.where(of, per_image, 0.0).sum() / of.sum().clamp_min(1)
