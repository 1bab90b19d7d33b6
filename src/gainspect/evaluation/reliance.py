"""What verdicts rely on, by intervention: evidence, marked defects and random places are repaired in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np

from gainspect.data.defect_size import defect_px
from gainspect.data.manifest import Manifest, Part
from gainspect.data.repair import repair
from gainspect.data.repair_regions import control_regions, with_margin
from gainspect.evaluation.assessment import Assessed, Assessment, assess_verdict
from gainspect.evaluation.summary import Figure, mean_figure, share_figure
from gainspect.evaluation.truth import Truth, truth_of
from gainspect.inspection.batches import batches, pixels_of_image
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.part import part_of
from gainspect.types import BoolMask, Image, Label, Mask, ReasonCheck, ReviewReason, Unlike, Verdict

Cell = tuple[Literal["right", "wrong"], Literal["right", "wrong"]]
"""Whether the verdict is right, and whether the reason is right."""
CELLS: tuple[Cell, ...] = (("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong"))


@dataclass(frozen=True, eq=False, slots=True)
class Examined:
    """One image, judged as it is and with repairs. Scores are P(NG)."""

    assessed: Assessed
    threshold: float
    """The threshold on P(NG) that was applied."""
    label: Label
    """The verdict after the reason check: OK, NG or REVIEW."""
    review_reasons: tuple[ReviewReason, ...]
    check: ReasonCheck | None
    """Repair of the evidence and its controls; only for images that are NG by the score."""
    points_at_defect: bool | None
    """Whether the evidence peaks in the defect; None without a marked defect."""
    mask_repaired: float | None
    """Score with the marked defect repaired; None without a marked defect."""
    random_repaired: float | None
    """Score with an equal area repaired elsewhere: outside the marked defect or, for OK, at a random place in
    the shape of another part's defect."""
    defect_px: float | None
    """Width of the marked defect after resizing, pixels (see `data.defect_size.defect_px`)."""
    contrast: float | None
    """Contrast of the marked defect in gray values: |mean inside − mean around| / std. deviation around."""
    unlike: tuple[Unlike, ...] = ()
    """By what it is unlike the images of the training."""

    @property
    def unchecked(self) -> bool:
        """Whether it is REVIEW only because its reason could not be checked."""
        return self.review_reasons == (ReviewReason.UNCHECKED,)

    @property
    def borderline(self) -> bool:
        """Whether it is REVIEW because its score lies between the two thresholds."""
        return ReviewReason.BORDERLINE in self.review_reasons

    @property
    def cell(self) -> Cell | None:
        """Whether verdict (by the score) and reason are right; None for NG without a marked defect.

        The reason of an OK part counts as right if the part passes, because nothing on it may speak for NG.
        """
        verdict_right = self.assessed.verdict is self.assessed.label
        reason_right = verdict_right if self.assessed.label is Label.OK else self.points_at_defect
        if reason_right is None:
            return None
        return "right" if verdict_right else "wrong", "right" if reason_right else "wrong"


class Seen(NamedTuple):
    """One examined image together with its pixels and maps."""

    part: Part
    image: Image
    mask: BoolMask | None
    """(H, W), the marked defect."""
    verdict: Verdict
    examined: Examined


def examine(inspector: Inspector, manifest: Manifest) -> Iterator[Seen]:
    """Judge all parts, check reasons as the Inspector does, and repair marked defects and random places so.

    Besides the reason check, this costs one more forward pass for an OK image, and two for an image with a
    marked defect. Images are yielded one by one, in the manifest's order. To save memory, keep only their
    `examined`, which contains no pixels.

    Args:
        inspector: judges the images; it should check reasons.
        manifest: the images to judge.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    marks = [part for part in manifest.parts if part.label is Label.NG and part.mask is not None]
    read = ((part, manifest.image(part)) for part in manifest.parts)
    fill = "matched" if inspector.reason is None else inspector.reason.filled_with
    start = 0
    for batch in batches(read, inspector.images_at_once, lambda pair: pixels_of_image(pair[1])):
        parts, images = zip(*batch, strict=True)
        truths = [truth_of(manifest, part, image.shape) for part, image in zip(parts, images, strict=True)]
        masks = [None if truth is None else truth.marked for truth in truths]
        regions = []
        for index, (image, mask) in enumerate(zip(images, masks, strict=True), start):
            other = marks[index % len(marks)] if marks and mask is None else None
            borrowed = None if other is None else manifest.mask(other, manifest.shape(other))
            truth = truths[index - start]
            ignored = None if truth is None else truth.ignored
            regions.append(_regions(image, mask, borrowed, ignored, index))
        scores = iter(
            inspector.scores(
                repair(image, region, avoid=mask, fill=fill, good=inspector.good)
                for image, mask, of_image in zip(images, masks, regions, strict=True)
                for region in of_image.values()
            )
        )
        verdicts = inspector.judge(images)
        for part, image, truth, of_image, verdict in zip(
            parts, images, truths, regions, verdicts, strict=True
        ):
            repaired = {name: next(scores) for name in of_image}
            examined = _examined(inspector, manifest.key(part), part, image, truth, verdict, repaired)
            yield Seen(part, image, None if truth is None else truth.marked, verdict, examined)
        start += len(parts)


def assessment_of(inspector: Inspector, examined: Sequence[Examined]) -> Assessment:
    """The assessment of the same images, without the interventions."""
    return Assessment(inspector.threshold, tuple(image.assessed for image in examined))


def reliance(examined: Sequence[Examined]) -> dict[str, Figure]:
    """How repairs change the scores, as figures with intervals.

    Returns:
        Over NG parts that are caught and checked: effect (controlled), evidence_drop, control_drop,
        evidence_flips, control_flips. Over caught NG parts with a marked defect: mask_drop, mask_flips,
        random_drop, random_flips. Over OK parts: artefact (mean change of P(NG)), artefact_size (mean of its
        absolute value), artefact_flips (share of the verdicts that change).
    """
    caught = [e for e in examined if e.assessed.label is Label.NG and e.assessed.verdict is Label.NG]
    checked = [(e, e.check) for e in caught if e.check is not None]
    effect = [(e, check.effect) for e, check in checked if check.effect is not None]
    evidence = [(e, check.repaired) for e, check in checked if check.repaired is not None]
    control = [(e, check.control) for e, check in checked if check.control is not None]
    control_flips = [(e, check.control_flips) for e, check in checked if check.control_flips is not None]
    mask = [(e, e.mask_repaired) for e in caught if e.mask_repaired is not None]
    random = [(e, e.random_repaired) for e in caught if e.random_repaired is not None]
    good = [
        (e, e.random_repaired)
        for e in examined
        if e.assessed.label is Label.OK and e.random_repaired is not None
    ]
    return {
        "effect": _mean(effect),
        "evidence_drop": _mean_drop(evidence),
        "control_drop": _mean_drop(control),
        "evidence_flips": _flips(evidence),
        "control_flips": _mean(control_flips, least=0),
        "mask_drop": _mean_drop(mask),
        "mask_flips": _flips(mask),
        "random_drop": _mean_drop(random),
        "random_flips": _flips(random),
        "artefact": _mean([(e, score - e.assessed.score) for e, score in good]),
        "artefact_size": _mean([(e, abs(score - e.assessed.score)) for e, score in good], least=0),
        "artefact_flips": _flips(good),
    }


def quadrant(examined: Sequence[Examined]) -> dict[Cell, dict[str, int]]:
    """Number of OK and NG parts in each cell of verdict right/wrong × reason right/wrong."""
    return {
        cell: {
            label: sum(e.cell == cell and e.assessed.label == label for e in examined)
            for label in (Label.OK.value, Label.NG.value)
        }
        for cell in CELLS
    }


def outcomes(examined: Sequence[Examined]) -> dict[str, dict[str, int]]:
    """How many OK and NG parts are OK, REVIEW and NG after the reason check.

    Those that are REVIEW only because their reason could not be checked are counted apart, as "unchecked".
    """
    counts = {
        truth.value: {Label.OK.value: 0, Label.REVIEW.value: 0, "unchecked": 0, Label.NG.value: 0}
        for truth in (Label.OK, Label.NG)
    }
    for e in examined:
        counts[e.assessed.label.value]["unchecked" if e.unchecked else e.label.value] += 1
    return counts


SIZE_STEPS = (0.0, 4.0, 8.0, 16.0, 32.0, 64.0, float("inf"))
"""Bounds of the defect-size classes, pixels after resizing."""


def by_size(examined: Sequence[Examined]) -> list[dict[str, Any]]:
    """For each defect-size class with at least one part: from, to (pixels), n, recall, right_reason_rate."""
    rows = []
    for low, high in pairwise(SIZE_STEPS):
        inside = [e for e in examined if e.defect_px is not None and low <= e.defect_px < high]
        if inside:
            recall = _share([(e, e.assessed.verdict is Label.NG) for e in inside])
            reason = _share([(e, bool(e.assessed.right_reason)) for e in inside])
            rows.append(
                {"from": low, "to": high, "n": len(inside), "recall": recall, "right_reason_rate": reason}
            )
    return rows


def _mean(values: Sequence[tuple[Examined, float]], *, least: float = -1.0) -> Figure:
    """Mean of values in `least`…1: differences of P(NG) can have either sign."""
    numbers = np.array([value for _, value in values], np.float64)
    return mean_figure([e.assessed for e, _ in values], numbers, least=least)


def _mean_drop(scores: Sequence[tuple[Examined, float]]) -> Figure:
    return _mean([(e, e.assessed.score - score) for e, score in scores])


def _flips(scores: Sequence[tuple[Examined, float]]) -> Figure:
    """Share of the images whose verdict changes when the score is replaced."""
    return _share([(e, (score >= e.threshold) != (e.assessed.verdict is Label.NG)) for e, score in scores])


def _share(outcomes: Sequence[tuple[Examined, bool]]) -> Figure:
    return share_figure([(e.assessed, outcome) for e, outcome in outcomes])


def _regions(
    image: Image, mask: BoolMask | None, borrowed: Mask | None, ignored: BoolMask | None, seed: int
) -> dict[str, BoolMask]:
    """What to repair in an image: its marked defect ("mask"), and an equal area elsewhere ("random").

    Where something is to be ignored, it may be defective too: then it is not asked whether the repair of the
    marked defect makes the part good.

    Args:
        image: (H, W, 3).
        mask: (H, W), its own defect.
        borrowed: (H', W'), the defect of another part, whose shape is used if the image has none.
        ignored: (H, W), where it is not known whether there is a defect; the other area lies beside it.
        seed: determines the random place.
    """
    if mask is not None:
        shape = with_margin(mask)
    elif borrowed is not None:
        height, width = image.shape[:2]
        fitted = cv2.resize(borrowed, (width, height), interpolation=cv2.INTER_NEAREST)
        shape = with_margin(np.asarray(fitted, np.bool_))
    else:
        return {}
    if not shape.any() or shape.all():
        return {}
    room = part_of(image)
    if ignored is not None:
        room = ~ignored if room is None else room & ~ignored
    elsewhere = control_regions(shape, np.random.default_rng(seed), 1, room)
    regions = {} if mask is None or ignored is not None else {"mask": shape}
    return regions | ({"random": elsewhere[0]} if elsewhere else {})


def _examined(
    inspector: Inspector,
    name: str,
    part: Part,
    image: Image,
    truth: Truth | None,
    verdict: Verdict,
    repaired: dict[str, float],
) -> Examined:
    mask = None if truth is None else truth.marked
    size, tiling = inspector.backend.size, inspector.tiling
    across = None if mask is None else defect_px(mask.astype(np.uint8), size, tiling)
    return Examined(
        assessed=assess_verdict(
            verdict,
            image=name,
            label=part.label,
            group=part.group,
            part=part.part or None,
            defect_type=part.defect_type,
            truth=truth,
            defect_px=across,
            mask_kind=part.mask_kind if part.mask is not None else None,
        ),
        threshold=verdict.threshold,
        label=verdict.label,
        review_reasons=verdict.review_reasons,
        check=verdict.check,
        points_at_defect=None if truth is None else truth.points_at_defect(verdict.evidence.evidence),
        mask_repaired=repaired.get("mask"),
        random_repaired=repaired.get("random"),
        defect_px=across,
        contrast=None if mask is None or truth is None else _contrast(image, mask, truth.ignored),
        unlike=verdict.unlike,
    )


def _contrast(image: Image, mask: BoolMask, ignored: BoolMask | None) -> float | None:
    """|mean inside − mean around| / standard deviation around; None if no pixels are around the mask."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    around = with_margin(mask) & ~mask
    around &= ~ignored if ignored is not None else True
    if not around.any():
        return None
    return float(abs(grey[mask].mean() - grey[around].mean()) / max(float(grey[around].std()), 1.0))
