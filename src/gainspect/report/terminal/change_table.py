"""What changes from an old bundle to a new one, on a terminal."""

from collections.abc import Iterator

from rich import box
from rich.table import Table

from gainspect.evaluation.bundle_comparison import BundleComparison, ComparedParts
from gainspect.names import printable
from gainspect.report.terminal.sentences import listed
from gainspect.report.texts import TEXTS
from gainspect.wording import plural

_COUNTS = {
    "caught": "NG\ncaught",
    "review_ng": "NG to\nREVIEW",
    "escapes": "NG\nmissed",
    "false_alarms": "OK\nalarmed",
    "review_ok": "OK to\nREVIEW",
    "passed": "OK\npassed",
}


def change_table(comparison: BundleComparison) -> Table:
    """The decisions of both bundles on both sets, counted."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Parts", no_wrap=True)
    table.add_column("Bundle", no_wrap=True)
    for heading in _COUNTS.values():
        table.add_column(heading, justify="right", vertical="bottom")
    for compared in comparison.sets:
        for first, outcome in ((True, compared.before), (False, compared.after)):
            counts = (str(getattr(outcome, name)) for name in _COUNTS)
            name = f"{compared.parts} ({outcome.ng} NG, {outcome.ok} OK)" if first else ""
            table.add_row(name, "old" if first else "new", *counts, end_section=not first)
    return table


def change_sentences(comparison: BundleComparison) -> Iterator[str]:
    """Which decisions change, and what was left out."""
    for compared in comparison.sets:
        worse = sum(not change.better for change in compared.changes)
        yield (
            f"Of {plural(compared.count, f'{compared.parts} part')}, the decision on {len(compared.changes)} "
            f"changes, on {worse} for the worse."
        )
        yield from _kinds(compared)
        if compared.trained_on:
            yield (
                f"{plural(compared.trained_on, 'image')} left out: one of the two was trained on them, or on "
                "others of their group."
            )
        if compared.validated_on:
            yield (
                f"{plural(compared.validated_on, 'image')} judged on which one of the two was validated: "
                "figures on them are somewhat too good for it."
            )


def _kinds(compared: ComparedParts) -> Iterator[str]:
    for kind in dict.fromkeys(change.kind for change in compared.changes):
        for better in (False, True):
            names = [
                printable(change.part)
                for change in compared.changes
                if change.kind == kind and change.better is better
            ]
            if names:
                way = "better" if better else "worse"
                yield f"- {TEXTS['en'][f'change_{kind}']} ({way}): {len(names)}: {listed(names)}"
