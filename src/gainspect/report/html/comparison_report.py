"""The comparison report: several strategies on the same parts."""

from collections.abc import Mapping
from pathlib import Path

from gainspect.evaluation.paired import differences, flips
from gainspect.evaluation.saved_verdicts import SavedVerdicts
from gainspect.report.html.page import write_page
from gainspect.report.texts import Wording
from gainspect.report.texts.judged_by import judged_by_words

_TEXTS = {"false_alarm_rate": "false_alarms", "right_reason_rate": "right_reason"}
"""The key of the text for figures whose text has another name."""


def write_comparison(
    out: Path,
    tables: Mapping[str, SavedVerdicts],
    wording: Wording,
    judged: Mapping[str, Mapping[str, str] | None] | None = None,
    *,
    divided_anew: bool = False,
) -> None:
    """Write the comparison as one HTML file; the first strategy is the base.

    Args:
        out: the file to write.
        tables: the verdicts of each strategy on the same images; at least one strategy.
        wording: the texts in the language of the report.
        judged: what judged each strategy, where it is known (`saved_verdicts.judged_by`).
        divided_anew: whether the data came with another split.

    Raises:
        GainspectError: the file cannot be written, or the images differ.
    """
    base = next(iter(tables))
    paired = {name: differences(tables[base], table) for name, table in tables.items()}
    changes = {name: flips(tables[base], table) for name, table in tables.items() if name != base}
    write_page(
        "comparison.html.j2",
        out,
        wording,
        base=base,
        table=tables[base],
        figures=[(d.figure, _TEXTS.get(d.figure, d.figure)) for d in paired[base]],
        paired={name: {d.figure: d for d in found} for name, found in paired.items()},
        flips=changes,
        judged_by=_judged_by(judged or {}, wording),
        divided_anew=divided_anew,
    )


def _judged_by(judged: Mapping[str, Mapping[str, str] | None], wording: Wording) -> list[str]:
    """What judged, once for all strategies that it is the same for."""
    words = {name: judged_by_words(each, wording) for name, each in judged.items() if each is not None}
    if len(set(words.values())) < 2 and len(words) == len(judged):
        return list(set(words.values()))
    return [f"{name}: {said}" for name, said in words.items()]
