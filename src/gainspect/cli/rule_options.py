"""The options of `calibrate` on rules on regions and their scale."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from gainspect.region_rules import RegionRules

_PANEL = "Rules on regions"

Rules = Annotated[
    Path | None,
    typer.Option(help="Rules on regions, YAML (docs/rules.md).", rich_help_panel=_PANEL),
]
NoRules = Annotated[
    bool, typer.Option("--no-rules", help="Take the bundle's rules on regions away.", rich_help_panel=_PANEL)
]
MmPerPx = Annotated[
    float | None,
    typer.Option(help="Size of a pixel of the original image, mm.", rich_help_panel=_PANEL),
]
ScaleFrom = Annotated[
    Path | None,
    typer.Option(
        help="Find this size from an image of a checkerboard or of a grid of circles.", rich_help_panel=_PANEL
    ),
]
Grid = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMNSxROWS", help="Its inner corners, or its circles, such as 9x6.", rich_help_panel=_PANEL
    ),
]
SquareMm = Annotated[
    float | None,
    typer.Option(help="Side of a square, or distance of two circles, mm.", rich_help_panel=_PANEL),
]


def rules_of(
    rules: Path | None,
    mm_per_px: float | None,
    scale_from: Path | None,
    grid: str | None,
    square_mm: float | None,
) -> "RegionRules | None":
    """The rules that options state; None: none are stated.

    Raises:
        GainspectError: the rules are refused, the scale cannot be found, or an option lacks another.
    """
    from gainspect.data.reading import Reading
    from gainspect.inspection.regions.rule_file import read_rules
    from gainspect.inspection.regions.scale import grid_size, require_scale, scale_of

    scale_options = {
        "--mm-per-px": mm_per_px,
        "--scale-from": scale_from,
        "--grid": grid,
        "--square-mm": square_mm,
    }
    stated = [name for name, value in scale_options.items() if value is not None]
    if rules is None:
        if stated:
            raise GainspectError(f"{stated[0]} belongs to --rules", hint="Add --rules rules.yaml.")
        return None
    if mm_per_px is not None and len(stated) > 1:
        raise GainspectError(f"{stated[0]} and {stated[1]} are two scales", hint="Choose one.")
    if stated and mm_per_px is None and len(stated) < 3:
        missing = [name for name in ("--scale-from", "--grid", "--square-mm") if name not in stated]
        raise GainspectError(
            f"{stated[0]} lacks {' and '.join(missing)}",
            hint="Write --scale-from IMAGE --grid 9x6 --square-mm 5.",
        )
    if scale_from is not None and grid is not None and square_mm is not None:
        size = grid_size(grid)
        mm_per_px = scale_of(Reading().image(scale_from), size, square_mm, where=str(scale_from))
    return read_rules(rules, None if mm_per_px is None else require_scale(mm_per_px))
