"""Verdicts as a terminal table."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from gainspect.names import printable
from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.report.texts import TEXTS, Wording
from gainspect.report.texts.inputs import usual_in_words, values_in_words
from gainspect.types import Label, ReviewReason, Unlike
from gainspect.wording import plural

_WORDING = Wording("en")
LABEL_STYLES = {"ng": "bold red", "review": "bold magenta", "ok": "green", None: "yellow"}

_REVIEW = {reason.value: TEXTS["en"][f"reason_{reason.value}"].lower() for reason in ReviewReason}


MOST_ROWS = 40
"""A table on the terminal has at most this many rows; the file has all of them."""


class _Rows:
    """The first records that a table shows: those that are not OK come before those that are."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._stopped: list[Mapping[str, Any]] = []
        self._ok: list[Mapping[str, Any]] = []

    def add(self, record: Mapping[str, Any], label: str | None) -> None:
        rows = self._ok if label == Label.OK else self._stopped
        if len(rows) < self._most:
            rows.append(record)

    def shown(self) -> list[Mapping[str, Any]]:
        return [*self._stopped, *self._ok][: self._most]


class SeenVerdicts:
    """What a table tells of the records of images (`inspection.stream.record_of`), which are not all kept.

    Args:
        rows: largest number of rows.
    """

    def __init__(self, rows: int = MOST_ROWS) -> None:
        self.labels: Counter[str | None] = Counter()
        self.reasons: Counter[str] = Counter()
        """REVIEW images by each of their reasons."""
        self.unchecked = 0
        """REVIEW images whose reason could not be checked, and nothing else."""
        self.before = 0
        """Images that were judged before, by an earlier inspection."""
        self.usual: dict[str, Unlike] = {}
        """By the figures that some image is unlike the training in: one of those images."""
        self.typed = False
        """Whether the type of some region is known, or a rule took it."""
        self._rows = _Rows(rows)

    def add(self, record: Mapping[str, Any], *, before: bool = False) -> None:
        """Count an image.

        Args:
            record: of the image.
            before: whether it was judged before, by an earlier inspection.
        """
        reasons = record.get("review_reasons", [])
        self.labels[record["verdict"]] += 1
        self.reasons.update(reasons)
        self.unchecked += reasons == [ReviewReason.UNCHECKED]
        self.before += before
        self.usual.update({unlike.name: unlike for unlike in _unlike(record)})
        self.typed = self.typed or bool(_type_or_rule(record))
        self._rows.add(record, record["verdict"])

    @property
    def count(self) -> int:
        """Number of images."""
        return self.labels.total()

    def shown(self) -> list[Mapping[str, Any]]:
        """The records of the rows; NG, REVIEW and unreadable images come before OK."""
        return self._rows.shown()


def verdict_table(seen: SeenVerdicts, seconds: float) -> Table:
    """One row per image; NG, REVIEW and unreadable images come before OK.

    Args:
        seen: the images.
        seconds: time that reading and judging took.
    """
    counts, rows = seen.labels, seen.shown()
    unread = f", {counts[None]} not judged" if counts[None] else ""
    apart = f" ({seen.unchecked} of them not checked)" if seen.unchecked else ""
    review = f"{counts['review']} REVIEW{apart}, " if counts["review"] else ""
    title = f"{plural(seen.count, 'image')}: {counts['ng']} NG, {review}{counts['ok']} OK{unread}"
    left = f"{seen.count - len(rows)} more are not shown\n" if seen.count > len(rows) else ""
    now = seen.count - seen.before
    rate = f"{now / seconds:.1f}" if now and seconds > 0 else "–"
    table = titled_table(title, f"{left}{rate} images/s, reading included")
    folder = _common_folder([record["image"] for record in rows])
    table.add_column(Text(f"Image in {printable(folder)}" if folder else "Image"), overflow="fold")
    table.add_column("Verdict")
    table.add_column("P(NG)", justify="right")
    table.add_column("Repaired", justify="right")
    table.add_column("Regions", justify="right")
    table.add_column("Largest (x, y, w, h)", no_wrap=True)
    if seen.typed:
        table.add_column("Type: rule", overflow="fold")
    if seen.usual:
        table.add_column("Unlike the training", overflow="fold")
    for record in rows:
        verdict = record["verdict"]
        regions = record.get("regions", [])
        table.add_row(
            Text(printable(record["image"].removeprefix(folder))),
            Text((verdict or "–").upper(), LABEL_STYLES[verdict]),
            f"{record['score']:.3f}" if verdict else "–",
            _repaired(record),
            str(len(regions)) if verdict else "–",
            ", ".join(map(str, regions[0]["box"])) if regions else "–",
            *([Text(printable(_type_or_rule(record)) or "–")] if seen.typed else []),
            *([values_in_words(_unlike(record), _WORDING) or "–"] if seen.usual else []),
        )
    for reason, text in _REVIEW.items():
        if seen.reasons[reason]:
            table.caption = Text(f"{table.caption}\n{seen.reasons[reason]} REVIEW: {text}", "dim")
    if seen.usual:
        usual = usual_in_words(seen.usual.values(), _WORDING)
        table.caption = Text(f"{table.caption}\nThe training: {usual}", "dim")
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


class SeenDecisions:
    """What a table tells of the records of parts (`inspection.stream.part_record`), which are not all kept.

    Args:
        rows: largest number of rows.
    """

    def __init__(self, rows: int = MOST_ROWS) -> None:
        self.labels: Counter[str] = Counter()
        self._rows = _Rows(rows)

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a part."""
        self.labels[record["decision"]] += 1
        self._rows.add(record, record["decision"])

    def shown(self) -> list[Mapping[str, Any]]:
        """The records of the rows; NG and REVIEW come before OK."""
        return self._rows.shown()


def decision_table(seen: SeenDecisions) -> Table:
    """One row per part; NG and REVIEW come before OK."""
    counts, rows = seen.labels, seen.shown()
    review = f"{counts['review']} REVIEW, " if counts["review"] else ""
    title = f"{plural(counts.total(), 'part')}: {counts['ng']} NG, {review}{counts['ok']} OK"
    left = f"{counts.total() - len(rows)} more are not shown" if counts.total() > len(rows) else ""
    table = titled_table(title, left)
    table.add_column("Part", overflow="fold")
    table.add_column("Decision")
    table.add_column("P(NG)", justify="right")
    table.add_column("Images", justify="right")
    table.add_column("Rules that fired", overflow="fold")
    for record in rows:
        table.add_row(
            Text(printable(record["part"])),
            Text(record["decision"].upper(), LABEL_STYLES[record["decision"]]),
            "–" if record["score"] is None else f"{record['score']:.3f}",
            str(len(record["images"])),
            Text(printable(", ".join(record["fired"]))),
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
