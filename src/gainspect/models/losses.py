"""The training losses as functions of (logits, target); all are computed in float32.

Mask losses return one value per image, so that the caller can leave out images without a mask.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss


def focal(logits: Tensor, target: Tensor, alpha: float, gamma: float) -> Tensor:
    """Two-class focal loss −α_t (1−p_t)^γ log p_t, mean over the batch.

    The softmax of two logits is the sigmoid of their margin, so torchvision's loss on the margin is the same.

    Source: Lin et al., Focal Loss (ICCV 2017), equation 5.

    Args:
        logits: (B, 2), OK then NG.
        target: (B,) 1 for NG.
        alpha: weight of NG, 0…1; OK gets 1 − alpha.
        gamma: focusing exponent, at least 0.
    """
    return focal_margin(logits[:, 1].float() - logits[:, 0].float(), target, alpha, gamma)


def focal_margin(margin: Tensor, target: Tensor, alpha: float, gamma: float) -> Tensor:
    """The loss of `focal`, computed from the margin (B,), the logit of P(NG)."""
    loss: Tensor = sigmoid_focal_loss(
        margin.float(), target.float(), alpha=alpha, gamma=gamma, reduction="mean"
    )
    return loss


def dice(prob: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 − 2|A∩B| / (|A|+|B|), soft, per image.

    Args:
        prob: (B, 1, h, w), 0…1.
        target: (B, 1, h, w), 0…1.
        weight: (B, 1, h, w), 0 where a pixel counts for nothing, else 1; None: all count.

    Returns:
        (B,), from 0 (equal) to 1 (disjoint, or both empty).

    >>> dice(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0]]]])).round(decimals=3)
    tensor([0.3330])
    """
    overlap, total = _overlap_and_total(prob, target, weight)
    return 1 - 2 * overlap / total.clamp_min(1e-6)


def iou(prob: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 − |A∩B| / |A∪B|, soft, per image; shapes and ranges as in `dice`.

    >>> iou(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0]]]]))
    tensor([0.5000])
    """
    overlap, total = _overlap_and_total(prob, target, weight)
    return 1 - overlap / (total - overlap).clamp_min(1e-6)


def bce(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of (B, 1, h, w) logits, mean over what counts, per image: (B,)."""
    each = F.binary_cross_entropy_with_logits(logits.float(), target.float(), reduction="none")
    return _mean(each, weight)


def cam_guidance(cam: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """BCE + Dice of σ(CAM margin) and the mask, per image: it makes the classifier rely on the defect."""
    return bce(cam, target, weight) + dice(cam.float().sigmoid(), target, weight)


def attention_guidance(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """BCE + Dice + IoU of the attention and the mask, per image."""
    attention = logits.float().sigmoid()
    return bce(logits, target, weight) + dice(attention, target, weight) + iou(attention, target, weight)


def attention_energy(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 − Σ attention·mask / Σ attention, per image: the share of the energy outside the defect.

    Source: Rao et al., Studying How to Efficiently and Effectively Guide Models with Explanations
    (ICCV 2023), section 3.2.
    """
    attention = _counted(logits.float().sigmoid(), weight)
    inside = (attention * target.float()).sum(dim=(1, 2, 3))
    return 1 - inside / attention.sum(dim=(1, 2, 3)).clamp_min(1e-6)


def attention_l1(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean |attention − mask|, per image."""
    return _mean((logits.float().sigmoid() - target.float()).abs(), weight)


ATTENTION_LOSSES: Mapping[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "overlap": attention_guidance,
    "energy": attention_energy,
    "l1": attention_l1,
}
"""The losses that can guide attention, by their name in the configuration."""


def localization(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Dice + BCE, per image."""
    return bce(logits, target, weight) + dice(logits.float().sigmoid(), target, weight)


def silence(logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """BCE to zero, per image, because an OK part has no defect.

    Its minimum is a map that is low everywhere, so no entropy term is needed to spread it evenly.
    """
    return bce(logits, torch.zeros_like(logits), weight)


def consistency(attention_logits: Tensor, localization_logits: Tensor) -> Tensor:
    """MSE of attention (B, 1, h, w) and localization max-pooled to the same size, per image."""
    found = F.adaptive_max_pool2d(localization_logits.float().sigmoid(), attention_logits.shape[-2:])
    return (attention_logits.float().sigmoid() - found).square().mean(dim=(1, 2, 3))


def counterfactual(logits: Tensor) -> Tensor:
    """Cross-entropy of (B, 2) counterfactual logits to OK, per image."""
    return F.cross_entropy(logits.float(), logits.new_zeros(len(logits), dtype=torch.long), reduction="none")


def _mean(each: Tensor, weight: Tensor | None) -> Tensor:
    """(B,) mean over what counts; 0 where nothing does."""
    if weight is None:
        return each.mean(dim=(1, 2, 3))
    return (each * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3)).clamp_min(1)


def _counted(values: Tensor, weight: Tensor | None) -> Tensor:
    return values if weight is None else values * weight


def _overlap_and_total(prob: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """|A∩B| and |A|+|B| per image; in float32, because bfloat16 is exact only for integers up to 256."""
    prob, target = _counted(prob.float(), weight), _counted(target.float(), weight)
    return (prob * target).sum(dim=(1, 2, 3)), prob.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3))
