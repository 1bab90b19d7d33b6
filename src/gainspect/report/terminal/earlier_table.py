"""The table of a network and the one that it began with."""

from rich import box
from rich.table import Table

from gainspect.evaluation.old_and_new import OldAndNew

_FIGURES = {
    "auroc": "AUROC",
    "ap": "AP",
    "specificity_at_recall": "OK passed\nat recall",
    "right_reason_at_recall": "Right\nreason",
    "pointing_game": "Point-\nGame",
}


def earlier_table(found: OldAndNew) -> Table:
    """A row for each network on each kind of parts; what is not defined is a dash."""
    title = f"Beside the network that it began with: {found.earlier}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Validation parts", no_wrap=True)
    table.add_column("Network", no_wrap=True)
    for heading in _FIGURES.values():
        table.add_column(heading, justify="right", vertical="bottom")
    names = {"earlier": "earlier", "this": "this one"}
    for row in found.rows:
        first = row.network == "earlier"
        values = [row.figures.get(name) for name in _FIGURES]
        table.add_row(
            f"{row.parts} ({row.ng} NG, {row.ok} OK)" if first else "",
            names[row.network],
            *("–" if value is None else f"{value:.3f}" for value in values),
            end_section=not first,
        )
    return table
