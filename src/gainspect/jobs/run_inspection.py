"""Judge image files with a bundle; write their verdicts, and pictures of where the evidence is."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from gainspect.data.taken import DECISIONS, OVERLAYS, VERDICTS, NotTaken, reasons
from gainspect.errors import GainspectError
from gainspect.files import atomic_path, write_text
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.inspector import Inspector, view_of
from gainspect.inspection.part_names import named_parts
from gainspect.inspection.stream import (
    STDIN,
    Inspected,
    find_images,
    inspect_files,
    part_record,
    record_of,
)
from gainspect.names import composed
from gainspect.policy import HeatScale, View
from gainspect.report.drawing.name_line import name_letters
from gainspect.report.drawing.overlay import Style, overlay, to_png
from gainspect.report.terminal.bundle_tables import input_gap

_LONGEST_NAME = 240
"""Bytes of an overlay's name without suffix and number: file systems allow 255 in all."""


@dataclass
class Inspection:
    """The result of inspecting image files."""

    sources: list[str]
    """All files to be judged, in order."""
    records: list[dict[str, Any]] = field(default_factory=list)
    """One record (see `record_of`) for each file that was judged or could not be read."""
    seconds: float = 0.0
    """Time that reading and judging took."""
    stopped: bool = False
    """Whether Ctrl-C ended the inspection before the last image."""
    not_taken: list[NotTaken] = field(default_factory=list)
    """What lies in the named folders and is not judged, with its reason."""
    decided: list[dict[str, Any]] = field(default_factory=list)
    """One record (see `part_record`) for each part of which every image was judged; empty without parts."""
    unlettered: str | None = None
    """Which letters of names the overlays lack, and how to mend it, in a sentence; None: none."""
    input_gap: str | None = None
    """What of the inputs the bundle does not check, in a sentence; None: nothing."""

    @property
    def unread(self) -> list[dict[str, Any]]:
        """Records of the files that could not be read."""
        return [record for record in self.records if record["error"] is not None]

    @property
    def left_sentence(self) -> str | None:
        """How many were judged, and how many not taken for which reason; None if all was taken."""
        if not self.not_taken:
            return None
        judged = len(self.records) - len(self.unread)
        return f"{judged} judged, {len(self.not_taken)} not taken: {reasons(self.not_taken)}"


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
    shown: Callable[[Iterator[Inspected], int], Iterator[Inspected]] = lambda images, count: images,
) -> Inspection:
    """Judge images; a file that cannot be read is recorded, and the other files are still judged.

    Ctrl-C ends the inspection; all results so far are written and returned.

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
        on_record: called with each new record, of images and of parts.
        shown: wraps the iterator over the images to show progress; its second argument is their number.

    Raises:
        GainspectError: a path matches no file, the bundle is refused, overlays have no folder, or an image
            has no part.
    """
    if style is not None and out is None:
        raise GainspectError("--overlay needs a folder to draw into", hint="Add --out DIR.")
    found = find_images(paths, own_output=out)
    result = Inspection(found.images, not_taken=found.not_taken)
    together = None if parts is None else _Parts(parts, result.sources)
    inspector = Inspector.load(bundle, runtime, precision, check=check, max_mpx=max_mpx, bits=bits)
    assert inspector.bundle is not None
    result.input_gap = input_gap(inspector.bundle)
    scale = inspector.bundle.description.policy.heat_scale()
    drawn = None
    if style is not None and out is not None:
        drawn = _Overlays(out / OVERLAYS, style, scale, result.sources)
    begun = time.perf_counter()
    try:
        for inspected in shown(inspect_files(inspector, result.sources), len(result.sources)):
            record = record_of(inspected, inspector)
            if together is not None:
                record["part"] = together.add(inspected, record)
            result.records.append(record)
            on_record(record)
            if drawn is not None:
                drawn.add(inspected)
    except KeyboardInterrupt:
        result.stopped = True
    result.seconds = time.perf_counter() - begun
    for record in () if together is None else together.records(inspector):
        result.decided.append(record)
        on_record(record)
    if drawn is not None:
        result.unlettered = drawn.unlettered
    if out is not None:
        _write(out / VERDICTS, result.records)
        if together is not None:
            _write(out / DECISIONS, result.decided)
    return result


def _write(path: Path, records: Sequence[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


class _Parts:
    """What has been judged of each part; only what the policy looks at is kept.

    Args:
        given: which images are decided together (see `named_parts`).
        sources: the names of all image files; one that is there twice counts twice.
    """

    def __init__(self, given: str, sources: Sequence[str]) -> None:
        self._names = named_parts(given, sources)
        self._images = Counter(self._names[source] for source in sources)
        self._records: dict[str, list[dict[str, Any]]] = {}
        self._views: dict[str, list[View]] = {}

    def add(self, inspected: Inspected, record: dict[str, Any]) -> str:
        """Take an image in, and return the name of its part."""
        name = self._names[inspected.source]
        verdict = inspected.verdict
        self._records.setdefault(name, []).append({key: record[key] for key in ("image", "sha256")})
        self._views.setdefault(name, []).append(View(None) if verdict is None else view_of(verdict))
        return name

    def records(self, inspector: Inspector) -> Iterator[dict[str, Any]]:
        """The decision on each part of which no image is outstanding, in order."""
        for name, views in self._views.items():
            if len(views) == self._images[name]:
                yield part_record(name, self._records[name], views, inspector)


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
        sources: all images, in the order in which they are added.
    """

    def __init__(self, folder: Path, style: Style, scale: HeatScale, sources: Sequence[str]) -> None:
        self.folder = folder
        self.style = style
        self.scale = scale
        self._names = iter(overlay_names(sources))
        self._letters = name_letters(list(map(_file_name, sources)))
        self._drawn: list[str] = []

    @property
    def unlettered(self) -> str | None:
        """Which letters are not drawn in the pictures so far, in a sentence; None: all are."""
        return self._letters.limited_to(self._drawn).sentence

    def add(self, inspected: Inspected) -> None:
        """Draw the next image, unless it could not be read."""
        picture_name = next(self._names)
        if inspected.image is None or inspected.verdict is None:
            return
        name, letters = _file_name(inspected.source), self._letters
        picture = overlay(
            inspected.image, inspected.verdict, self.scale, self.style, name=name, letters=letters
        )
        with atomic_path(self.folder / f"{picture_name}.png") as temporary:
            temporary.write_bytes(to_png(picture, letters.fonts_for(name)))
        self._drawn.append(name)


def _file_name(source: str) -> str:
    return "stdin" if source == STDIN else Path(source).name
