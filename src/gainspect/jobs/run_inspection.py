"""Judge image files with a bundle; write their verdicts, and pictures of where the evidence is."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, get_args

from gainspect.data.manifest import require_few_views
from gainspect.data.taken import DECISIONS, OVERLAYS
from gainspect.errors import GainspectError
from gainspect.files import atomic_path
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.part_names import named_parts, rule_of
from gainspect.inspection.records.decided_parts import DecidedParts
from gainspect.inspection.records.journal import Journal, line_of
from gainspect.inspection.records.resume import Kept, inspect_rest, replaces, settings_of
from gainspect.inspection.stream import (
    Inspected,
    find_images,
    inspect_files,
    record_of,
    why_failed,
)
from gainspect.jobs.inspection_summary import OVERLAY_ERROR, Inspection
from gainspect.jobs.overlay_files import OverlayFiles
from gainspect.names import escaped
from gainspect.report.drawing.overlay import Style
from gainspect.report.terminal.bundle_tables import input_gap

_MOST_FAILED = 32
"""If the model fails on so many images in a row, it is not the images."""


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
    batch_size: int = USUAL_BATCH,
    threads: int | None = None,
    on_record: Callable[[dict[str, Any]], None] = lambda record: None,
    shown: Shown = lambda images, count: images,
) -> Inspection:
    """Judge images; one that cannot be read, judged or drawn is recorded so, and the others are still judged.

    With a folder, each record is appended to OUT/verdicts.jsonl as it is made, and what was judged before is
    not judged again (`inspection.records`). Ctrl-C ends the inspection; all results so
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
        batch_size: see `Inspector.load`.
        threads: see `Inspector.load`.
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
    inspector = Inspector.load(
        bundle,
        runtime,
        precision,
        threads=threads,
        batch_size=batch_size,
        check=check,
        max_mpx=max_mpx,
        bits=bits,
    )
    assert inspector.bundle is not None
    result.input_gap = input_gap(inspector.bundle)
    scale = inspector.bundle.description.policy.heat_scale()
    drawn = None
    if style is not None and out is not None:
        drawn = OverlayFiles(out / OVERLAYS, style, scale, result.sources)
    settings = settings_of(inspector, None if parts is None else rule_of(parts))
    with nullcontext() if out is None else Journal(out, settings) as journal:
        together = DecidedParts(names.values())
        others = _others(result, journal, names)
        judged = _judged(inspector, result.sources, journal, names, drawn)
        begun, failed = time.perf_counter(), 0
        try:
            for item in shown(judged, len(result.sources)):
                if isinstance(item, Kept):
                    record = written = item.record
                else:
                    record = _record(item, inspector, names, drawn)
                    written = record if journal is None else _written(record, journal)
                if names and journal is None:
                    together.add(written)
                result.add(record, before=isinstance(item, Kept))
                on_record(record)
                failed = failed + 1 if isinstance(item, Inspected) and item.failed else 0
                if failed == _MOST_FAILED:
                    raise _all_fail(record)
        except KeyboardInterrupt:
            result.stopped = True
        result.seconds = time.perf_counter() - begun
        decided = together.records(inspector)
        if journal is not None:
            if names:
                file = journal.path.with_name(DECISIONS)
                _write(file, _in_journal(journal, names, others).records(inspector))
                decided = _read(file)
            journal.settle(map(escaped, result.sources))
        own = set(names.values())
        for record in decided:
            if record["part"] in own:
                result.decisions.add(record)
                on_record(record)
    if drawn is not None:
        result.unlettered = drawn.unlettered
    return result


def _others(result: Inspection, journal: Journal | None, names: Mapping[str, str]) -> list[str]:
    """What the folder holds of images that are not to be judged.

    Raises:
        GainspectError: with them a part has very many images.
    """
    own = set(map(escaped, result.sources))
    others = [] if journal is None else [image for image in journal.images() if image not in own]
    result.others = len(others)
    if journal is not None and names:
        views = Counter(names.values())
        views.update(record["part"] for image in others if (record := journal.record(image)) is not None)
        require_few_views(views, journal.path)
    return others


def _in_journal(journal: Journal, names: Mapping[str, str], others: Iterable[str]) -> DecidedParts:
    """The parts of all images of a folder; those that were named now come last.

    An image that is there under another name as well, such as a path from elsewhere, counts once.
    """
    records = (journal.record(escaped(source)) for source in names)
    now = [record for record in records if record is not None]
    seen = {(record["part"], record["sha256"]) for record in now if record["sha256"] is not None}
    known = DecidedParts(names.values())
    for image in others:
        record = journal.record(image)
        if record is not None and (record["part"], record["sha256"]) not in seen:
            known.add_other(record)
    for record in now:
        known.add(record)
    return known


def _all_fail(record: Mapping[str, Any]) -> GainspectError:
    return GainspectError(
        f"the model fails on {_MOST_FAILED} images in a row ({str(record['error']).rstrip('.')})",
        hint="Mend that, or choose another --runtime; what was judged with --out is kept.",
    )


def _judged(
    inspector: Inspector,
    sources: Sequence[str],
    journal: Journal | None,
    names: Mapping[str, str],
    drawn: OverlayFiles | None,
) -> Iterator[Inspected | Kept]:
    if journal is None:
        return inspect_files(inspector, sources)
    return inspect_rest(
        inspector, sources, journal, parts=names, done=lambda record: drawn is None or drawn.has(record)
    )


def _record(
    inspected: Inspected, inspector: Inspector, names: Mapping[str, str], drawn: OverlayFiles | None
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


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.writelines(map(line_of, records))


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(json.loads, file)


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
