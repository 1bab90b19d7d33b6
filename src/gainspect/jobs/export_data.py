"""Export a data set as COCO or in the folder layout, with progress on a terminal. No torch."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.config import DataConfig
from gainspect.data.depth import DepthFinder
from gainspect.data.exporters.exported_folder import ExportFormat, export
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.reading import Reading, find_depth
from gainspect.jobs.labeled_data import briefly_prepared
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.wording import plural


def export_data(
    data: Path,
    out: Path,
    as_: ExportFormat,
    *,
    polygons: bool = False,
    config: DataConfig | None = None,
    choices: Choices | None = None,
    console: Console | None = None,
) -> None:
    """Write a data set as others read it.

    Args:
        data: folder or manifest; or the labels of a tool.
        out: the folder to make.
        as_: the format.
        polygons: of COCO: polygons, not run lengths.
        config: its mask values count; None: the rule of `data.masks`.
        choices: what the labels of a tool do not say; None: nothing.
        console: where progress, and what the format cannot hold, is shown; None: nowhere.

    Raises:
        GainspectError: the data cannot be read, or `out` cannot be made.
    """
    with briefly_prepared(data, choices, console=console) as folder:
        manifest = load_manifest(folder)
        depth = find_depth((part.image for part in manifest.parts), DepthFinder())
        reading = Reading(depth.depth, (config or DataConfig()).meanings)
        manifest = replace(manifest, reading=reading)
        with image_bar("Exporting", len(manifest.parts), console) as on_image:
            said = export(manifest, out, as_, polygons=polygons, on_image=on_image)
    say(console, *said, f"Exported {plural(len(manifest.parts), 'image')} to {out}.")
