"""What became of each file of a source, as a table."""

import csv
from pathlib import Path

from gainspect.data.importers.outcome import Outcome
from gainspect.data.importers.plan import Plan

FATES = "import.csv"
"""The file that the table is written to."""


def write_fates(made: Plan, outcome: Outcome, path: Path) -> None:
    """Write a row for each file of the source, and for each entry of the labels that was left."""
    source = made.source
    odd: dict[str, list[str]] = {}
    for item in outcome.ok_by_absence:
        why = f"taken for OK: {item.why}" + (f" ({item.detail})" if item.detail else "")
        odd.setdefault(item.name, []).append(why)
    for note in outcome.notes:
        odd.setdefault(note.name, []).append(note.why)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "became", "detail"])
        left = {item.name for item in outcome.left}
        for name in outcome.taken:
            table.writerow([name, "image", "; ".join(odd.get(name, []))])
        for mask in sorted(made.found.masks):
            table.writerow([source.named(mask), "mask", ""])
        for read in sorted(source.used - made.found.masks):
            if source.named(read) not in left:
                table.writerow([source.named(read), "labels", ""])
        for item in outcome.left:
            table.writerow([item.name, f"not taken: {item.why}", item.detail])
        for other in source.others:
            if other.path not in source.used and source.named(other.path) not in left:
                table.writerow([source.named(other.path), f"not taken: {other.why}", ""])
