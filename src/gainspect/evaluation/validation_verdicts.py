"""The verdicts on the validation part from which a policy is chosen; computed once and stored with the run.

They include the reason check of *every* image, so that another threshold can be chosen without judging again.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gainspect.data.framing import PADDING
from gainspect.data.good_parts import GoodParts
from gainspect.data.manifest import Manifest, Part
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError, first_fault
from gainspect.evaluation.assessment import (
    MAP_THRESHOLDS,
    THRESHOLDS,
    Assessed,
    Assessment,
    assess,
    map_names,
)
from gainspect.evaluation.goals import Carried
from gainspect.evaluation.truth import truth_of
from gainspect.files import write_json
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.backends.remembered import Remembered
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.rules import broken_rules, control_drop_share, drop_share, map_agreement
from gainspect.policy import InputPolicy, Policy, ReasonPolicy, View
from gainspect.types import CheckGap, Fill, InputStatistics, Label, MapName, ReviewReason, Verdict

LOOKED_AT = InputPolicy(ranges={}, share=0.5, split="none", images=0)
"""With it an Inspector says the figures of each image, and holds nothing against them."""


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ValidationVerdict(_Stored):
    """The stored verdict of one image. Shares are shares of its own P(NG)."""

    image: str
    """Path relative to the data folder, with forward slashes."""
    label: Label
    group: str
    part: str | None = None
    """The part that the image is a view of; None: it is decided alone."""
    score: float = Field(ge=0, le=1)
    """P(NG); of an image judged out of fold, carried over to the scale of the mean network."""
    evidence_peak: float = Field(ge=0)
    """Largest evidence, in its own units."""
    points_at_defect: bool | None
    """Whether the evidence peaks in the defect; None for OK, and for NG whose defect is not marked."""
    drop: float | None
    """Share of P(NG) that disappears when the evidence is repaired; None if it could not be repaired."""
    control_drop: float | None
    """Share of P(NG) that disappears when the controls are repaired, mean; None without controls."""
    agreement: float | None
    """Cosine similarity of attention and localization; None unless the model has both."""
    gap: CheckGap | None
    """Why the reason could not be checked in full."""
    fold: int | None = Field(default=None, ge=1)
    """The fold whose network judged it; None: it was not judged out of fold."""
    fold_score: float | None = Field(default=None, ge=0, le=1)
    """P(NG) as the network of the fold gave it."""
    inputs: InputStatistics | None = None
    """Its figures, by which it is compared with the images of the training; None: they are not known."""

    def doubts(self, reason: ReasonPolicy | None) -> tuple[ReviewReason, ...]:
        """What the check of its reason finds, by the limits of a policy; nothing if it checks none."""
        if reason is None:
            return ()
        return broken_rules(self.drop, self.control_drop, self.agreement, self.gap, reason)

    def view(self, policy: Policy) -> View:
        """What a policy looks at when it decides on the part."""
        unlike = policy.inputs is not None and bool(policy.inputs.unlike(self.inputs or {}))
        return View(self.score, self.doubts(policy.reason), unlike=unlike)


class ValidationVerdicts(_Stored):
    """The stored verdicts of the whole validation part in the manifest's order, or of fold after fold."""

    split: str = "val"
    map_thresholds: dict[MapName, float]
    """For each map, the threshold at which it fits the masks best; empty without masks."""
    region_threshold: float = Field(ge=0)
    """Evidence at or above this value was repaired; in the evidence's own units."""
    controls: int = Field(ge=1)
    seed: int = Field(ge=0)
    fill: Fill | None = None
    good_parts: bool | None = None
    """How reasons were checked; see `ReasonPolicy`."""
    images: tuple[ValidationVerdict, ...]
    carried: Carried | None = None
    """How scores were carried over, if they are out of fold."""
    training: tuple[InputStatistics, ...] = ()
    """The figures of OK images of the training, without distances; empty: they are not known."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """(N,) P(NG)."""
        return np.array([image.score for image in self.images], np.float64)

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(N,) True for NG."""
        return np.array([image.label is Label.NG for image in self.images], np.bool_)

    @property
    def inputs_known(self) -> bool:
        """Whether the figures of all images are known; older versions stored none."""
        return all(image.inputs is not None for image in self.images)

    @property
    def ok_inputs(self) -> list[InputStatistics]:
        """The figures of the OK images, where they are known."""
        return [image.inputs for image in self.images if image.label is Label.OK and image.inputs is not None]

    def without_distances(self) -> "ValidationVerdicts":
        """The same for a network that gives no distances."""
        images = (
            image
            if image.inputs is None
            else image.model_copy(
                update={"inputs": {key: value for key, value in image.inputs.items() if key != "distance"}}
            )
            for image in self.images
        )
        return self.model_copy(update={"images": tuple(images)})

    def peaks(self, label: Label) -> list[float]:
        """Largest evidence of each image of this label, in its own units."""
        return [image.evidence_peak for image in self.images if image.label is label]


def validation_verdicts(
    backend: Backend,
    validation: Manifest,
    tiling: Tiling | None = None,
    on_image: Callable[[], None] = lambda: None,
    *,
    kept: Policy | None = None,
    padding: int = PADDING,
    training: Sequence[InputStatistics] = (),
    good: GoodParts | None = None,
) -> ValidationVerdicts:
    """Judge the validation part, choose the thresholds on its maps, then check the reason of each image.

    The network runs once on each image, and once on each repair of it; twice on images for whose maps there
    is no room in between.

    Args:
        backend: runs the network.
        validation: the validation part.
        tiling: how images are cut into tiles; None: the network sees them whole.
        on_image: called twice for each image: after it is judged, and after its reason is checked; only once
            if thresholds are kept.
        kept: a policy whose thresholds on maps are kept instead of choosing them.
        padding: gray value of the letterbox's border, as in training.
        training: the figures of OK images of the training, which are stored with the verdicts.
        good: good parts that repairs may come from.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    if kept is None:
        backend = remembered = Remembered(backend)
        inspector = Inspector(backend, threshold=0.5, tiling=tiling, padding=padding)
        assessment = assess(inspector, validation, on_image=on_image, scope=THRESHOLDS)
        thresholds = map_thresholds(assessment)
        peaks = [image.evidence_peak for image in assessment.images if image.label is Label.OK]
        region_threshold = least_region(thresholds, peaks)
        remembered.replay()
    else:
        thresholds, region_threshold = kept.map_thresholds, kept.region_threshold
    checked = checked_verdicts(
        backend, validation, thresholds, region_threshold, tiling, on_image, padding=padding, good=good
    )
    return checked.model_copy(update={"training": tuple(training)})


def checked_verdicts(
    backend: Backend,
    validation: Manifest,
    thresholds: dict[MapName, float],
    region_threshold: float,
    tiling: Tiling | None = None,
    on_image: Callable[[], None] = lambda: None,
    *,
    padding: int = PADDING,
    good: GoodParts | None = None,
) -> ValidationVerdicts:
    """Judge a part of the data and check the reason of each image, with given thresholds on maps.

    Args:
        backend: runs the network.
        validation: the part of the data.
        thresholds: on each map; they are stored with the verdicts.
        region_threshold: evidence from this value on is repaired, in the evidence's own units.
        tiling: how images are cut into tiles; None: the network sees them whole.
        on_image: called after each image.
        padding: gray value of the letterbox's border, as in training.
        good: good parts that repairs may come from.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    reason = ReasonPolicy(fill="matched", good_parts=None if good is None else True)
    # With a threshold of 0 every image is NG, so the reason of each is checked.
    inspector = Inspector(
        backend,
        threshold=0.0,
        region_threshold=region_threshold,
        tiling=tiling,
        reason=reason,
        padding=padding,
        inputs=LOOKED_AT,
        good=good,
    )
    verdicts = inspector.judge(map(validation.image, validation.parts))
    images = []
    for part, verdict in zip(validation.parts, verdicts, strict=True):
        images.append(_stored(validation, part, verdict))
        on_image()
    return ValidationVerdicts(
        map_thresholds=thresholds,
        region_threshold=region_threshold,
        controls=reason.controls,
        seed=reason.seed,
        fill=reason.fill,
        good_parts=reason.good_parts,
        images=tuple(images),
    )


def with_inputs(
    verdicts: ValidationVerdicts,
    backend: Backend,
    validation: Manifest,
    tiling: Tiling | None = None,
    training: Sequence[InputStatistics] = (),
) -> ValidationVerdicts:
    """Add the figures of the images to verdicts that an older version stored; no reason is checked again.

    Args:
        verdicts: of the validation part.
        backend: see `validation_verdicts`.
        validation: see `validation_verdicts`.
        tiling: see `validation_verdicts`.
        training: see `validation_verdicts`.

    Raises:
        GainspectError: an image cannot be read.
    """
    inspector = Inspector(backend, threshold=0.5, tiling=tiling, inputs=LOOKED_AT)
    judged = inspector.judge(map(validation.image, validation.parts))
    known = {
        validation.key(part): verdict.inputs for part, verdict in zip(validation.parts, judged, strict=True)
    }
    images = (image.model_copy(update={"inputs": known.get(image.image)}) for image in verdicts.images)
    return verdicts.model_copy(update={"images": tuple(images), "training": tuple(training)})


def map_thresholds(assessment: Assessment) -> dict[MapName, float]:
    """For each map, the fixed threshold with which it fits the masks best.

    Outlines decide, by the mean IoU. Only where no image has one do boxes and strokes decide, of strokes
    without what is around them.
    """
    return best_map_thresholds(iou_curves(assessment.images) or iou_curves(assessment.images, outlined=False))


def iou_curves(
    images: Iterable[Assessed], *, outlined: bool = True
) -> dict[MapName, list[NDArray[np.float64]]]:
    """For each map, the curves of NG images whose masks are outlines, or of those whose masks are not."""
    chosen = [image for image in images if image.counts_where == outlined]
    return {
        name: [image.curves[name] for image in chosen if name in image.curves] for name in map_names(chosen)
    }


def best_map_thresholds(curves: Mapping[MapName, Sequence[ArrayLike]]) -> dict[MapName, float]:
    """For each map, the threshold of the best mean IoU."""
    return {
        name: MAP_THRESHOLDS[int(np.mean(np.array(found), axis=0).argmax())] for name, found in curves.items()
    }


def least_region(thresholds: Mapping[MapName, float], ok_peaks: Sequence[float]) -> float:
    """The threshold on the evidence map; without masks, a value that nearly all OK parts stay below.

    Args:
        thresholds: on each map.
        ok_peaks: the largest evidence of each OK image, in its own units.
    """
    return thresholds.get("evidence", float(np.percentile(ok_peaks, 95)) if ok_peaks else 0.0)


def save_validation_verdicts(verdicts: ValidationVerdicts, path: Path) -> None:
    """Write the verdicts as JSON, atomically."""
    write_json(path, verdicts.model_dump(mode="json"))


def read_validation_verdicts(path: Path) -> ValidationVerdicts:
    """Read what `save_validation_verdicts` wrote.

    Raises:
        GainspectError: the file cannot be read.
    """
    try:
        return ValidationVerdicts.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else error
        raise GainspectError(
            f"cannot read the verdicts of the validation part ({fault})",
            where=path,
            hint="Delete the file; it will be computed again.",
        ) from error


def _stored(validation: Manifest, part: Part, verdict: Verdict) -> ValidationVerdict:
    evidence, check = verdict.evidence.evidence, verdict.check
    assert check is not None  # every reason is checked
    truth = truth_of(validation, part, evidence.shape)
    counted = evidence if truth is None else truth.counted(evidence)
    return ValidationVerdict(
        image=validation.key(part),
        label=part.label,
        group=part.group,
        part=part.part or None,
        score=verdict.score,
        evidence_peak=float(counted.max(initial=0.0)),
        points_at_defect=None if truth is None else truth.points_at_defect(evidence),
        drop=drop_share(check),
        control_drop=control_drop_share(check),
        agreement=map_agreement(verdict.evidence),
        gap=check.gap,
        inputs=verdict.inputs,
    )
