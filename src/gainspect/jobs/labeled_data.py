"""Data as a command is given them: a data folder or manifest, or the labels of a tool, imported first."""

from pathlib import Path

from rich.console import Console

from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.registry import OWN, recognized
from gainspect.data.importers.source import Source
from gainspect.errors import GainspectError
from gainspect.jobs.import_data import import_data
from gainspect.report.terminal.import_lines import import_lines
from gainspect.report.terminal.sentences import say


def prepared(data: Path, choices: Choices, place: Path, *, console: Console | None = None) -> Path:
    """The data folder or manifest to read; labels of a tool are imported into `place`.

    Args:
        data: what the command was given.
        choices: what labels do not say; if anything is chosen, the data are imported in any case.
        place: the folder that an import makes; it need not be there.
        console: where progress, and what was imported, is shown; None: nowhere.

    Raises:
        GainspectError: the data cannot be read as either; or see `import_source`.
    """
    if choices == Choices() and not _is_of_a_tool(data):
        return data
    try:
        imported = import_data(data, choices, place, console=console)
    except GainspectError as error:
        here = "As an option of this command: --import NAME=VALUE, such as --import unlabeled=ok."
        raise GainspectError(error.what, where=error.where, hint=f"{error.hint} {here}".strip()) from error
    say(console, *import_lines(imported))
    return imported.folder


def _is_of_a_tool(data: Path) -> bool:
    """Whether data are no folder or manifest of ours, but labels of a format that is known."""
    try:
        load_manifest(data)
    except GainspectError:
        if not data.exists():
            return False
        return any(importer not in OWN for importer, _ in recognized(Source(data)))
    return False
