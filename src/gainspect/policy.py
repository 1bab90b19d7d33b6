"""The policy of a bundle: when a part is OK, NG or REVIEW. It is chosen in `evaluation.operating_point`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gainspect.types import MapName


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeatScale(_Section):
    """The one color scale for all evidence of a bundle, in the evidence's own units."""

    cold: float = Field(ge=0)
    """Evidence up to this value is drawn without color; that of nearly all OK parts stays below it."""
    hot: float = Field(gt=0)
    """Evidence from this value on is drawn in the hottest color; that of half of the NG parts reaches it."""


class ReasonPolicy(_Section):
    """How the reason of an NG verdict is checked, and when it fails so that a person must decide.

    A limit that is None is not applied.
    """

    controls: int = Field(default=2, ge=1, le=16)
    """Control regions per image. Checking one NG verdict costs 1 + `controls` additional images."""
    seed: int = Field(default=0, ge=0)
    """Together with the image's own pixels, it determines where the control regions are placed."""
    min_drop: float | None = None
    """Repairing the evidence must lower P(NG) by at least this share of it."""
    max_control_drop: float | None = None
    """Repairing the controls must not lower P(NG) by more than this share of it."""
    min_agreement: float | None = None
    """Attention and localization must have at least this cosine similarity."""
    share: float | None = Field(default=None, ge=0, le=1)
    """Of these verdicts, the share that was allowed to become REVIEW."""
    split: str | None = None
    """The part of the data that the limits were fitted on."""
    verdicts: int = Field(default=0, ge=0)
    """Number of right NG verdicts in that part that the limits were fitted on: without those whose evidence
    lies beside their marked defect."""
    marked: int | None = Field(default=None, ge=0)
    """How many of these have a marked defect, so that their reason is known to be right; None in bundles
    written before this field existed."""
    reviewed: int = Field(default=0, ge=0)
    """How many of these become REVIEW because they break one of the fitted limits."""
    unchecked: int = Field(default=0, ge=0)
    """How many of these become REVIEW only because their reason could not be checked in full."""


class Policy(_Section):
    """When a part is NG, and on which data this was chosen."""

    kind: Literal["threshold"] = "threshold"
    threshold: float = Field(ge=0, le=1)
    """At or above this P(NG), the decision is NG."""
    target_recall: float | None = Field(default=None, gt=0, le=1)
    """The recall that the threshold was chosen for; None: the threshold was set by hand."""
    split: str
    """The part of the data that the threshold was chosen on (or, if it was set by hand, tried on)."""
    ng: int = Field(ge=0)
    ok: int = Field(ge=0)
    """Number of NG and OK images in that part."""
    recall: float | None = None
    false_alarm_rate: float | None = None
    """Recall and false-alarm rate on that part at this threshold."""
    region_threshold: float = Field(ge=0)
    """Regions are where the evidence reaches this value, in the evidence's own units."""
    map_thresholds: dict[MapName, float] = {}
    """For each map, the threshold at which it fits the masks best; empty without masks."""
    heat: HeatScale | None = None
    """How evidence is drawn; None in bundles written before this field existed."""
    reason: ReasonPolicy | None = None
    """How reasons are checked; None: they are not checked."""

    def heat_scale(self) -> HeatScale:
        """The scale to draw with; if the policy has none, from 0 to twice the region threshold."""
        return self.heat or HeatScale(cold=0, hot=max(2 * self.region_threshold, 1e-9))
