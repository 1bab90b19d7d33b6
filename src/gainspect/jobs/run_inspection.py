"""Judge image files with a bundle; write their verdicts, and pictures of where the evidence is."""

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, get_args

from gainspect.data.taken import DECISIONS, OVERLAYS
from gainspect.errors import GainspectError
from gainspect.files import atomic_path
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.decided_parts import DecidedParts
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.journal import Journal, line_of
from gainspect.inspection.part_names import named_parts, rule_of
from gainspect.inspection.resume import Kept, inspect_rest, replaces, settings_of
from gainspect.inspection.stream import (
    STDIN,
    Inspected,
    find_images,
    inspect_files,
    record_of,
    why_failed,
)
from gainspect.jobs.inspection_summary import OVERLAY_ERROR, Inspection
from gainspect.names import composed, escaped
from gainspect.policy import HeatScale
from gainspect.report.drawing.name_line import name_letters
from gainspect.report.drawing.overlay import Style, overlay, to_png
from gainspect.report.terminal.bundle_tables import input_gap

_LONGEST_NAME = 240
"""Bytes of an overlay's name without suffix and number: file systems allow 255 in all."""


class Shown(Protocol):
    """Wraps the iterator over the images to show progress."""

    def __call__(self, images: Iterator[Inspected | Kept], count: int, /) -> Iterator[Inspected | Kept]:
        """The same images; `count` is how many there will be."""


def run_inspection(
    bundle: Path,
    paths: Sequence[str],
    *,
    out: Path | None = None,
    style: Style | None = None,
    check: bool = True,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    max_mpx: float | None = None,
    bits: int | None = None,
    parts: str | None = None,
    on_record: Callable[[dict[str, Any]], None] = lambda record: None,
    shown: Shown = lambda images, count: images,
) -> Inspection:
    """Judge images; one that cannot be read, judged or drawn is recorded so, and the others are still judged.

    With a folder, each record is appended to OUT/verdicts.jsonl as it is made, and what was judged before is
    not judged again (`inspection.journal`, `inspection.resume`). Ctrl-C ends the inspection; all results so
    far are there, and they are returned.

    Args:
        bundle: the bundle to judge with.
        paths: images, folders, globs, or "-" for one image from stdin.
        out: folder for verdicts.jsonl and overlays; None: nothing is written.
        style: style of the overlays, which are drawn into OUT/overlays; None: no overlays.
        check: whether to check the reason of NG verdicts, as the bundle's policy defines.
        runtime: see `Inspector.load`.
        precision: see `Inspector.load`.
        max_mpx: see `Inspector.load`.
        bits: see `Inspector.load`.
        parts: which images are decided together (see `named_parts`); None: each is decided alone.
        on_record: called with each record, of the images, also those judged before, and then of their parts.
        shown: wraps the iterator over the images to show progress; its second argument is their number.

    Raises:
        GainspectError: a path matches no file, the bundle is refused, overlays have no folder, an image has
            no part; or see `Journal`.
    """
    if style is not None and out is None:
        raise GainspectError("--overlay needs a folder to draw into", hint="Add --out DIR.")
    found = find_images(paths, own_output=out)
    result = Inspection(list(dict.fromkeys(found.images)), not_taken=found.not_taken)
    names = {} if parts is None else named_parts(parts, result.sources)
    inspector = Inspector.load(bundle, runtime, precision, check=check, max_mpx=max_mpx, bits=bits)
    assert inspector.bundle is not None
    result.input_gap = input_gap(inspector.bundle)
    scale = inspector.bundle.description.policy.heat_scale()
    drawn = None
    if style is not None and out is not None:
        drawn = _Overlays(out / OVERLAYS, style, scale, result.sources)
    settings = settings_of(inspector, None if parts is None else rule_of(parts))
    with nullcontext() if out is None else Journal(out, settings) as journal:
        together = DecidedParts(names.values())
        _add_others(result, journal, together if names else None)
        judged = _judged(inspector, result.sources, journal, names, drawn)
        begun = time.perf_counter()
        try:
            for item in shown(judged, len(result.sources)):
                if isinstance(item, Kept):
                    record = written = item.record
                else:
                    record = _record(item, inspector, names, drawn)
                    written = record if journal is None else _written(record, journal)
                if names:
                    together.add(written)
                result.add(record, before=isinstance(item, Kept))
                on_record(record)
        except KeyboardInterrupt:
            result.stopped = True
        result.seconds = time.perf_counter() - begun
        decided = _told(together.records(inspector), set(names.values()), result, on_record)
        if out is not None and names:
            _write(out / DECISIONS, decided)
        deque(decided, maxlen=0)
        if journal is not None:
            journal.settle(map(escaped, result.sources))
    if drawn is not None:
        result.unlettered = drawn.unlettered
    return result


def _add_others(result: Inspection, journal: Journal | None, together: DecidedParts | None) -> None:
    """Take in what the folder holds of images that are not to be judged."""
    if journal is None:
        return
    own = set(map(escaped, result.sources))
    for image in journal.images():
        if image not in own:
            result.others += 1
            if together is not None and (record := journal.record(image)) is not None:
                together.add_other(record)


def _judged(
    inspector: Inspector,
    sources: Sequence[str],
    journal: Journal | None,
    names: Mapping[str, str],
    drawn: "_Overlays | None",
) -> Iterator[Inspected | Kept]:
    if journal is None:
        return inspect_files(inspector, sources)
    return inspect_rest(
        inspector, sources, journal, parts=names, done=lambda source: drawn is None or drawn.has(source)
    )


def _record(
    inspected: Inspected, inspector: Inspector, names: Mapping[str, str], drawn: "_Overlays | None"
) -> dict[str, Any]:
    """What is written down of an image, after its overlay was drawn."""
    record = record_of(inspected, inspector)
    if names:
        record["part"] = names[inspected.source]
    if drawn is not None:
        try:
            drawn.add(inspected)
        except Exception as error:  # a picture that cannot be drawn or written costs no verdict
            record[OVERLAY_ERROR] = why_failed(error)
    return record


def _written(record: dict[str, Any], journal: Journal) -> dict[str, Any]:
    """What is written of an image, once what is known of it now was written."""
    if replaces(record, journal):
        journal.append(record)
        return record
    return journal.record(record["image"]) or record


def _told(
    decided: Iterable[dict[str, Any]],
    names: Collection[str],
    result: Inspection,
    on_record: Callable[[dict[str, Any]], None],
) -> Iterator[dict[str, Any]]:
    """All decisions; those on parts of these names are counted and told."""
    for record in decided:
        if record["part"] in names:
            result.decisions.add(record)
            on_record(record)
        yield record


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.writelines(map(line_of, records))


def require_style(name: str) -> Style:
    """Look up an overlay style by its name.

    Raises:
        GainspectError: there is no such style.
    """
    for style in get_args(Style):
        if style == name:
            chosen: Style = style
            return chosen
    raise GainspectError(f"there is no style {name!r}", hint=f"Choose from {', '.join(get_args(Style))}.")


def overlay_names(sources: Sequence[str]) -> list[str]:
    """A name for the overlay of each image: its stem, numbered if an earlier image has the same.

    Names count as the same where a file system may take them for the same: without case, in any Unicode form.

    No number makes a name that another image has by itself.

    >>> overlay_names(["a.png", "a.jpg", "a-2.png", "b/a.png"])
    ['a', 'a-3', 'a-2', 'a-4']
    """
    stems = [_shortened(Path(_file_name(source)).stem) for source in sources]
    taken, numbers = set(map(_same, stems)), dict[str, int]()
    names = []
    for stem in stems:
        name, same = stem, _same(stem)
        if same in numbers:
            while _same(name) in taken:
                numbers[same] += 1
                name = f"{stem}-{numbers[same]}"
            taken.add(_same(name))
        numbers.setdefault(same, 1)
        names.append(name)
    return names


def _shortened(stem: str) -> str:
    while len(os.fsencode(stem)) > _LONGEST_NAME:
        stem = stem[:-1]
    return stem


def _same(name: str) -> str:
    """What names have in common that a file system may take for the same."""
    return composed(name).casefold()


class _Overlays:
    """Draws where the evidence is, one PNG per image.

    Args:
        folder: where the pictures go.
        style: how they are drawn.
        scale: the bundle's color scale.
        sources: all images, each once.
    """

    def __init__(self, folder: Path, style: Style, scale: HeatScale, sources: Sequence[str]) -> None:
        self.folder = folder
        self.style = style
        self.scale = scale
        self._names = dict(zip(sources, overlay_names(sources), strict=True))
        self._letters = name_letters(list(map(_file_name, sources)))
        self._drawn: list[str] = []

    @property
    def unlettered(self) -> str | None:
        """Which letters are not drawn in the pictures so far, in a sentence; None: all are."""
        return self._letters.limited_to(self._drawn).sentence

    def has(self, source: str) -> bool:
        """Whether there is a picture of an image already."""
        return self._file(source).is_file()

    def add(self, inspected: Inspected) -> None:
        """Draw an image, unless it could not be judged."""
        if inspected.image is None or inspected.verdict is None:
            return
        name, letters = _file_name(inspected.source), self._letters
        picture = overlay(
            inspected.image, inspected.verdict, self.scale, self.style, name=name, letters=letters
        )
        with atomic_path(self._file(inspected.source)) as temporary:
            temporary.write_bytes(to_png(picture, letters.fonts_for(name)))
        self._drawn.append(name)

    def _file(self, source: str) -> Path:
        return self.folder / f"{self._names[source]}.png"


def _file_name(source: str) -> str:
    return "stdin" if source == STDIN else Path(source).name
