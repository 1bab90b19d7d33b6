"""Verdicts as a terminal table."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.report.texts import TEXTS, Wording
from gainspect.report.texts.inputs import usual_in_words, values_in_words
from gainspect.types import ReviewReason, Unlike
from gainspect.wording import plural

_WORDING = Wording("en")
_STYLES = {"ng": "bold red", "review": "bold magenta", "ok": "green", None: "yellow"}

_REVIEW = {reason.value: TEXTS["en"][f"reason_{reason.value}"].lower() for reason in ReviewReason}


def verdict_table(records: Sequence[Mapping[str, Any]], seconds: float, *, rows: int) -> Table:
    """One row per image; NG, REVIEW and unreadable images come before OK.

    Args:
        records: the records of `inspection.stream.record_of`.
        seconds: time that reading and judging took.
        rows: largest number of rows.
    """
    counts = Counter(record["verdict"] for record in records)
    unread = f", {counts[None]} not judged" if counts[None] else ""
    unchecked = sum(record.get("review_reasons") == [ReviewReason.UNCHECKED] for record in records)
    apart = f" ({unchecked} of them not checked)" if unchecked else ""
    review = f"{counts['review']} REVIEW{apart}, " if counts["review"] else ""
    title = f"{plural(len(records), 'image')}: {counts['ng']} NG, {review}{counts['ok']} OK{unread}"
    left = f"{len(records) - rows} more are not shown\n" if len(records) > rows else ""
    rate = f"{len(records) / seconds:.1f}" if seconds > 0 else "–"
    table = titled_table(title, f"{left}{rate} images/s, reading included")
    folder = _common_folder([record["image"] for record in records])
    table.add_column(Text(f"Image in {folder}" if folder else "Image"), overflow="fold")
    table.add_column("Verdict")
    table.add_column("P(NG)", justify="right")
    table.add_column("Repaired", justify="right")
    table.add_column("Regions", justify="right")
    table.add_column("Largest (x, y, w, h)", no_wrap=True)
    said = any(_type_or_rule(record) for record in records)
    if said:
        table.add_column("Type: rule", overflow="fold")
    strange = [unlike for record in records for unlike in _unlike(record)]
    if strange:
        table.add_column("Unlike the training", overflow="fold")
    for record in sorted(records, key=lambda record: record["verdict"] == "ok")[:rows]:
        verdict = record["verdict"]
        regions = record.get("regions", [])
        table.add_row(
            Text(record["image"].removeprefix(folder)),
            Text((verdict or "–").upper(), _STYLES[verdict]),
            f"{record['score']:.3f}" if verdict else "–",
            _repaired(record),
            str(len(regions)) if verdict else "–",
            ", ".join(map(str, regions[0]["box"])) if regions else "–",
            *([Text(_type_or_rule(record) or "–")] if said else []),
            *([values_in_words(_unlike(record), _WORDING) or "–"] if strange else []),
        )
    for reason, text in _REVIEW.items():
        count = sum(reason in record.get("review_reasons", ()) for record in records)
        if count:
            table.caption = Text(f"{table.caption}\n{count} REVIEW: {text}", "dim")
    if strange:
        table.caption = Text(f"{table.caption}\nThe training: {usual_in_words(strange, _WORDING)}", "dim")
    return table


def _type_or_rule(record: Mapping[str, Any]) -> str:
    """Types of its regions, and the rules that took them, each once; "" if nothing is known.

    >>> regions = [{"type": "pit", "rule": "small"}, {"type": "pit", "rule": "small"}, {"type": "unknown"}]
    >>> _type_or_rule({"regions": regions})
    'pit: small, unknown'
    """
    regions = record.get("regions", [])
    named = [": ".join(filter(None, (one.get("type"), one.get("rule")))) for one in regions]
    return ", ".join(dict.fromkeys(filter(None, named)))


def decision_table(records: Sequence[Mapping[str, Any]], *, rows: int) -> Table:
    """One row per part; NG and REVIEW come before OK.

    Args:
        records: the records of `inspection.stream.part_record`.
        rows: largest number of rows.
    """
    counts = Counter(record["decision"] for record in records)
    review = f"{counts['review']} REVIEW, " if counts["review"] else ""
    title = f"{plural(len(records), 'part')}: {counts['ng']} NG, {review}{counts['ok']} OK"
    left = f"{len(records) - rows} more are not shown" if len(records) > rows else ""
    table = titled_table(title, left)
    table.add_column("Part", overflow="fold")
    table.add_column("Decision")
    table.add_column("P(NG)", justify="right")
    table.add_column("Images", justify="right")
    table.add_column("Rules that fired", overflow="fold")
    for record in sorted(records, key=lambda record: record["decision"] == "ok")[:rows]:
        table.add_row(
            Text(record["part"]),
            Text(record["decision"].upper(), _STYLES[record["decision"]]),
            "–" if record["score"] is None else f"{record['score']:.3f}",
            str(len(record["images"])),
            Text(", ".join(record["fired"])),
        )
    return table


def _repaired(record: Mapping[str, Any]) -> str:
    """P(NG) with the evidence repaired, if it was repaired."""
    check = record.get("check")
    return "–" if check is None or check["repaired"] is None else f"{check['repaired']:.3f}"


def _unlike(record: Mapping[str, Any]) -> list[Unlike]:
    """The figures that are unlike those of the training."""
    return [Unlike(**found) for found in record.get("unlike", [])]


def _common_folder(names: Sequence[str]) -> str:
    """The folder that contains all names, with its last slash; "" if there is none.

    >>> _common_folder(["a/b/x.png", "a/b/c/y.png"]), _common_folder(["x.png", "-"]), _common_folder([])
    ('a/b/', '', '')
    """
    folders = [name.rpartition("/")[0] for name in names]
    if len({folder.startswith("/") for folder in folders}) != 1:
        return ""
    common = os.path.commonpath(folders)
    return f"{common}/" if common.strip("/") else ""
