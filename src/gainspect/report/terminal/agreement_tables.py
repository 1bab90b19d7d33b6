"""Terminal tables of a study of appraisers."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from gainspect.evaluation.agreement_study import (
    AgreementStudy,
    AppraiserFigures,
    BorderlinePart,
    Grade,
)
from gainspect.metrics.agreement import Kappa, Proportion
from gainspect.metrics.intervals import Interval
from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.report.terminal.sentences import listed
from gainspect.report.texts import Wording
from gainspect.wording import plural

_STYLES: dict[Grade | None, str] = {
    "acceptable": "green",
    "marginal": "yellow",
    "unacceptable": "red",
    None: "dim",
}
_PARTS = 20
"""Borderline parts that are listed; the report has all of them."""
_NOTHING = "–"


def agreement_tables(study: AgreementStudy) -> list[Table]:
    """The tables that `gainspect msa` prints: appraisers, agreement, and borderline parts if any."""
    tables = [_appraisers(study), _agreement(study)]
    return [*tables, _borderline(study)] if study.borderline else tables


def cautions(study: AgreementStudy) -> Iterator[str]:
    """What to know before the figures are believed, in sentences."""
    wording = Wording("en")
    for caution in study.cautions:
        yield wording(caution.key, **caution.values)
    if study.against_reference:
        yield wording("msa_against", names=listed(study.against_reference))


def _appraisers(study: AgreementStudy) -> Table:
    table = titled_table(
        f"Appraisers · {plural(study.parts, 'part')}: {study.ok} OK, {study.ng} NG",
        "effective: parts decided right in every trial\n"
        "miss: NG decided OK; false alarm: OK decided NG\n"
        "review: neither right, nor caught, nor missed\n"
        "AIAG's marks: 90, 2, 5 %; marginal 80, 5, 10 %\n"
        "95 % intervals by part",
    )
    table.add_column("", overflow="fold")
    for title in ("Trials", "Effective", "Miss", "False alarm", "Review\nof NG", "Review\nof OK"):
        table.add_column(title, justify="right", no_wrap=True)
    for each in study.appraisers:
        marked = (_marked(each, figure) for figure in ("effectiveness", "miss", "false_alarm"))
        reviews = (_share(each.review_ng), _share(each.review_ok))
        table.add_row(Text(each.name), str(each.trials), *marked, *reviews)
    return table


def _agreement(study: AgreementStudy) -> Table:
    table = titled_table(
        "Agreement",
        "same: parts on which all decisions are the same, or right\n"
        "kappa: Cohen's, and Fleiss' of all together\n"
        "95 % intervals by part, of kappa by bootstrap",
    )
    table.add_column("", overflow="fold")
    for title in ("Same", "", "Kappa", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for each in study.appraisers:
        if each.within is not None:
            own = f"{each.name}, with itself" + (" (same files)" if each.same_files else "")
            table.add_row(Text(own), *_same(each.within), "", "")
    for each in study.appraisers:
        name = Text(f"{each.name}, with the reference")
        table.add_row(name, *_same(each.effectiveness), *_kappa(each.kappa))
    for pair in study.pairs:
        table.add_row(Text(f"{pair.one} and {pair.other}"), *_same(pair.agreement), *_kappa(pair.kappa))
    if study.between is not None:
        table.add_row("all together", *_same(study.between), *_kappa(study.fleiss))
        table.add_row("all, with the reference", *_same(study.all_right), "", "")
    return table


def _borderline(study: AgreementStudy) -> Table:
    left = len(study.borderline) - _PARTS
    more = f"; {left} more in the report" if left > 0 else ""
    table = titled_table(
        f"Borderline parts · {len(study.borderline)} of {study.parts}",
        f"not all decisions are the same; the most disputed first{more}",
    )
    for title in ("Part", "Reference", "Decisions"):
        table.add_column(title, overflow="fold")
    table.add_column("Wrong", justify="right")
    for part in study.borderline[:_PARTS]:
        table.add_row(Text(part.name), part.reference.upper(), _decisions(part), f"{part.wrong:.0%}")
    return table


def _decisions(part: BorderlinePart) -> Text:
    text = Text()
    for name, labels in part.decisions.items():
        text.append(f"{' · ' if text else ''}{name}")
        for label in labels:
            text.append(f" {label.upper()}", "" if label is part.reference else "bold")
    return text


def _marked(figures: AppraiserFigures, figure: str) -> Text:
    """Value, interval and mark, one below the other."""
    grade = figures.grade(figure)
    proportion: Proportion = getattr(figures, figure)
    if proportion.value is None:
        return Text(_NOTHING)
    text = Text(_percent(proportion.value), "bold")
    return text.append(f"\n{_interval(proportion.interval)}", "dim").append(f"\n{grade}", _STYLES[grade])


def _share(proportion: Proportion) -> str:
    return _NOTHING if proportion.value is None else _percent(proportion.value)


def _same(proportion: Proportion) -> tuple[str, Text]:
    return _share(proportion), Text(_interval(proportion.interval), "dim")


def _kappa(kappa: Kappa) -> tuple[str, Text]:
    if kappa.value is None:
        return _NOTHING, Text()
    interval = "" if kappa.interval is None else f"{kappa.interval[0]:.2f} to {kappa.interval[1]:.2f}"
    return f"{kappa.value:.3f}", Text(interval, "dim")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(interval: Interval) -> str:
    return f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f} %"
