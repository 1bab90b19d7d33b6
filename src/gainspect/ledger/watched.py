"""What is watched of a decision: its score, and the figures of its images."""

from typing import get_args

from gainspect.evaluation.drift_watch import WatchedPart, figures_of
from gainspect.ledger.records.decision import Decision, JudgedImage
from gainspect.types import InputStatistics, StatisticName


def watched_part(decision: Decision) -> WatchedPart:
    """What a watch looks at of a decision."""
    figures = figures_of(decision.score, [_inputs(image) for image in decision.images])
    return WatchedPart(decision.key, decision.part, decision.at, decision.label, figures)


def _inputs(image: JudgedImage) -> InputStatistics:
    """The figures of an image, as far as its record has them."""
    said = image.details.get("inputs")
    if not isinstance(said, dict):
        return {}
    names: tuple[StatisticName, ...] = get_args(StatisticName)
    found = ((name, said.get(name)) for name in names)
    return {name: float(value) for name, value in found if isinstance(value, int | float)}
