"""What is shown of an operating point: the parts behind it, what is decided of them, what it is blind to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gainspect.evaluation.appraisal import Appraisal, appraise
from gainspect.evaluation.chosen_on import ChosenOn, attainable
from gainspect.evaluation.goals import LeastCost, OperatingPoint
from gainspect.evaluation.judged_parts import JudgedPart, tally
from gainspect.metrics.intervals import clopper_pearson
from gainspect.metrics.thresholds import noise_floor
from gainspect.policy import Policy
from gainspect.types import Label

_TALLIES = (
    ("caught", True, Label.NG),
    ("escapes", True, Label.OK),
    ("review_ng", True, Label.REVIEW),
    ("false_alarms", False, Label.NG),
    ("review_ok", False, Label.REVIEW),
)
"""The rows of the panel: whether it counts NG parts, and which decision on them."""


@dataclass(frozen=True)
class OperatingFacts:
    """What the panel is made of."""

    policy: Policy
    point: OperatingPoint | None
    """What the policy gave where it was chosen; None: an older version wrote the bundle."""
    tested: ChosenOn
    """The parts that the report judges."""
    chosen: ChosenOn | None
    """The parts that the policy was chosen on; None: not known."""
    doubtful: frozenset[str] = frozenset()
    """Names of tested parts with a doubtful label."""
    small: frozenset[str] = frozenset()
    """Names of tested NG parts whose defect is small in the input."""
    made_by: Sequence[str] = ("gainspect", "calibrate", "NAME.gain", "--data", "DIR")
    """The command line that makes another policy, before the options of its goal."""

    @property
    def floor(self) -> float | None:
        """The P(NG) below which a part shows no evidence, from the parts that the policy was chosen on."""
        if self.point is not None:
            return self.point.floor
        parts = (self.chosen or self.tested).parts
        read = [(part.ng, part.score) for part in parts if part.score is not None]
        labels = np.array([ng for ng, _ in read], np.bool_)
        if not labels.any() or labels.all():
            return None
        return noise_floor(np.array([score for _, score in read]), labels)

    @property
    def goal(self) -> LeastCost:
        """The costs and the prevalence that are shown first: of the policy's goal, or the usual ones."""
        goal = None if self.point is None else self.point.goal
        return goal if isinstance(goal, LeastCost) else LeastCost()

    @property
    def appraisal(self) -> Appraisal:
        """The model as an appraiser of the tested parts."""
        return appraise(self.tested.parts, self.policy, doubtful=self.doubtful, small=self.small)

    @property
    def blind(self) -> tuple[str, ...]:
        """The NG parts without evidence, worst first: of those tested, then of those chosen on."""
        if self.floor is None:
            return ()
        sets = [self.tested, *([self.chosen] if self.chosen else [])]
        return tuple(dict.fromkeys(name for one in sets for name in attainable(one.parts, self.floor).blind))


def tally_rows(parts: Sequence[JudgedPart], policy: Policy) -> list[dict[str, Any]]:
    """What is decided: name, count, share (None of no parts) and its exact 95 % bounds, which count items.

    An item has what one of its parts has; it is caught if all its NG parts are.
    """
    rows = []
    for name, ng, label in _TALLIES:
        found = tally(parts, policy, ng=ng, labels=[label])
        low, high = clopper_pearson(found.items, found.of_items)
        if name == "caught":
            lost = tally(parts, policy, ng=True, labels=[Label.OK, Label.REVIEW])
            low, high = (1 - bound for bound in clopper_pearson(lost.items, lost.of_items)[::-1])
        share = found.hits / found.of if found.of else None
        rows.append(
            {"name": name, "count": found.hits, "of": found.of, "share": share, "bounds": (low, high)}
        )
    return rows
