"""The policy of a bundle: when a part is OK, NG or for REVIEW. Chosen in `evaluation.operating_point`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gainspect.types import MapName


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeatScale(_Section):
    """The one scale that all evidence of a bundle is drawn on, in the evidence's own units."""

    cold: float = Field(ge=0)
    """Drawn without color, and all below: what the evidence of nearly all OK parts peaks at."""
    hot: float = Field(gt=0)
    """Drawn hottest, and all above: what the evidence of half of the NG parts reaches."""


class ReasonPolicy(_Section):
    """How the reason of an NG verdict is checked, and when it fails and a person decides.

    A limit that is None is not applied.
    """

    controls: int = Field(default=2, ge=1, le=16)
    """Control regions an image; checking costs 1 + so many more images for each NG verdict."""
    seed: int = Field(default=0, ge=0)
    """Of the places of the controls, together with the image's own pixels."""
    min_drop: float | None = None
    """Repairing the evidence must take away at least this share of P(NG)."""
    max_control_drop: float | None = None
    """Repairing the controls must not take away more than this share of P(NG)."""
    min_agreement: float | None = None
    """Attention and localization must be at least so similar (cosine)."""
    share: float | None = Field(default=None, ge=0, le=1)
    """Share of the verdicts that are right for the right reason that was allowed to go to a person."""
    split: str | None = None
    """The part of the data that the limits were fitted on."""
    verdicts: int = Field(default=0, ge=0)
    """NG verdicts that are right for the right reason, there."""
    reviewed: int = Field(default=0, ge=0)
    """How many of these go to a person."""


class Policy(_Section):
    """When the verdict is NG, and where that was chosen."""

    kind: Literal["threshold"] = "threshold"
    threshold: float = Field(ge=0, le=1)
    """On P(NG); at or above it the verdict is NG."""
    target_recall: float | None = Field(default=None, gt=0, le=1)
    """What the threshold was chosen for; None = it was given by hand."""
    split: str
    """The part of the data that it was chosen (or, if given, tried) on."""
    ng: int = Field(ge=0)
    ok: int = Field(ge=0)
    """Images of that part."""
    recall: float | None = None
    false_alarm_rate: float | None = None
    """What it gave there."""
    region_threshold: float = Field(ge=0)
    """Regions are where the evidence reaches this, in the evidence's own units."""
    map_thresholds: dict[MapName, float] = {}
    """For each map the threshold that suits the masks best; empty without masks."""
    heat: HeatScale | None = None
    """How evidence is drawn; None in a bundle of before there was one."""
    reason: ReasonPolicy | None = None
    """How reasons are checked; None = they are not."""

    def heat_scale(self) -> HeatScale:
        """The scale to draw on; without one of its own, from 0 to twice the region threshold."""
        return self.heat or HeatScale(cold=0, hot=max(2 * self.region_threshold, 1e-9))
