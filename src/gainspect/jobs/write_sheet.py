"""Write the contact sheet of a data set: its images by type of defect and split, doubtful ones first."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.data.checks import check, look
from gainspect.data.doubts import LISTED, Doubt, doubts_of
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.imported_folder import data_name
from gainspect.data.manifest import Manifest, Part
from gainspect.data.mask_values import MaskValues
from gainspect.data.reading import Reading
from gainspect.data.sheet_cells import SheetCell, cells_of
from gainspect.data.taken import not_taken_sentence
from gainspect.errors import GainspectError
from gainspect.evaluation.doubtful import require_known, resolve
from gainspect.jobs.check_data import depth_of, with_types
from gainspect.jobs.labeled_data import briefly_prepared, data_of_run
from gainspect.report.drawing.contact_sheet import write_contact_sheet
from gainspect.report.drawing.marked_picture import marked_picture
from gainspect.report.html.pictures import LARGEST, jpeg_of
from gainspect.report.html.sheet_page import counts_of, write_sheet_page
from gainspect.report.sheet_tiles import SheetRow, SheetTile
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.report.texts import Wording
from gainspect.training.run_folder import run_at
from gainspect.types import Label

_NAME = "sheet"
"""Of the files in a folder."""


def write_sheet(
    data: Path,
    out: Path,
    *,
    per_cell: int,
    language: str = "en",
    checks: bool = True,
    doubtful: frozenset[str] = frozenset(),
    mask_values: MaskValues | None = None,
    moved: Path | None = None,
    choices: Choices | None = None,
    console: Console | None = None,
) -> list[Path]:
    """Check the data, and write their contact sheet.

    Images are read one after the other; of those that are shown a small picture is kept, and of each image
    what the data check keeps of it (about 9 kB).

    Args:
        data: folder, manifest, or the labels of a tool; or a run (its folder, or its split.csv), of which the
            parts are shown as it divided them.
        out: FILE.html, FILE.png, or a folder, which gets both.
        per_cell: images of each label, type of defect and split that are shown.
        language: "en" or "ko".
        checks: whether to look for doubtful images, which reads all of them; False: only listed ones are.
        doubtful: images with doubtful labels, by path or by a file name that only one has.
        mask_values: what the values of masks mean; None: as usual, or of a run as in the training.
        moved: the data folder of a run, or the labels that it was trained on, if they have moved.
        choices: what the labels of a tool do not say; None: nothing.
        console: where progress is shown; None: nowhere.

    Returns:
        The files that were written.

    Raises:
        GainspectError: the data cannot be read or are not those of the run any more, a doubtful image is none
            of them, or a file cannot be written.
    """
    wording = Wording(language)
    page, sheet = _targets(out)
    with _shown(data, moved, choices, console) as manifest:
        if mask_values is not None:
            manifest = replace(manifest, reading=replace(manifest.reading, mask_values=mask_values))
        return _written(with_types(manifest), page, sheet, per_cell, checks, doubtful, wording, console)


@contextmanager
def _shown(
    data: Path, moved: Path | None, choices: Choices | None, console: Console | None
) -> Iterator[Manifest]:
    """The parts that are shown, and how they are read."""
    run = run_at(data)
    if run is not None:
        yield run.manifest(data_of_run(run, moved, choices, console=console))
        return
    if moved is not None:
        raise GainspectError(
            "--data says where the data of a run are, and this is none",
            where=data,
            hint="Leave it out: the data themselves are given.",
        )
    with briefly_prepared(data, choices, console=console) as folder:
        manifest = load_manifest(folder)
        yield replace(manifest, reading=Reading(depth_of(manifest).depth))


def _written(
    manifest: Manifest,
    page: Path | None,
    sheet: Path | None,
    per_cell: int,
    checks: bool,
    doubtful: frozenset[str],
    wording: Wording,
    console: Console | None,
) -> list[Path]:
    """`write_sheet` of parts that are known."""
    require_known(doubtful, manifest)
    listed = resolve(doubtful, map(manifest.key, manifest.parts))
    say(console, not_taken_sentence(manifest.not_taken))
    doubts: dict[str, tuple[Doubt, ...]] = {image: (Doubt(LISTED),) for image in listed}
    if checks:
        # Each image is read, and compared with others.
        with image_bar("Checking", 2 * len(manifest.parts), console) as on_step:
            doubts = _doubts(manifest, listed, on_step)
    cells = cells_of(manifest, doubts, per_cell)
    with image_bar("Drawing", sum(len(cell.shown) for cell in cells), console) as on_image:
        rows = [_row(manifest, cell, doubts, on_image) for cell in cells]
    written = []
    if page is not None:
        write_sheet_page(rows, manifest, doubts, page, wording, checked=checks)
        written.append(page)
    if sheet is not None:
        files, letters = write_contact_sheet(rows, _title(manifest, doubts, checks, wording), sheet, wording)
        say(console, letters.sentence)
        written.extend(files)
    return written


def _targets(out: Path) -> tuple[Path | None, Path | None]:
    """The page and the picture to write."""
    suffix = out.suffix.lower()
    if out.is_dir() or not suffix:
        return out / f"{_NAME}.html", out / f"{_NAME}.png"
    if suffix in {".html", ".htm"}:
        return out, None
    if suffix == ".png":
        return None, out
    raise GainspectError(
        f"a contact sheet cannot be written as {suffix}",
        where=out,
        hint="Give FILE.html, FILE.png, or a folder for both.",
    )


def _doubts(
    manifest: Manifest, listed: frozenset[str], on_step: Callable[[], None]
) -> dict[str, tuple[Doubt, ...]]:
    seen = look(manifest, on_step)
    report = check(manifest, seen=seen, on_step=on_step)
    return doubts_of(manifest, seen, report.findings, listed)


def _row(
    manifest: Manifest,
    cell: SheetCell,
    doubts: dict[str, tuple[Doubt, ...]],
    on_image: Callable[[], None],
) -> SheetRow:
    tiles = []
    for part in cell.shown:
        tiles.append(_tile(manifest, part, doubts.get(manifest.key(part), ())))
        on_image()
    return SheetRow(cell, tiles)


def _tile(manifest: Manifest, part: Part, doubts: tuple[Doubt, ...]) -> SheetTile:
    """Its picture; without lines if its mask cannot be read."""
    name = manifest.key(part)
    try:
        image = manifest.image(part)
    except GainspectError:
        return SheetTile(name, None, doubts, unmarked=False)
    try:
        marks = manifest.marks(part, image.shape)
    except GainspectError:
        return SheetTile(name, jpeg_of(marked_picture(image, None, None, LARGEST)), doubts, unmarked=False)
    defect = None if marks is None else marks.defect
    ignored = None if marks is None else marks.ignored
    unmarked = part.label is Label.NG and not doubts and (defect is None or not defect.any())
    return SheetTile(name, jpeg_of(marked_picture(image, defect, ignored, LARGEST)), doubts, unmarked)


def _title(
    manifest: Manifest, doubts: dict[str, tuple[Doubt, ...]], checks: bool, wording: Wording
) -> Sequence[str]:
    counts = counts_of(manifest)
    lines = [f"{wording('sheet_title')}: {data_name(manifest.root)}", wording("sheet_on", **counts)]
    if not checks:
        lines.append(wording("sheet_unchecked"))
    elif not doubts:
        lines.append(wording("sheet_doubts_none"))
    if doubts:
        lines.append(wording("sheet_doubts_on", n=len(doubts), of=counts["n"]))
    return lines
