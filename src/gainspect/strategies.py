"""The strategies S1 … S9 as a table: which loss is trained when, which head decides, which map is evidence.

A new strategy is a new row; no other code in gainspect depends on the name of a strategy.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from gainspect.errors import GainspectError

LossName = Literal[
    "classification", "evidence", "cam", "mining", "guidance", "localization", "consistency", "counterfactual"
]
ModuleName = Literal["attention", "attended", "localization", "suppression", "evidence"]
Decider = Literal["classification", "attended", "evidence"]
Attends = Literal["deep", "pyramid"]
PyramidKind = Literal["fpn", "unet"]
EvidenceName = Literal["cam", "attention", "fused"]
Tta = Literal[1, 2, 8]
"""Positions of an image: as it is; also mirrored; also both after each quarter turn."""


@dataclass(frozen=True)
class Stage:
    """From `start` on, `losses` are trained as well (stages accumulate).

    Both `start` and `ramp` are fractions of the whole run; over `ramp` the loss weights grow linearly from 0.
    """

    start: float
    losses: tuple[LossName, ...]
    ramp: float = 0.0


STAGES: tuple[Stage, ...] = (
    Stage(0.00, ("classification", "evidence")),
    Stage(0.25, ("cam", "mining", "guidance")),
    Stage(0.50, ("localization", "consistency"), ramp=0.125),
    Stage(0.75, ("counterfactual",)),
)
"""Four equal stages, as published; a strategy uses from each stage the losses that it trains."""

TOGETHER: tuple[Stage, ...] = tuple(Stage(0.0, stage.losses) for stage in STAGES)
"""All losses from the first step."""


def stages_at(starts: Sequence[float], ramp: float | None = None) -> tuple[Stage, ...]:
    """The stages of `STAGES` with other start times, and with the ramp that each has or is given.

    A ramp takes at most half of the remaining run, so that every loss reaches its full weight. A stage that
    begins with the run has no ramp, because nothing has been learned before it that a ramp could protect.
    """
    return tuple(
        replace(
            stage,
            start=start,
            ramp=min(stage.ramp if ramp is None else ramp, (1 - start) / 2) if start else 0.0,
        )
        for stage, start in zip(STAGES, starts, strict=True)
    )


_NEEDS: Mapping[LossName, frozenset[ModuleName]] = {
    "evidence": frozenset({"attention", "localization", "evidence"}),
    "mining": frozenset({"attention", "attended"}),
    "guidance": frozenset({"attention"}),
    "localization": frozenset({"localization"}),
    "consistency": frozenset({"attention", "localization"}),
    "counterfactual": frozenset({"suppression"}),
}
"""The modules whose output each loss needs."""

_FROM_MASKS: frozenset[LossName] = frozenset({"cam", "guidance", "localization", "counterfactual"})
"""The losses that learn from the masks of NG images."""


@dataclass(frozen=True)
class Strategy:
    """One row of the table."""

    name: str
    title: str
    modules: frozenset[ModuleName]
    """What the model has besides backbone and classification head. "attention": guided attention; "attended":
    the adapter and the head on attended features; "localization": the pyramid or U-Net decoder, and the
    localization head; "suppression": the suppression used in training; "evidence": the evidence head."""
    weights: Mapping[LossName, float]
    """Weight of each loss at the end of its ramp; a loss that is not listed is not trained."""
    decides: Decider
    """The head whose logits give the verdict."""
    evidence: EvidenceName
    curriculum: bool = False
    """GT-mask attention curriculum: in training, attention is blended with the mask by α, which falls from
    0.5 to 0."""
    attends: Attends = "deep"
    """What attention is read from: the deepest features, or a level of the pyramid (needs localization)."""
    pyramid: PyramidKind = "fpn"
    """How localization combines the strides: a linear feature pyramid, or a U-Net decoder. A run can override
    it."""
    finest_stride: Literal[2, 4] = 4
    """Stride of the finest features that localization combines, and of its map. A run can override it."""
    tta: Tta = 1
    """Test-time augmentation: in how many positions an inspection sees an image. A run can override it."""
    transplants: float = 0.0
    """Share of the drawn NG images with a mask whose defect is put onto an OK part (a counterfactual image).
    As a control, half this share of the OK images receive a patch of defect-free surface. A run can override
    it."""
    repairs: float = 0.0
    """Share of the drawn images in which something is repaired, as the reason check repairs: of marked NG
    images in half of these the defect, which makes them OK. A run can override it."""
    stages: tuple[Stage, ...] = STAGES
    """When its losses begin. A run can override it."""

    def __post_init__(self) -> None:
        for loss in self.weights:
            if missing := _NEEDS.get(loss, frozenset()) - self.modules:
                raise ValueError(f"{self.name}: the loss {loss} needs the module {', '.join(missing)}")

    @property
    def needs_masks(self) -> bool:
        """Whether some of its losses learn from marked defects; without any they have nothing to point at."""
        return bool(_FROM_MASKS & set(self.weights))

    def needed(self, losses: Iterable[LossName]) -> frozenset[ModuleName]:
        """The modules whose output these losses need, with those that they read from.

        >>> sorted(STRATEGIES["S4"].needed(["classification", "guidance"]))
        ['attention']
        >>> sorted(STRATEGIES["S6"].needed(["mining"]))
        ['attended', 'attention', 'localization']
        """
        modules = frozenset[ModuleName]().union(*(_NEEDS.get(loss, frozenset()) for loss in losses))
        gated = "attended" in modules and self.evidence == "fused"
        fine = "attention" in modules and self.attends == "pyramid"
        return modules | {"localization"} if gated or fine else modules

    def with_counterfactual(self, weight: float) -> "Strategy":
        """The same, with suppression that is trained at this weight; at 0, and with its own, as it is.

        >>> sorted(STRATEGIES["S9"].with_counterfactual(0.3).modules - STRATEGIES["S9"].modules)
        ['suppression']
        """
        if not weight or "counterfactual" in self.weights:
            return self
        modules: frozenset[ModuleName] = self.modules | {"suppression"}
        weights: dict[LossName, float] = {**self.weights, "counterfactual": weight}
        return replace(self, modules=modules, weights=weights)

    def weights_at(self, progress: float, stages: tuple[Stage, ...] | None = None) -> dict[LossName, float]:
        """Loss weights at `progress` (0…1 of the run); a loss that has not begun is absent.

        `stages` replaces the strategy's own stages.

        >>> STRATEGIES["S3"].weights_at(0.1)
        {'classification': 0.3}
        >>> round(STRATEGIES["S4"].weights_at(0.5625)["localization"], 3)
        0.1
        """
        active: dict[LossName, float] = {}
        for stage in self.stages if stages is None else stages:
            if progress < stage.start:
                continue
            ramped = 1.0 if stage.ramp == 0 else min(1.0, (progress - stage.start) / stage.ramp)
            active.update(
                {name: ramped * self.weights[name] for name in stage.losses if name in self.weights}
            )
        return active

    def complete_from(self, stages: tuple[Stage, ...] | None = None) -> float:
        """Fraction of the run after which every loss of the strategy has its full weight."""
        return max(
            stage.start + stage.ramp
            for stage in (self.stages if stages is None else stages)
            if set(stage.losses) & set(self.weights)
        )


def curriculum_alpha(progress: float, start: float = 0.5) -> float:
    """α of the GT-mask curriculum; it falls linearly from `start` to 0 over the run.

    >>> curriculum_alpha(0.0), curriculum_alpha(0.5), curriculum_alpha(1.0)
    (0.5, 0.25, 0.0)
    """
    return start * (1.0 - min(max(progress, 0.0), 1.0))


def _strategies() -> dict[str, Strategy]:
    classification: dict[LossName, float] = {"classification": 1.0}
    cam: dict[LossName, float] = {"cam": 0.3}
    attention: dict[LossName, float] = {"classification": 0.3, "cam": 0.3, "mining": 1.0, "guidance": 0.5}
    localization: dict[LossName, float] = {"localization": 0.2, "consistency": 0.2}
    counterfactual: dict[LossName, float] = {"counterfactual": 0.3}
    evidence: dict[LossName, float] = {
        "classification": 0.3,
        "evidence": 1.0,
        "cam": 0.3,
        "guidance": 0.5,
        "localization": 1.0,
    }
    attends: frozenset[ModuleName] = frozenset({"attention", "attended"})
    locates, suppresses = frozenset[ModuleName]({"localization"}), frozenset[ModuleName]({"suppression"})
    rows = (
        Strategy("S1", "plain classifier", frozenset(), classification, "classification", "cam"),
        Strategy("S2", "S1 + CAM guidance", frozenset(), classification | cam, "classification", "cam"),
        Strategy("S3", "S2 + guided attention", attends, attention, "attended", "attention"),
        Strategy(
            "S4", "S3 + localization", attends | locates, attention | localization, "attended", "attention"
        ),
        Strategy(
            "S5",
            "S4 + counterfactual",
            attends | locates | suppresses,
            attention | localization | counterfactual,
            "attended",
            "attention",
        ),
        Strategy(
            "S6",
            "S5 + mask curriculum",
            attends | locates | suppresses,
            attention | localization | counterfactual,
            "attended",
            "fused",
            curriculum=True,
        ),
        Strategy(
            "S7",
            "S3 + counterfactual",
            attends | suppresses,
            attention | counterfactual,
            "attended",
            "attention",
        ),
        Strategy(
            "S8",
            "S7 + mask curriculum",
            attends | suppresses,
            attention | counterfactual,
            "attended",
            "attention",
            curriculum=True,
        ),
        Strategy(
            "S9",
            "the verdict is its evidence",
            frozenset({"attention", "localization", "evidence"}),
            evidence,
            "evidence",
            "fused",
            attends="pyramid",
            pyramid="unet",
            finest_stride=2,
            tta=2,
            transplants=0.5,
            repairs=0.25,
            stages=TOGETHER,
        ),
    )
    return {row.name: row for row in rows}


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(_strategies())


def strategy(name: str) -> Strategy:
    """Look up a strategy by its name.

    Raises:
        GainspectError: there is no such strategy; the message lists the existing ones.
    """
    try:
        return STRATEGIES[name.upper()]
    except KeyError:
        known = ", ".join(STRATEGIES)
        raise GainspectError(f"there is no strategy {name!r}", hint=f"Choose one of {known}.") from None
