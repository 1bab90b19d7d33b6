"""Data as a command is given them: a data folder or manifest, or the labels of a tool, imported first."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.conversion import MANIFEST
from gainspect.data.importers.imported_folder import Imported
from gainspect.data.importers.registry import OWN, recognized
from gainspect.data.importers.source import Source
from gainspect.data.unchanged import require_same_rows
from gainspect.errors import GainspectError
from gainspect.jobs.import_data import import_data
from gainspect.report.terminal.import_lines import import_lines
from gainspect.report.terminal.sentences import say
from gainspect.training.run_folder import LABELS, RunFolder

_OPTION = re.compile(r"--(format|ok|defect|ignore|background|unlabeled|group|part|line-width|resplit)\b")
"""Options of `gainspect data import` that an error may ask for."""


def prepared(data: Path, choices: Choices | None, place: Path, *, console: Console | None = None) -> Path:
    """The data folder or manifest to read; labels of a tool are imported into `place`.

    Args:
        data: what the command was given.
        choices: what labels do not say; if anything is chosen, the data are imported in any case.
        place: the folder that an import makes; it need not be there.
        console: where progress, and what was imported, is shown; None: nowhere.

    Raises:
        GainspectError: the data cannot be read as either; or see `import_source`.
    """
    if choices in (None, Choices()) and tool_of(data) is None:
        return data
    try:
        return _imported(data, choices or Choices(), place, console)
    except GainspectError as error:
        if _OPTION.search(f"{error.what} {error.hint}") is None:
            raise
        here = "As an option of this command: --import NAME=VALUE, such as --import unlabeled=ok."
        raise GainspectError(error.what, where=error.where, hint=f"{error.hint} {here}".strip()) from error


@contextmanager
def briefly_prepared(
    data: Path, choices: Choices | None, *, console: Console | None = None
) -> Iterator[Path]:
    """As `prepared`, for a block: labels of a tool are imported into a temporary folder.

    An error in the block names the data in place of this folder.
    """
    with TemporaryDirectory(prefix="gainspect-") as temporary:
        place = Path(temporary) / LABELS
        try:
            yield prepared(data, choices, place, console=console)
        except GainspectError as error:
            where = error.where or ""
            if not where.startswith(str(place)):
                raise
            inside = where.removeprefix(str(place)).lstrip("/\\")
            where = f"{data}, {inside}" if inside else str(data)
            raise GainspectError(error.what, where=where, hint=error.hint) from error


def data_of_run(
    run: RunFolder, data: Path | None, choices: Choices | None = None, *, console: Console | None = None
) -> Path | None:
    """What to read of the data that a command was given with a run: the place to which its data have moved.

    Where the run was trained on the labels of a tool, they are imported again as they were then, and take the
    place of those in the run if they still say the same.

    Args:
        run: a run, finished or not.
        data: what the command was given; None: the data are where they were.
        choices: as in `prepared`; they can only be those of the training.
        console: as in `prepared`.

    Raises:
        GainspectError: the run was trained on a data folder and these are the labels of a tool, or on other
            labels or choices; or see `import_source`.
    """
    run.config()  # raises if this is not a run folder
    there = Imported.of(run.labels_folder)
    if choices not in (None, Choices(), there and there.choices):
        raise GainspectError(
            "--import says something else than it did for the training",
            where=run.path,
            hint="Leave it out: the labels of a run are imported as they were.",
        )
    if data is None:
        return None
    if there is None:
        if not run.lies_in(data) and (tool := tool_of(data)) is not None:
            raise GainspectError(
                f"these are the labels of a tool ({tool}), and the run was trained on a data folder",
                where=data,
                hint=f"It was {run.data_root}: give its new place, or what `gainspect data import` makes of "
                f"these labels. Other data are judged with the bundle of the run, {run.bundle_file}.",
            )
        return data
    if Imported.of(data) is not None:
        return data  # the run's own, at another place

    def require(folder: Path) -> None:
        """Refuse labels that say something else, and images that have changed."""
        try:
            require_same_rows(run.split_file, folder / MANIFEST, run=run.path)
            run.manifest(folder)
        except GainspectError as error:
            raise GainspectError(error.what, where=data, hint=error.hint) from error

    return _imported(data, there.choices, run.labels_folder, console, require)


def _imported(
    data: Path,
    choices: Choices,
    place: Path,
    console: Console | None,
    require: Callable[[Path], None] = lambda folder: None,
) -> Path:
    imported = import_data(data, choices, place, console=console, require=require)
    say(console, *import_lines(imported))
    return imported.folder


def tool_of(data: Path) -> str | None:
    """The format of data that are no folder or manifest of ours, but labels of a tool; None: they are not.

    Several names where they may be of several formats.
    """
    try:
        load_manifest(data)
    except GainspectError:
        if not data.exists():
            return None
        names = [importer.name for importer, _ in recognized(Source(data)) if importer not in OWN]
        return " or ".join(names) or None
    return None
