"""Import a set of labels into a folder with a manifest, with progress on a terminal. No torch."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from gainspect.data.importers.choices import Choices
from gainspect.data.importers.imported_folder import Imported, import_source
from gainspect.report.terminal.image_bar import image_bar


def import_data(
    source: Path,
    choices: Choices,
    out: Path,
    *,
    console: Console | None = None,
    require: Callable[[Path], None] = lambda folder: None,
) -> Imported:
    """Import a folder of images and labels, or a file of labels.

    Args:
        source: what to import.
        choices: what the labels do not say.
        out: the folder to make.
        console: where progress is shown; None: nowhere.
        require: see `import_source`.

    Raises:
        GainspectError: see `import_source`.
    """
    return import_source(
        source, choices, out, lambda title, total: image_bar(title, total, console), require=require
    )
