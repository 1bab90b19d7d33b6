"""Whether a model would pass as an appraiser of the parts that it judged, and what would help it most.

The figures are those of a study with one trial (`agreement_study`), held against AIAG's marks. REVIEW is not
right, but it is neither a miss nor a false alarm.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple

from gainspect.evaluation.agreement_study import Grade, grade
from gainspect.evaluation.judged_parts import JudgedPart, decided, outcome_of
from gainspect.metrics.agreement import Proportion
from gainspect.metrics.decisions import MARKS
from gainspect.metrics.intervals import clopper_pearson, trials_needed, upper_bound
from gainspect.policy import Rules
from gainspect.types import Label

RemedyKind = Literal[
    "labels",
    "size",
    "reasons",
    "train_ng",
    "train_ok",
    "train_both",
    "test_ng",
    "test_ok",
    "classes",
    "nothing",
]
_CAUSES: tuple[RemedyKind, ...] = ("labels", "size", "reasons", "train_ng", "train_ok", "train_both")
"""What a wrong decision calls for; of equally many, the first."""
_GRADES: tuple[Grade, ...] = ("acceptable", "marginal", "unacceptable")


class Remedy(NamedTuple):
    """What would help most."""

    kind: RemedyKind
    """labels: look at them again. size: a larger input. reasons: look at why their check sends parts to a
    person. train_…: more such parts to train on (both: of either class, since scores lie between the
    thresholds). test_…: more such parts to test on, since these cannot
    tell. classes: parts of the class that is missing. nothing: nothing of these."""
    parts: tuple[str, ...] = ()
    """The parts that it would help with."""
    of: int = 0
    """Number of the decisions that are not right by the figure that fails."""
    needed: int = 0
    """For test_…: the number of parts that prove the mark with as many wrong ones as now."""


@dataclass(frozen=True)
class Appraisal:
    """A model, as an appraiser of parts."""

    figures: Mapping[str, Proportion]
    """effectiveness, miss and false_alarm, by part."""
    grade: Grade | None
    """The worst of its grades; None where a figure is not defined, because a class is missing."""
    worst: str | None
    """The figure by which it has this grade, unless that is acceptable: of equal grades, the one with the
    largest share of errors measured by the share that is acceptable."""
    remedy: Remedy


def appraise(
    parts: Sequence[JudgedPart],
    rules: Rules,
    *,
    doubtful: Collection[str] = (),
    small: Collection[str] = (),
) -> Appraisal:
    """Hold decisions on parts against AIAG's marks.

    The remedy, if a figure is not acceptable: every decision that this figure counts as wrong calls for one.

    * labels, if the label is doubtful, or an OK part scores as high as half of the NG parts;
    * size, if the defect is small;
    * reasons, if it is REVIEW although its score reaches the threshold: by the check of its reason;
    * else more parts to train on, like the missed ones, the false alarms, or (REVIEW) of both classes.

    What most of them call for is the remedy. If only one decision is wrong, or all figures are acceptable but
    the parts cannot prove that, more parts to test on are.

    Args:
        parts: the parts, each with its label.
        rules: the policy.
        doubtful: names of parts with a doubtful label.
        small: names of NG parts whose defect is less than `SMALL_DEFECT` pixels across in the input.
    """
    counted = outcome_of(parts, rules)
    shares = {
        "effectiveness": (counted.caught + counted.passed, counted.ng + counted.ok),
        "miss": (counted.escapes, counted.ng),
        "false_alarm": (counted.false_alarms, counted.ok),
    }
    figures = {name: Proportion(hits, of, clopper_pearson(hits, of)) for name, (hits, of) in shares.items()}
    if not counted.ng or not counted.ok:
        return Appraisal(figures, None, None, Remedy("classes"))
    graded = {name: grade(name, figure.count / figure.of) for name, figure in figures.items()}
    overall = max(graded.values(), key=_GRADES.index)
    if overall == "acceptable":
        return Appraisal(figures, overall, None, _proof(figures))
    worst = max(
        (name for name in figures if graded[name] == overall), key=lambda name: _excess(name, figures[name])
    )
    return Appraisal(figures, overall, worst, _remedy(parts, rules, worst, figures, doubtful, small))


def _excess(name: str, figure: Proportion) -> float:
    """The share of errors, as a multiple of the share that is acceptable."""
    share, mark = figure.count / figure.of, MARKS[name][0]
    return (1 - share) / (1 - mark) if name == "effectiveness" else share / mark


def _proof(figures: Mapping[str, Proportion]) -> Remedy:
    """The parts that it takes to prove acceptable shares of misses and of false alarms (95 %)."""
    tests: tuple[tuple[RemedyKind, str], ...] = (("test_ng", "miss"), ("test_ok", "false_alarm"))
    for kind, name in tests:
        found, mark = figures[name], MARKS[name][0]
        if upper_bound(found.count, found.of) > mark:
            return Remedy(kind, needed=trials_needed(mark, events=found.count))
    return Remedy("nothing")


def _remedy(
    parts: Sequence[JudgedPart],
    rules: Rules,
    worst: str,
    figures: Mapping[str, Proportion],
    doubtful: Collection[str],
    small: Collection[str],
) -> Remedy:
    wrong = [(part, made) for part in parts if _is_wrong(part, made := decided(part, rules), worst)]
    if len(wrong) == 1:
        name = "miss" if wrong[0][0].ng else "false_alarm"
        needed = trials_needed(MARKS[name][0], events=figures[name].count)
        return Remedy("test_ng" if wrong[0][0].ng else "test_ok", (wrong[0][0].name,), 1, needed)
    typical = median([part.score for part in parts if part.ng and part.score is not None] or [1.0])
    calls = {part.name: _call(part, made, rules.threshold, typical, doubtful, small) for part, made in wrong}
    times = Counter(calls.values())
    kind = max(_CAUSES, key=times.__getitem__)
    return Remedy(kind, tuple(name for name, call in calls.items() if call == kind), len(wrong))


def _is_wrong(part: JudgedPart, made: Label, figure: str) -> bool:
    """Whether a figure counts the decision on a part as wrong."""
    if figure == "effectiveness":
        return made is not (Label.NG if part.ng else Label.OK)
    return part.ng and made is Label.OK if figure == "miss" else not part.ng and made is Label.NG


def _call(
    part: JudgedPart,
    made: Label,
    threshold: float,
    typical: float,
    doubtful: Collection[str],
    small: Collection[str],
) -> RemedyKind:
    looks_ng = not part.ng and part.score is not None and part.score >= typical
    if part.name in doubtful or looks_ng:
        return "labels"
    if part.ng and part.name in small:
        return "size"
    if made is Label.REVIEW:
        return "reasons" if part.score is not None and part.score >= threshold else "train_both"
    return "train_ng" if part.ng else "train_ok"
