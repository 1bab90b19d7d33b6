"""What an import made of a set of labels, and what each format has, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from gainspect.data.importers.fates import FATES
from gainspect.data.importers.imported_folder import Imported
from gainspect.data.importers.importer import Importer
from gainspect.wording import plural


def import_lines(imported: Imported) -> Iterator[str]:
    """Sentences: what was taken, what classes mean, what was left and why."""
    record, outcome = imported.record, imported.record["outcome"]
    total = outcome["ok"] + outcome["ng"]
    if imported.unchanged:
        yield f"Unchanged since the last import: {imported.folder}."
    yield f"{plural(total, 'image')} ({outcome['ok']} OK, {outcome['ng']} NG) from {record['format']}."
    masks = sum(outcome["masks"].values())
    if masks:
        yield f"{plural(masks, 'mask')}: {_counted(outcome['masks'])}."
    if outcome["ignore_masks"]:
        yield f"{plural(outcome['ignore_masks'], 'image')} with regions that are ignored."
    if outcome["types"]:
        yield f"Defect types: {_counted(outcome['types'])}."
    if outcome["splits"]:
        yield f"Splits: {_counted(outcome['splits'])}."
    for name, role in record["classes"].items():
        ground = ""
        if name in record["guessed"]:
            ground = ", by its name; another meaning is said with an option"
        elif name in record.get("stated", ()):
            ground = ", as the labels say"
        elif name in record.get("rest", ()):  # older imports counted these with the guessed ones
            ground = ", as every class that is not named"
        yield f"Class {name!r}: {role}{ground}."
    if "ok_by_absence" not in outcome and record["bare"]:  # an older import
        yield f"{plural(record['bare'], 'image')} that the labels list without any shape: taken for OK."
    for why, told in outcome.get("ok_by_absence", {}).items():
        yield f"Taken for OK, {plural(told['count'], 'image')}, such as {told['example']}: {why}."
    for odd, count in outcome["notes"].items():
        yield f"{plural(count, 'image')}: {odd}."
    for why, count in outcome["left"].items():
        yield f"Not taken, {count}: {why}."
    yield from record["remarks"]


def next_lines(imported: Imported) -> Iterator[str]:
    """Where a user reads on, of a folder that stays."""
    yield f"{FATES} in {imported.folder} says what became of each file."
    yield f"Next: gainspect data check {imported.folder}"


def formats_table(importers: Sequence[Importer]) -> Table:
    """All formats: name, what each is recognized by, what is read and left, and on what it was tried."""
    table = Table(box=box.SIMPLE_HEAD, show_lines=True)
    table.add_column("--format", no_wrap=True)
    table.add_column("Format")
    for importer in importers:
        told = {
            "Recognized by": importer.recognizes,
            "Read": importer.reads,
            "Not read": importer.leaves,
            "Tried on": importer.tried_on,
        }
        cell = Text(importer.title, "bold")
        for heading, clause in told.items():
            cell.append(f"\n{heading}: ", "dim").append(clause, "not bold")
        table.add_row(importer.name, cell)
    return table


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
