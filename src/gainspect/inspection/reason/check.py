"""The reason check: repair the evidence in the image, repair an equal area elsewhere, and compare the scores.

A verdict is based on its evidence if the score falls when the evidence is repaired, but stays when regions of
the same shape and area are repaired elsewhere. These controls show how the repair itself affects the score.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gainspect.data.good_parts import GoodParts
from gainspect.data.repair import repair
from gainspect.data.repair_regions import MAX_REPAIRED, control_regions, with_margin
from gainspect.inspection.reason.part import part_of
from gainspect.inspection.reason.rules import review_reasons
from gainspect.policy import ReasonPolicy
from gainspect.types import BoolMask, CheckGap, Fill, FloatMap, Image, Label, ReasonCheck, Verdict


@dataclass(frozen=True, eq=False)
class Trial:
    """One image, and what to repair in it."""

    image: Image
    region: BoolMask
    """(H, W), the evidence region with its margin."""
    controls: tuple[BoolMask, ...]
    gap: CheckGap | None
    fill: Fill
    good: GoodParts | None

    def images(self) -> Iterator[Image]:
        """The image with its evidence repaired, then with each control repaired; none if there is a gap."""
        if self.gap in (None, CheckGap.NO_ROOM_FOR_CONTROL):
            for region in (self.region, *self.controls):
                yield repair(self.image, region, avoid=self.region, fill=self.fill, good=self.good)


def check_reasons(
    images: Sequence[Image],
    verdicts: Sequence[Verdict],
    scores: Callable[[Iterator[Image]], Sequence[float]],
    policy: ReasonPolicy,
    region_threshold: float,
    good: GoodParts | None,
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
        good: good parts that repairs may come from too; None: they come from the image itself.
    """
    trials = {
        index: plan(image, verdict.evidence.evidence, region_threshold, policy, good)
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


def plan(
    image: Image,
    evidence: FloatMap,
    region_threshold: float,
    policy: ReasonPolicy,
    good: GoodParts | None,
) -> Trial:
    """What to repair in one image; the same pixels and seed give the same regions.

    Args:
        image: (H, W, 3).
        evidence: (H, W), at least 0.
        region_threshold: in the evidence's own units.
        policy: how many control regions to look for, the seed that together with the pixels determines their
            places, and what to fill them with.
        good: good parts that repairs may come from too; None: they come from the image itself.
    """
    fill = policy.filled_with
    region = evidence_region(evidence, region_threshold)
    if not region.any():
        return Trial(image, region, (), CheckGap.NO_REGION, fill, good)
    if region.mean() > MAX_REPAIRED:
        return Trial(image, region, (), CheckGap.REGION_TOO_LARGE, fill, good)
    rng = np.random.default_rng([policy.seed, *hashlib.sha256(image.tobytes()).digest()])
    found = control_regions(region, rng, policy.controls, part_of(image))
    gap = None if found else CheckGap.NO_ROOM_FOR_CONTROL
    return Trial(image, region, found, gap, fill, good)


def evidence_region(evidence: FloatMap, threshold: float) -> BoolMask:
    """(H, W), True where the evidence is strong, with a margin; empty only if there is no evidence.

    Evidence is strong if it reaches the threshold or, if no evidence does, half of the image's own peak.
    """
    peak = float(evidence.max())
    strong = (evidence >= (threshold if peak >= threshold else peak / 2)) & (evidence > 0)
    return with_margin(strong)
