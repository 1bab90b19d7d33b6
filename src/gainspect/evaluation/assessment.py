"""Assessments: what is kept of each judged image, its figures and a few counts but never its maps."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.defect_size import defect_px as px_across
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.truth import Truth, truth_of
from gainspect.files import atomic_path
from gainspect.inspection.inspector import Inspector, view_of
from gainspect.metrics.cam import cam_iou, energy_inside, iou_curve, pointing_game
from gainspect.metrics.localization import Overlap, dice, iou, overlap
from gainspect.policy import View
from gainspect.types import MAP_NAMES, Evidence, FloatMap, Label, MapName, MaskKind, RegionAction, Verdict

LOCALIZATION_THRESHOLD = 0.5
"""Threshold on the localization probability."""

MAP_THRESHOLDS: tuple[float, ...] = (
    *(round(0.05 * step, 2) for step in range(1, 20)),
    *(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0),
)
"""Candidates for a fixed threshold on a map, in the map's own units (probability, or logits for a CAM)."""


UNCLAMPED = "evidence_cam_iou_unclamped"
"""CAM-IoU of the signed CAM, where the evidence is the CAM with negative values as 0: min–max scaling puts
half of a clamped map at another height than half of the map itself."""


class Scope(NamedTuple):
    """What an assessment measures of the maps of marked NG images; it measures all else of all images."""

    quality: tuple[MapName, ...]
    """Maps that get the MAP_FIGUREs; if there are any, the localization gets its own."""
    curves: tuple[MapName, ...]
    """Maps that get a curve of IoU."""
    counts: bool
    """Whether the localization is counted, of OK images too, and the size of defects measured."""


EVERYTHING = Scope(MAP_NAMES, MAP_NAMES, counts=True)
SELECTION = Scope(("evidence",), (), counts=False)
"""What epochs are compared by (`validation_figures`)."""
THRESHOLDS = Scope((), MAP_NAMES, counts=False)
"""What thresholds on maps are chosen by."""


@dataclass(frozen=True, eq=False, slots=True)
class Assessed:
    """The assessment of one image."""

    image: str
    """Its name: the path relative to the data folder, with forward slashes."""
    label: Label
    group: str
    defect_type: str | None
    score: float
    """P(NG)"""
    verdict: Label
    """OK or NG, by the score alone; the reason check is ignored here."""
    right_reason: bool | None
    """Whether the verdict is right and, for NG, the evidence peaks in the defect; None for unmarked NG."""
    evidence_peak: float
    """Largest evidence, in its own units."""
    figures: dict[str, float]
    """Map quality by MAP_FIGURE (e.g. cam_pointing_game), localization_iou and localization_dice, and
    `UNCLAMPED` where the evidence is the CAM; only for NG with a mask, and only what is in the `Scope`."""
    curves: dict[MapName, NDArray[np.float64]]
    """IoU at each of `MAP_THRESHOLDS`; only for NG with a mask."""
    overlap: Overlap | None
    """Overlap of the localization with the mask; None without localization, for NG without a mask, and if it
    is not counted."""
    defect_px: float | None = None
    """Diameter of the marked defect after resizing, pixels (`data.defect_size.defect_px`)."""
    part: str | None = None
    """The part that the image is a view of; None: it is decided alone."""
    decision: Label | None = None
    """OK, NG or REVIEW of this image alone; with the check of reasons only if the Inspector makes it."""
    view: View | None = None
    """What a policy looks at when it decides on the part."""
    called: str | None = None
    """Type of its first region, or "unknown"; None: it has none, or types are not told apart."""
    accepted: Mapping[str, int] = field(default_factory=dict)
    """Number of regions that rules accepted, by the name of the rule."""
    ok_by_rules: bool = False
    """Whether it is OK only because of that."""
    mask_kind: MaskKind | None = None
    """What its mask shows of the defect; None: its outline, or it has no mask."""
    unlike: bool = False
    """Whether it is unlike the images of the training; only if the Inspector looks at that."""

    @property
    def counts_where(self) -> bool:
        """Whether figures of where the model looks count it: of outlines, not of boxes or strokes.

        These tell whether a map points at the defect, but not how far it should reach.
        """
        return self.mask_kind in (None, "outline")


@dataclass(frozen=True, eq=False)
class Assessment:
    """All images of one part of the data, in the manifest's order."""

    threshold: float
    """The threshold on P(NG) that the Inspector applied."""
    images: tuple[Assessed, ...]

    @property
    def scores(self) -> NDArray[np.float64]:
        """(N,) P(NG)."""
        return np.array([image.score for image in self.images], np.float64)

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(N,) True for NG."""
        return np.array([image.label is Label.NG for image in self.images], np.bool_)

    @property
    def reasons(self) -> list[tuple[Assessed, bool]]:
        """OK and outlined NG images, and whether each is right for the right reason.

        Without marked NG images there are none: that OK images pass says nothing of a reason.
        """
        known = [
            (image, image.right_reason)
            for image in self.images
            if image.right_reason is not None and image.counts_where
        ]
        return known if any(image.label is Label.NG for image, _ in known) else []

    def without(self, names: frozenset[str]) -> "Assessment":
        """Leave images out, by their names in tables."""
        kept = tuple(image for image in self.images if image.image not in names)
        return Assessment(self.threshold, kept)


def assess_verdict(
    verdict: Verdict,
    *,
    image: str,
    label: Label,
    group: str,
    part: str | None = None,
    defect_type: str | None,
    truth: Truth | None,
    defect_px: float | None = None,
    mask_kind: MaskKind | None = None,
    scope: Scope = EVERYTHING,
) -> Assessed:
    """Assess a verdict: reduce it to its figures.

    Args:
        verdict: the verdict, with maps (H, W).
        image: the name of the image.
        label: what the part is.
        group: the physical item that the image shows.
        part: what it is a view of; None: it is decided alone.
        defect_type: as in the manifest.
        truth: what is marked (nothing for OK); None for NG whose defect is not marked.
        defect_px: diameter of the marked defect after resizing, pixels; None: it has none.
        mask_kind: what its mask shows of the defect; None: its outline.
        scope: what is measured of the maps.
    """
    figures: dict[str, float] = {}
    curves: dict[MapName, NDArray[np.float64]] = {}
    localization = None
    if truth is not None and (scope.counts or (scope.quality and label is Label.NG)):
        localization = verdict.evidence.localization
    evidence = verdict.evidence.evidence if truth is None else truth.counted(verdict.evidence.evidence)
    reason = None if truth is None else verdict.by_score is label
    if truth is not None and label is Label.NG:
        mask = truth.counted(truth.mask)
        for name in dict.fromkeys((*scope.quality, *scope.curves)):
            if (whole := verdict.evidence.map(name)) is None:
                continue
            values = truth.counted(whole)
            if name in scope.quality:
                figures[f"{name}_cam_iou"] = cam_iou(values, mask)
                figures[f"{name}_pointing_game"] = pointing_game(values, mask)
                figures[f"{name}_energy_inside"] = energy_inside(values, mask)
            if name in scope.curves:
                curves[name] = iou_curve(values, mask, MAP_THRESHOLDS)
        if "cam" in scope.quality and (cam := _signed_cam(verdict.evidence)) is not None:
            figures[UNCLAMPED] = cam_iou(truth.counted(cam), mask)
        if scope.quality and localization is not None:
            region = truth.counted(localization) >= LOCALIZATION_THRESHOLD
            figures |= {"localization_iou": iou(region, mask), "localization_dice": dice(region, mask)}
        reason = reason and truth.points_at_defect(verdict.evidence.evidence)
    counts = None
    if scope.counts and truth is not None and localization is not None:
        counts = overlap(localization, truth.mask, LOCALIZATION_THRESHOLD, ignored=truth.ignored)
    return Assessed(
        image=image,
        label=label,
        group=group,
        part=part,
        defect_type=defect_type,
        score=verdict.score,
        verdict=verdict.by_score,
        right_reason=reason,
        evidence_peak=float(evidence.max(initial=0.0)),
        figures=figures,
        curves=curves,
        overlap=counts,
        defect_px=defect_px,
        decision=verdict.label,
        view=view_of(verdict),
        called=verdict.regions[0].type if verdict.regions else None,
        accepted=Counter(
            str(region.rule) for region in verdict.regions if region.action is RegionAction.ACCEPT
        ),
        ok_by_rules=verdict.accepted_by_rules,
        mask_kind=mask_kind,
        unlike=bool(verdict.unlike),
    )


def _signed_cam(evidence: Evidence) -> FloatMap | None:
    """The CAM, if the evidence is the CAM: strategies without attention and localization have no other."""
    alone = set(evidence.names) == {"cam", "evidence"}
    return evidence.cam if alone else None


def map_names(images: Iterable[Assessed]) -> list[MapName]:
    """The maps that some of these images have figures of, in their usual order."""
    found = {name for image in images for name in image.curves}
    return [name for name in MAP_NAMES if name in found]


def assess(
    inspector: Inspector,
    manifest: Manifest,
    *,
    on_image: Callable[[], None] | None = None,
    maps_dir: Path | None = None,
    scope: Scope = EVERYTHING,
) -> Assessment:
    """Judge and assess all parts; only one batch of images is in memory.

    An OK part has no defect, so its mask counts as empty. An NG part without a mask, or with an empty one,
    counts only for the classification. What masks say to ignore counts for nothing.

    Args:
        inspector: judges the images.
        manifest: the images and their labels.
        on_image: called after each image.
        maps_dir: folder to write `<image stem>.npz` to for each image: float32 maps (H, W) in the image's own
            geometry, under the keys cam, attention, localization and evidence, if these maps exist.
        scope: what is measured of the maps.

    Raises:
        GainspectError: an image or mask cannot be read, or two images would write the same maps file.
    """
    if maps_dir is not None:
        _require_different_stems(manifest)
    images = []
    verdicts = inspector.judge(map(manifest.image, manifest.parts))
    for part, verdict in zip(manifest.parts, verdicts, strict=True):
        truth = truth_of(manifest, part, verdict.evidence.evidence.shape)
        images.append(
            assess_verdict(
                verdict,
                image=manifest.key(part),
                label=part.label,
                group=part.group,
                part=part.part or None,
                defect_type=part.defect_type,
                truth=truth,
                defect_px=px_across(truth.mask.astype(np.uint8), inspector.backend.size, inspector.tiling)
                if scope.counts and truth is not None and truth.mask.any()
                else None,
                mask_kind=part.mask_kind if part.mask is not None else None,
                scope=scope,
            )
        )
        if maps_dir is not None:
            _save_maps(verdict.evidence, maps_dir / f"{part.image.stem}.npz")
        if on_image is not None:
            on_image()
    return Assessment(inspector.threshold, tuple(images))


def _save_maps(evidence: Evidence, path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **evidence.maps())


def _require_different_stems(manifest: Manifest) -> None:
    stem, times = Counter(part.image.stem for part in manifest.parts).most_common(1)[0]
    if times > 1:
        raise GainspectError(
            f"{times} images are called {stem!r}: their maps would overwrite each other",
            where=manifest.root,
            hint="Rename them, or evaluate without writing maps.",
        )
