"""The operating panel of the inspection report: what a policy gives by part, and what others would give."""

import heapq
import json
import shlex
from collections.abc import Sequence
from math import inf
from typing import Any

from markupsafe import Markup

from gainspect.evaluation.chosen_on import ChosenOn, attainable
from gainspect.evaluation.judged_parts import JudgedPart, outcome_of, tally
from gainspect.evaluation.operating_facts import OperatingFacts, tally_rows
from gainspect.metrics.decisions import expected_cost
from gainspect.metrics.intervals import trials_needed, upper_bound
from gainspect.policy import Rules
from gainspect.report.html.panel_plots import PLACES, Axis, attainable_curve, logit, part_histogram
from gainspect.report.operating_sentences import (
    advisor_sentence,
    appraisal_sentences,
    evidence_sentences,
    policy_line,
    unusable_sentences,
)
from gainspect.report.texts import Wording
from gainspect.types import Label

_CLAIMS = (0.05, 0.01)
"""Escape rates for which the number of parts that prove them is told."""
_CODES = {Label.OK: 0, Label.REVIEW: 1, Label.NG: 2}
"""Decisions, as the script has them."""
MOST_BLIND = 12
"""At most so many blind parts are shown with pictures."""
MOST_NAMED = 20_000
"""In the page, so many parts of a set have names: those nearest to a threshold."""


def panel_values(facts: OperatingFacts, wording: Wording, table: str) -> dict[str, Any]:
    """What the templates `appraisal.html.j2` and `panel.html.j2` show, as `appraisal` and `panel`.

    Args:
        facts: the parts and the policy.
        wording: the language.
        table: the name of the file that has every verdict.
    """
    told = [("tested", facts.tested), *([("chosen", facts.chosen)] if facts.chosen else [])]
    axis = Axis.of(
        [part.score for _, one in told for part in one.parts if part.score is not None],
        [facts.policy.threshold, facts.policy.least_stopped],
    )
    appraisal = facts.appraisal
    return {
        "appraisal": {
            "grade": appraisal.grade,
            "sentences": _together(appraisal_sentences(appraisal, facts.tested.split, wording)),
        },
        "panel": {
            "policy": _together([policy_line(facts.policy, facts.point, wording)])[0],
            "warning": [] if facts.point is None else unusable_sentences(facts.point, wording),
            "sets": [_set(kind, one, facts, axis, wording) for kind, one in told],
            "blind_names": facts.blind,
            "data": Markup(_data(told, facts, axis, wording, table)),
        },
    }


def _together(sentences: Sequence[str]) -> list[str]:
    """The same sentences; a no-break space keeps number and sign together."""
    return [sentence.replace(" %", "\u00a0%") for sentence in sentences]


def _set(kind: str, judged: ChosenOn, facts: OperatingFacts, axis: Axis, wording: Wording) -> dict[str, Any]:
    """One set of parts, as it is before anything is moved."""
    parts, policy, goal = judged.parts, facts.policy, facts.goal
    counted = outcome_of(parts, policy)
    prevalence = goal.prevalence or counted.ng / max(1, counted.ng + counted.ok)
    escaped = tally(parts, policy, ng=True, labels=[Label.OK])
    floor = facts.floor
    sentences = [] if floor is None else evidence_sentences(attainable(parts, floor), wording)
    needed = [(rate, trials_needed(rate)) for rate in _CLAIMS]
    bound = upper_bound(escaped.items, escaped.of_items)
    sentences.append(advisor_sentence(escaped.items, escaped.of_items, bound, needed, wording))
    return {
        "kind": kind,
        "split": judged.split,
        "ng": counted.ng,
        "ok": counted.ok,
        "rows": tally_rows(parts, policy),
        "cost": expected_cost(counted, goal.costs, prevalence),
        "prevalence": prevalence,
        "sentences": _together(sentences),
        "histogram": Markup(part_histogram(parts, policy, axis, wording)),
        "curve": Markup(attainable_curve(parts, policy, floor, wording)),
    }


def _data(
    told: Sequence[tuple[str, ChosenOn]], facts: OperatingFacts, axis: Axis, wording: Wording, table: str
) -> str:
    """What the script reads, as JSON that may stand in a page."""
    policy, goal = facts.policy, facts.goal
    texts = {name: wording(f"pn_{name}") for name in ("no_changes", "no_side")}
    texts |= {label.value: wording(label.value) for label in Label}
    texts["unnamed"] = wording("pn_unnamed", file=table)
    content = {
        "threshold": policy.threshold,
        "review_from": policy.least_stopped,
        "costs": goal.costs._asdict(),
        "prevalence": goal.prevalence,
        "axis": {"low": axis.low, "high": axis.high} | PLACES,
        "sets": [_rows(one.parts, policy) for _, one in told],
        "command": shlex.join(facts.made_by),
        "texts": texts,
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _rows(parts: Sequence[JudgedPart], rules: Rules) -> list[list[Any]]:
    """For each part: name, NG, score, confirmed, least, unread, number of its item, names of its images.

    Confirmed is true where it is the score. The name is null, and those of images are left out, where there
    are over `MOST_NAMED` parts and others are nearer to a threshold.
    """
    items: dict[str, int] = {}
    named = _nearest(parts, rules)
    return [
        [
            part.name if place in named else None,
            int(part.ng),
            part.score,
            True if part.confirmed is not None and part.confirmed == part.score else part.confirmed,
            _CODES[part.least],
            int(part.unread),
            items.setdefault(part.group, len(items)),
            list(part.images) if place in named else [],
        ]
        for place, part in enumerate(parts)
    ]


def _nearest(parts: Sequence[JudgedPart], rules: Rules) -> set[int]:
    """The places of the parts that have names: the nearest to a threshold, in logits."""
    if len(parts) <= MOST_NAMED:
        return set(range(len(parts)))
    cuts = {logit(rules.threshold), logit(rules.least_stopped)}

    def distance(place: int) -> float:
        score = parts[place].score
        return inf if score is None else min(abs(logit(score) - cut) for cut in cuts)

    return set(heapq.nsmallest(MOST_NAMED, range(len(parts)), key=distance))
