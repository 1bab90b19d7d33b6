"""The operating panel on the terminal: what `gainspect calibrate --show` prints."""

from collections.abc import Collection, Iterator, Sequence
from math import inf

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gainspect.evaluation.appraisal import appraise
from gainspect.evaluation.chosen_on import ChosenOn
from gainspect.evaluation.goals import OperatingPoint
from gainspect.evaluation.judged_parts import JudgedPart
from gainspect.evaluation.operating_facts import tally_rows
from gainspect.policy import Policy
from gainspect.report.operating_sentences import appraisal_sentences, percent, policy_line
from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.report.terminal.policy_sentences import policy_sentences
from gainspect.report.texts import Wording

_EDGES = (0.0, 1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 0.9999)
"""P(NG) between which parts are counted together, besides the thresholds and the floor."""
_BAR = 18
"""Characters of the longest bar."""


def operating_view(
    policy: Policy, point: OperatingPoint, chosen: ChosenOn | None, wording: Wording
) -> Iterator[RenderableType]:
    """Everything that is known of a policy where it was chosen, as sentences and tables.

    Args:
        policy: the policy.
        point: what it gives.
        chosen: the parts that it was chosen on; None: an older version wrote the bundle, so sentences only.
        wording: the texts.
    """
    yield policy_line(policy, point, wording)
    if chosen is not None:
        yield from appraisal_sentences(appraise(chosen.parts, policy), chosen.split, wording)
    yield from policy_sentences(point, wording)
    if chosen is not None:
        yield decision_table(chosen.parts, policy, chosen.split, wording)
        yield score_table(chosen.parts, policy, point.floor, wording)


def decision_table(parts: Sequence[JudgedPart], policy: Policy, split: str, wording: Wording) -> Table:
    """What is decided, with exact bounds."""
    table = titled_table(wording("pn_decisions"), split)
    table.add_column("")
    for heading in (wording("parts"), wording("pn_share"), wording("pn_bounds")):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in tally_rows(parts, policy):
        low, high = row["bounds"]
        shown = "–" if row["share"] is None else percent(row["share"])
        counted = f"{row['count']} / {row['of']}"
        table.add_row(wording(f"pn_{row['name']}"), counted, shown, f"{100 * low:.1f} – {100 * high:.1f} %")
    return table


def score_table(parts: Sequence[JudgedPart], policy: Policy, floor: float | None, wording: Wording) -> Table:
    """Scores by part, highest first, with what each row decides by the score.

    Each row also says which recall and which false alarms a threshold at its lower end would give: the
    attainable-recall curve.
    """
    table = titled_table(wording("pn_histogram"), wording("pn_histogram_caption"))
    table.add_column("P(NG) ≥", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column(wording("pn_ok_parts"), no_wrap=True)
    table.add_column(wording("pn_ng_parts"), no_wrap=True)
    table.add_column(wording("false_alarms"), justify="right", no_wrap=True)
    table.add_column(wording("recall"), justify="right", no_wrap=True)
    scores = {ng: [p.score for p in parts if p.ng is ng and p.score is not None] for ng in (False, True)}
    cuts = {policy.threshold, policy.least_stopped, *([] if floor is None else [floor])}
    counted = list(_rows(scores, cuts))
    most = {ng: max((row[1][ng] for row in counted), default=0) for ng in scores}
    for low, found in counted:
        reached = {ng: sum(score >= low for score in scores[ng]) for ng in scores}
        rates = [percent(reached[ng] / len(scores[ng])) if scores[ng] else "–" for ng in (False, True)]
        bars = [_bar(found[ng], most[ng], "green" if not ng else "red") for ng in (False, True)]
        table.add_row(
            f"{low:.4g}", _name(low, policy, floor, wording), *bars, *rates, end_section=low in cuts
        )
    return table


def _rows(
    scores: dict[bool, list[float]], cuts: Collection[float]
) -> Iterator[tuple[float, dict[bool, int]]]:
    """Lower end and counts of each row, highest first; those without parts are left out, but for the cuts."""
    highest = inf
    for low in sorted({*_EDGES, *cuts}, reverse=True):
        found = {ng: sum(low <= score < highest for score in of_class) for ng, of_class in scores.items()}
        highest = low
        if any(found.values()) or low in cuts:
            yield low, found


def _name(low: float, policy: Policy, floor: float | None, wording: Wording) -> str:
    """What the lower end of a row is."""
    if low == policy.threshold:
        return wording("ng")
    if low == policy.least_stopped:
        return wording("review")
    return wording("pn_floor") if low == floor else ""


def _bar(count: int, most: int, style: str) -> Text:
    if not count:
        return Text("")
    return Text.assemble(("█" * max(1, round(_BAR * count / most)), style), f" {count}")
