"""The loss of images whose masks are boxes: it takes no pixel in a box for a defect.

What is beside a box is no defect. In a box, each row and each column meets the defect, for the box is drawn
around it; where they meet it is left to the network.

Sources: Tian et al., BoxInst: High-Performance Instance Segmentation with Box Annotations (CVPR 2021), the
projection term; Hsu et al., Weakly Supervised Instance Segmentation using the Bounding Box Tightness Prior
(NeurIPS 2019).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gainspect.models.losses import bce, dice

_COVERED = 0.25
"""A pixel is in a box that is turned back if so much of it is, as in augmentation."""


def boxed(logits: Tensor, boxes: Tensor, weight: Tensor | None, turned: Tensor) -> Tensor:
    """BCE to zero beside the boxes, and the projection term, per image: (B,).

    Args:
        logits: (B, 1, h, w) of a map of square frames.
        boxes: (B, H, W), 1 in the boxes.
        weight: (B, 1, h, w), 0 where a cell has something to ignore; None: all count.
        turned: (B,) degrees by which the sides of the boxes are turned, see `upright`. NaN: some are cut, so
            that a row may have lost its defect; the image has no projection term.
    """
    size = logits.shape[-2:]
    inside = F.adaptive_max_pool2d(boxes.unsqueeze(1).float(), size)
    beside = 1 - inside if weight is None else weight * (1 - inside)
    silence = bce(logits, torch.zeros_like(logits), beside)
    prob = logits.float().sigmoid()
    level = upright(prob if weight is None else prob * weight, turned)
    drawn = (upright(boxes.unsqueeze(1).float(), turned) >= _COVERED).float()
    met = projection(level, F.adaptive_max_pool2d(drawn, size))
    return silence + torch.where(turned.isnan(), 0.0, met)


def projection(prob: Tensor, boxes: Tensor) -> Tensor:
    """Dice of the largest values of each row, plus Dice of those of each column, per image.

    Of rows and columns that meet a box, the largest value in the box counts: what is beside it must not stand
    for its defect.

    Args:
        prob: (B, 1, h, w), 0…1.
        boxes: (B, 1, h, w), 0 or 1; their sides are rows and columns.

    Returns:
        (B,), from 0 to 2.

    >>> diagonal = torch.eye(3).view(1, 1, 3, 3)
    >>> projection(diagonal, torch.ones(1, 1, 3, 3))
    tensor([0.])
    """
    rows, columns = (_along(axis, prob, boxes) for axis in (3, 2))
    return rows + columns


def _along(axis: int, prob: Tensor, boxes: Tensor) -> Tensor:
    meets = boxes.amax(dim=axis, keepdim=True)
    inside, anywhere = (values.amax(dim=axis, keepdim=True) for values in (prob * boxes, prob))
    return dice(torch.where(meets > 0, inside, anywhere), meets)


def upright(maps: Tensor, turned: Tensor) -> Tensor:
    """Turn maps (B, 1, h, w) of square frames back by angles (B,), in degrees, about their middle.

    Bilinear, with 0 from beyond the frame. Positive angles are counter-clockwise, as in
    `cv2.getRotationMatrix2D`; NaN counts as 0.
    """
    angle = turned.nan_to_num(0.0).to(maps.device, torch.float32).deg2rad()
    if not angle.any():
        return maps
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros_like(angle)
    turns = torch.stack([cos, sin, none, -sin, cos, none], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(turns, list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, align_corners=False)
