"""The reason check: repair the evidence in the image, repair an equal area elsewhere, and compare the scores.

A verdict is based on its evidence if the score falls when the evidence is repaired, but stays when regions of
the same shape and area are repaired elsewhere. These controls show how the repair itself affects the score.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from gainspect.inspection.reason.part import part_of
from gainspect.inspection.reason.repair import BoolMask, drawn_place, pieces_of, repair
from gainspect.inspection.reason.rules import review_reasons
from gainspect.policy import ReasonPolicy
from gainspect.types import CheckGap, FloatMap, Image, Label, ReasonCheck, Verdict

_MARGIN = 0.03
"""Margin by which a repair exceeds the evidence, as a share of the longer image side. Without it, the rim of
a defect would be smeared into the repair."""
_MAX_SHARE = 0.5
"""Largest share of the image that is repaired; with more, too little is left to repair it from."""
_MAX_COVERED = 1 / 3
"""Largest share of what looks like the part that the evidence covers; with more, it may be the defect."""
_DRAWS = 100
"""Number of places tried for each piece of a control."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One image, and what to repair in it."""

    image: Image
    region: BoolMask
    """(H, W), the evidence region with its margin."""
    controls: tuple[BoolMask, ...]
    gap: CheckGap | None

    def images(self) -> Iterator[Image]:
        """The image with its evidence repaired, then with each control repaired; none if there is a gap."""
        if self.gap in (None, CheckGap.NO_ROOM_FOR_CONTROL):
            for region in (self.region, *self.controls):
                yield repair(self.image, region, avoid=self.region)


def check_reasons(
    images: Sequence[Image],
    verdicts: Sequence[Verdict],
    scores: Callable[[Iterator[Image]], Sequence[float]],
    policy: ReasonPolicy,
    region_threshold: float,
) -> list[Verdict]:
    """Check the reason of every NG verdict, and add what is found; the others stay as they are.

    No label changes here: `policy.decide` says what follows from what is found.

    Args:
        images: the images that were judged.
        verdicts: the verdicts of these images.
        scores: gives P(NG) of images; it is called once, with the repaired images of the whole batch, which
            are made as it takes them.
        policy: how to check reasons, and when a check fails.
        region_threshold: evidence at or above this value is repaired; in the evidence's own units.
    """
    trials = {
        index: plan(image, verdict.evidence.evidence, region_threshold, policy.controls, policy.seed)
        for index, (image, verdict) in enumerate(zip(images, verdicts, strict=True))
        if verdict.label is Label.NG
    }
    if not trials:
        return list(verdicts)
    found = iter(scores(repaired for trial in trials.values() for repaired in trial.images()))
    checked = list(verdicts)
    for index, trial in trials.items():
        count = 0 if trial.gap in (CheckGap.NO_REGION, CheckGap.REGION_TOO_LARGE) else 1 + len(trial.controls)
        answers = [next(found) for _ in range(count)]
        verdict = verdicts[index]
        check = ReasonCheck(
            score=verdict.score,
            threshold=verdict.threshold,
            repaired=answers[0] if answers else None,
            controls=tuple(answers[1:]),
            area=int(trial.region.sum()),
            gap=trial.gap,
        )
        reasons = review_reasons(check, verdict.evidence, policy)
        checked[index] = replace(verdict, check=check, review_reasons=reasons)
    return checked


def plan(image: Image, evidence: FloatMap, region_threshold: float, controls: int, seed: int) -> Trial:
    """What to repair in one image; the same pixels and seed give the same regions.

    Args:
        image: (H, W, 3).
        evidence: (H, W), at least 0.
        region_threshold: in the evidence's own units.
        controls: how many control regions to look for.
        seed: determines their places, together with the pixels.
    """
    region = evidence_region(evidence, region_threshold)
    if not region.any():
        return Trial(image, region, (), CheckGap.NO_REGION)
    if region.mean() > _MAX_SHARE:
        return Trial(image, region, (), CheckGap.REGION_TOO_LARGE)
    rng = np.random.default_rng([seed, *hashlib.sha256(image.tobytes()).digest()])
    found = control_regions(region, rng, controls, part_of(image))
    return Trial(image, region, found, None if found else CheckGap.NO_ROOM_FOR_CONTROL)


def evidence_region(evidence: FloatMap, threshold: float) -> BoolMask:
    """(H, W), True where the evidence is strong, with a margin; empty only if there is no evidence.

    Evidence is strong if it reaches the threshold or, if no evidence does, half of the image's own peak.
    """
    peak = float(evidence.max())
    strong = (evidence >= (threshold if peak >= threshold else peak / 2)) & (evidence > 0)
    return with_margin(strong)


def with_margin(region: BoolMask) -> BoolMask:
    """The region, enlarged by the margin of a repair: all pixels within that distance of it."""
    if not region.any():
        return region.copy()
    margin = max(1, round(_MARGIN * max(region.shape)))
    # The time of a distance transform does not grow with the margin, as that of a dilation does.
    distance = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= margin, np.bool_)


def control_regions(
    region: BoolMask, rng: np.random.Generator, count: int, part: BoolMask | None = None
) -> tuple[BoolMask, ...]:
    """The connected pieces of a region, moved to other places that overlap neither it nor each other.

    Args:
        region: (H, W), not empty.
        rng: draws the places.
        count: how many control regions to look for.
        part: (H, W), where the part is; each piece then lies on it with at least the share of its area that
            it has there in the region itself. None: it is not known, and pieces may lie anywhere; so too if
            the region covers more than `_MAX_COVERED` of it, for then it may be the defect itself.

    Returns:
        At most `count` regions (H, W) of the same area; fewer, or none, if there is no room.
    """
    if part is not None and (region & part).sum() > _MAX_COVERED * part.sum():
        part = None
    # The largest piece is placed first, because smaller ones find room more easily.
    pieces = [
        _Piece(piece, 0 if part is None else int((part[place] & piece).sum()))
        for piece, place in sorted(pieces_of(region), key=lambda found: -int(found[0].sum()))
    ]
    draw = _Places(region.shape, part, rng)
    drawn = (_scattered(pieces, region, draw) for _ in range(count))
    return tuple(control for control in drawn if control is not None)


class _Piece(NamedTuple):
    shape: BoolMask
    on_part: int
    """Number of its pixels that must lie on the part."""


class _Places:
    """Draws places for pieces: in the whole image, or around pixels of the part."""

    def __init__(self, shape: tuple[int, ...], part: BoolMask | None, rng: np.random.Generator) -> None:
        self.shape = shape
        self.part = part
        self.rng = rng
        step = max(1, max(shape) // 256)
        self.spots = None if part is None else step * np.argwhere(part[::step, ::step])

    def draw(self, piece: _Piece) -> tuple[slice, slice] | None:
        """A place for the piece; None if it lies less on the part there than it must."""
        if self.part is None or self.spots is None or not len(self.spots) or not piece.on_part:
            return drawn_place(piece.shape, self.shape, self.rng)
        center = self.spots[int(self.rng.integers(len(self.spots)))]
        y, x = (
            int(min(max(middle - side // 2, 0), whole - side))
            for middle, side, whole in zip(center, piece.shape.shape, self.shape, strict=True)
        )
        place = slice(y, y + piece.shape.shape[0]), slice(x, x + piece.shape.shape[1])
        return place if int((self.part[place] & piece.shape).sum()) >= piece.on_part else None


def _scattered(pieces: Sequence[_Piece], avoid: BoolMask, places: _Places) -> BoolMask | None:
    taken = avoid.copy()
    control = np.zeros_like(avoid)
    for piece in pieces:
        for _ in range(_DRAWS):
            place = places.draw(piece)
            if place is not None and not (taken[place] & piece.shape).any():
                taken[place] |= piece.shape
                control[place] |= piece.shape
                break
        else:
            return None
    return control
