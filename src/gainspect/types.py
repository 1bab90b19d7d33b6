"""The data types that all parts of gainspect share. Nothing here needs torch."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) RGB, 0…255."""

FloatMap = NDArray[np.float32]
"""(H, W) map; the field that contains it states its scale."""

Mask = NDArray[np.uint8]
"""(H, W); 1 inside the defect, 0 elsewhere."""

BoolMask = NDArray[np.bool_]
"""(H, W), True inside a region."""

DrawsMap = Callable[[], FloatMap]
"""Draws a map (H, W)."""

MapName = Literal["cam", "attention", "localization", "evidence"]
MAP_NAMES: tuple[MapName, ...] = ("cam", "attention", "localization", "evidence")

MaskKind = Literal["outline", "box", "scribble"]
"""What a mask shows of a defect: its outline; a box around it; or strokes on it."""

MASK_KINDS: tuple[MaskKind, ...] = ("outline", "box", "scribble")

Fill = Literal["matched", "diffused"]
"""What a repair fills a region with: what lies at the place whose surroundings are most alike; or brightness
that is diffused from around it, with grain from anywhere."""

StatisticName = Literal["width", "height", "brightness", "contrast", "sharpness", "red", "blue", "distance"]
"""Figures by which an image is compared with those of the training; `inspection.statistics` defines them."""

InputStatistics = dict[StatisticName, float]
"""The figures of one image, those that are known."""


class Label(StrEnum):
    """What a part is (in the data), or what the Inspector says it is (in a verdict)."""

    OK = "ok"
    NG = "ng"
    REVIEW = "review"
    """A person must decide; `ReviewReason` says why. Only verdicts and decisions have this label; data are
    labeled OK or NG."""


class NgReason(StrEnum):
    """Why a part is NG."""

    REGION_NG = "region_ng"
    """A rule on regions calls one of its regions NG."""
    SCORE = "score"
    """P(NG) of the part reaches the threshold."""


class AcceptReason(StrEnum):
    """Why a part is not NG although its score is."""

    REGION_ACCEPTED = "region_accepted"
    """Rules accept every region of an image; without them its score is lower."""


class RegionAction(StrEnum):
    """What a rule on regions says of a region; the first of these that a rule says counts."""

    NG = "ng"
    REVIEW = "review"
    """A person must decide."""
    ACCEPT = "accept"
    """It does not make the part NG."""


class ReviewReason(StrEnum):
    """Why a verdict or a decision is REVIEW. The texts shown to users are in `report.texts`."""

    UNREADABLE = "unreadable"
    """An image of the part could not be read."""
    BORDERLINE = "borderline"
    """P(NG) of the part lies between the two thresholds."""
    REPAIR_KEEPS_SCORE = "repair_keeps_score"
    """Repairing the evidence does not lower the score, or there is no evidence to repair."""
    CONTROL_LOWERS_SCORE = "control_lowers_score"
    """Repairing an equal area elsewhere lowers the score."""
    MAPS_DISAGREE = "maps_disagree"
    """Attention and localization point to different places."""
    UNCHECKED = "unchecked"
    """The reason could not be checked in full: the evidence is too large to repair, or there is no room for a
    control. Nothing speaks against the verdict, but nothing confirms it either."""
    REGION_REVIEW = "region_review"
    """A rule on regions sends one of its regions to a person."""
    UNLIKE_TRAINING = "unlike_training"
    """An image is unlike those that the model was trained on."""


Fired = NgReason | AcceptReason | ReviewReason
"""A rule that a decision names."""

CHECK_REASONS = (
    ReviewReason.REPAIR_KEEPS_SCORE,
    ReviewReason.CONTROL_LOWERS_SCORE,
    ReviewReason.MAPS_DISAGREE,
    ReviewReason.UNCHECKED,
)
"""What the check of a reason can find."""


class CheckGap(StrEnum):
    """Why the reason of a verdict could not be checked in full."""

    NO_REGION = "no_region"
    """The evidence is 0 everywhere, so there is nothing to repair."""
    REGION_TOO_LARGE = "region_too_large"
    """The evidence region is so large that too little image is left to repair it from."""
    NO_ROOM_FOR_CONTROL = "no_room_for_control"
    """The image has no room for a control region of the same shape."""


class Evidence:
    """The maps behind one verdict, in the original image's geometry (H, W), float32, and its contributions.

    A map can be given as a function that draws it. It is drawn when it is first looked at, and kept, so that
    maps that nobody looks at take no time, and no memory for pixels of large images.

    Args:
        evidence: see the property of this name, as of the other maps.
        cam: a map, or what draws it; None: the strategy has no module that computes it.
        attention: see `cam`.
        localization: see `cam`.
        contributions: (h, w), what each cell of the model's own grid adds to the logit of P(NG), exactly:
            their sum plus the evidence bias of the model is the logit. The grid covers the square frame that
            the image, or the tile, was letterboxed into. None if the backend gives none.
        tile: x, y, width, height in the image of what the grid shows: the worst tile, whose score is the
            image's. None: the whole image.
    """

    def __init__(
        self,
        evidence: FloatMap | DrawsMap,
        cam: FloatMap | DrawsMap | None = None,
        attention: FloatMap | DrawsMap | None = None,
        localization: FloatMap | DrawsMap | None = None,
        contributions: FloatMap | None = None,
        tile: tuple[int, int, int, int] | None = None,
    ) -> None:
        self._maps: dict[MapName, FloatMap | DrawsMap | None] = {
            "cam": cam,
            "attention": attention,
            "localization": localization,
            "evidence": evidence,
        }
        self.contributions = contributions
        self.tile = tile

    @property
    def evidence(self) -> FloatMap:
        """The strategy's own map, which its verdict is based on. At least 0; larger values speak for NG."""
        found = self.map("evidence")
        assert found is not None  # it is always given
        return found

    @property
    def cam(self) -> FloatMap | None:
        """Class activation margin, CAM_NG − CAM_OK, in logits; signed."""
        return self.map("cam")

    @property
    def attention(self) -> FloatMap | None:
        """Guided attention, 0…1."""
        return self.map("attention")

    @property
    def localization(self) -> FloatMap | None:
        """Localization probability, 0…1."""
        return self.map("localization")

    @property
    def names(self) -> tuple[MapName, ...]:
        """The maps that exist."""
        return tuple(name for name in MAP_NAMES if self._maps[name] is not None)

    def maps(self) -> dict[MapName, FloatMap]:
        """The maps that exist, by name; all are drawn."""
        found = {name: self.map(name) for name in self.names}
        return {name: array for name, array in found.items() if array is not None}

    def map(self, name: MapName) -> FloatMap | None:
        """A map by its name; None: it does not exist."""
        given = self._maps[name]
        if given is None or isinstance(given, np.ndarray):
            return given
        drawn = self._maps[name] = given()
        return drawn


@dataclass(frozen=True)
class Measures:
    """What rules on regions look at. Lengths are in pixels of the original image, or in mm."""

    length_px: float
    """Along the longest path of the skeleton, to the ends of the region."""
    width_px: float
    """Diameter of the largest circle that fits into it."""
    severity: float
    """Its largest evidence on the color scale of the bundle: 0 where that is cold, 1 where it is hot; it may
    be more."""
    length_mm: float | None = None
    width_mm: float | None = None
    area_mm2: float | None = None
    """None if the scale is not known."""


@dataclass(frozen=True)
class Region:
    """A connected region of strong evidence. Coordinates and area are in pixels of the original image."""

    polygon: tuple[tuple[int, int], ...]
    """(x, y) of the corners of its outline."""
    box: tuple[int, int, int, int]
    """x, y, width, height."""
    area: int
    """Pixels."""
    peak: float
    """Largest evidence in the region, in the evidence's own units."""
    peak_at: tuple[int, int]
    """(x, y) of the peak."""
    share: float
    """Positive contributions in the region / all positive contributions of the image, 0…1. A contribution is
    spread evenly over its cell. With tiles, the contributions are those of the worst tile, whose score is the
    image's. Without contributions: its share of the image's total evidence."""
    in_worst_tile: bool = True
    """Whether some of it lies in the tile whose score is the image's; if not, the score does not rest on it,
    and its share is 0. Always True without tiles."""
    measures: Measures | None = None
    """None without rules on regions."""
    type: str | None = None
    """Type of defect that it is most like, or "unknown". None if the bundle tells no types apart, or if no
    tile with a score that could make the part NG or REVIEW shows all of it."""
    rule: str | None = None
    """The rule on regions that took it; None: none did."""
    action: RegionAction | None = None
    """What that rule says."""


@dataclass(frozen=True)
class ReasonCheck:
    """How an NG score changes when the evidence is repaired, and when an equal area is repaired elsewhere.

    All scores are P(NG), because the threshold applies to P(NG), people read it, and it is bounded, so that
    means over images can be compared between models. In logits, a model that is merely more confident would
    show a larger effect.
    """

    score: float
    """P(NG) of the image as it is."""
    threshold: float
    """The threshold on P(NG) that was applied."""
    repaired: float | None
    """P(NG) with the evidence region repaired."""
    controls: tuple[float, ...]
    """P(NG) with each control region repaired. Controls have the same shapes and area as the evidence region
    and do not touch it."""
    area: int
    """Number of pixels repaired."""
    gap: CheckGap | None = None
    """Why `repaired` or `control` is None."""

    @property
    def control(self) -> float | None:
        """Mean P(NG) over the controls."""
        return sum(self.controls) / len(self.controls) if self.controls else None

    @property
    def effect(self) -> float | None:
        """Controlled effect, −1…1: drop by the repair − drop by the control, which is control − repaired."""
        return None if self.control is None or self.repaired is None else self.control - self.repaired

    @property
    def flips(self) -> bool | None:
        """Whether repairing the evidence turns NG into OK."""
        return None if self.repaired is None else self.repaired < self.threshold

    @property
    def control_flips(self) -> float | None:
        """Share of the control repairs that turn NG into OK."""
        if not self.controls:
            return None
        return sum(control < self.threshold for control in self.controls) / len(self.controls)


class Unlike(NamedTuple):
    """A figure by which an image is unlike those of the training."""

    name: StatisticName
    value: float
    low: float | None
    high: float | None
    """The usual range, in the figure's own units; None: it has no such end."""


@dataclass(frozen=True)
class Decision:
    """What the policy says of one part."""

    label: Label
    fired: tuple[Fired, ...] = ()
    """Every rule that fired, in the order of precedence, also where an earlier one decides."""

    @property
    def review_reasons(self) -> tuple[ReviewReason, ...]:
        """Why the label is REVIEW; empty for OK and NG."""
        if self.label is not Label.REVIEW:
            return ()
        return tuple(rule for rule in self.fired if isinstance(rule, ReviewReason))


@dataclass(frozen=True)
class RuleFindings:
    """What rules on regions say of one image."""

    ng: bool = False
    review: bool = False
    """Whether a rule calls one of its regions NG, or sends it to a person; also REVIEW if it has too many
    regions to be measured."""
    rest: float | None = None
    """P(NG) without its regions, if rules accept every one of them; None: they do not, or it is not known."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the Inspector says of one image."""

    label: Label
    """What the policy decides of a part with this image alone (see `policy.decide`)."""
    score: float
    """P(NG), 0…1."""
    threshold: float
    """The threshold on P(NG) that was applied."""
    evidence: Evidence
    regions: tuple[Region, ...] = ()
    """Where the evidence is strong, in order of decreasing share."""
    check: ReasonCheck | None = None
    """The check of the reason for an NG score; None for OK, or if checking is switched off."""
    review_reasons: tuple[ReviewReason, ...] = ()
    """Why the label is REVIEW; empty for OK and NG."""
    region_rules: RuleFindings | None = None
    """What rules on regions say; None without such rules."""
    fired: tuple[Fired, ...] = ()
    """Every rule that fired, in the order of precedence."""
    inputs: InputStatistics | None = None
    """The figures of the image; None: its input was not looked at."""
    unlike: tuple[Unlike, ...] = ()
    """Those by which it is unlike the images of the training, also where the label is NG."""

    @property
    def accepted_by_rules(self) -> bool:
        """Whether it is OK only because rules accept its regions."""
        return self.label is Label.OK and AcceptReason.REGION_ACCEPTED in self.fired

    @property
    def unchecked(self) -> bool:
        """Whether it is REVIEW only because its reason could not be checked, not because the check failed."""
        return self.review_reasons == (ReviewReason.UNCHECKED,)

    @property
    def by_score(self) -> Label:
        """OK or NG by the score alone, whatever the result of the reason check; NG from the threshold on."""
        return Label.NG if self.score >= self.threshold else Label.OK


@dataclass(frozen=True, eq=False)
class PartVerdict:
    """What the Inspector says of one part."""

    decision: Decision
    score: float
    """P(NG) of the part, 0…1, that the thresholds apply to."""
    verdicts: tuple[Verdict, ...]
    """Of its images, in the order they were given."""

    @property
    def label(self) -> Label:
        """OK, NG or REVIEW."""
        return self.decision.label
