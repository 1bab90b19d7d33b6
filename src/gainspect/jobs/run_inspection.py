"""Judge images with a bundle; write their verdicts, and pictures of where the evidence is."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, get_args

from gainspect.data.manifest import require_few_views
from gainspect.data.taken import DECISIONS
from gainspect.errors import GainspectError
from gainspect.files import atomic_path
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.engines.choice import open_engine, require_engine, shares
from gainspect.inspection.engines.judge import Outcome, Recipe
from gainspect.inspection.part_names import named_parts, rule_of
from gainspect.inspection.records.decided_parts import DecidedParts
from gainspect.inspection.records.journal import Journal, line_of
from gainspect.inspection.records.parquet_verdicts import ParquetVerdicts
from gainspect.inspection.records.resume import batches_of, replaces, settings_of
from gainspect.inspection.stream import find_images
from gainspect.jobs.inspection_output import (
    LedgerPlace,
    open_recorded,
    open_verdicts,
    overlays_in,
    place_of,
    require_possible,
    require_within_reach,
)
from gainspect.jobs.inspection_summary import OVERLAY_ERROR, Inspection
from gainspect.jobs.overlay_files import OverlayFiles
from gainspect.names import escaped
from gainspect.report.drawing.overlay import Style
from gainspect.report.terminal.bundle_tables import input_gap

_MOST_FAILED = 32
"""If the model fails on so many images in a row, it is not the images."""


@dataclass(frozen=True)
class Told:
    """One image, as it is told and counted."""

    place: int
    record: dict[str, Any]
    """What is known of it now."""
    written: dict[str, Any]
    """What is written of it, which an error may not have replaced."""
    before: bool
    """Whether it was judged by an earlier inspection."""
    failed: bool


class Shown(Protocol):
    """Wraps the iterator over the images to show progress."""

    def __call__(self, images: Iterator[Told], count: int, /) -> Iterator[Told]:
        """The same images; `count` is how many there will be."""


def run_inspection(
    bundle: Path,
    paths: Sequence[str],
    *,
    out: Path | str | None = None,
    engine: str = "local",
    workers: int | None = None,
    column: str | None = None,
    style: Style | None = None,
    check: bool = True,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    max_mpx: float | None = None,
    bits: int | None = None,
    parts: str | None = None,
    batch_size: int = USUAL_BATCH,
    threads: int | None = None,
    ledger: LedgerPlace | None = None,
    on_record: Callable[[dict[str, Any]], None] = lambda record: None,
    shown: Shown = lambda images, count: images,
) -> Inspection:
    """Judge images; one that cannot be read, judged or drawn is recorded so, and the others are still judged.

    With a folder, each record is appended to OUT/verdicts.jsonl as it is made, and what was judged before is
    not judged again (`inspection.records`); Ray, and URIs, have Parquet files in the place of lines. Ctrl-C
    ends the inspection; all results so far are there, and they are returned.

    Args:
        bundle: the bundle to judge with.
        paths: images, folders, globs, URIs of these, Parquet tables, or "-" for one image from stdin.
        out: folder for verdicts.jsonl and overlays, or a URI; None: nothing is written.
        engine: who judges: this process ("local"), several on this machine ("pool"), or Ray ("ray").
        workers: how many processes judge; None: one for each CPU. Not for "local".
        column: of Parquet tables, see `tables.images_in`.
        style: style of the overlays, which are drawn into OUT/overlays; None: no overlays.
        check: whether to check the reason of NG verdicts, as the bundle's policy defines.
        runtime: see `Inspector.load`.
        precision: see `Inspector.load`.
        max_mpx: see `Inspector.load`.
        bits: see `Inspector.load`.
        parts: which images are decided together (see `named_parts`); None: each is decided alone.
        batch_size: see `Inspector.load`.
        threads: see `Inspector.load`; of each process, among which the CPUs are shared where it is None.
        ledger: where each decision is recorded, before it is told; None: nowhere.
        on_record: called with each record, of the images, also those judged before, and then of their parts.
        shown: wraps the iterator over the images to show progress; its second argument is their number.

    Raises:
        GainspectError: a path matches no file, the bundle is refused, the output cannot hold what is asked
            for, an image has no part, the workers cannot start; the ledger refuses a
            decision; or see `Journal` and `ParquetVerdicts`.
    """
    chosen, place = require_engine(engine, workers), place_of(out)
    require_possible(chosen, place, overlays=style is not None, parts=parts is not None)
    found = find_images(paths, own_output=place, column=column)
    result = Inspection(list(dict.fromkeys(found.images)), not_taken=found.not_taken)
    require_within_reach(chosen, result.sources)
    names = {} if parts is None else named_parts(parts, result.sources)
    count, threads = shares(chosen, workers, threads)
    recipe = Recipe(bundle, None, runtime, precision, threads, batch_size, check, max_mpx, bits)
    inspector = recipe.load()
    assert inspector.bundle is not None
    result.input_gap = input_gap(inspector.bundle)
    drawn = overlays_in(place, style, inspector.bundle.description.policy.heat_scale(), result.sources)
    recipe = replace(recipe, sha256=inspector.bundle.sha256, pictures=drawn)
    judging = open_engine(chosen, inspector, recipe, count)
    settings = settings_of(inspector, None if parts is None else rule_of(parts))
    with (
        open_verdicts(place, chosen, settings, result.sources, inspector.images_at_once) as written,
        open_recorded(ledger, inspector, place) as recorded,
    ):
        together = DecidedParts(names.values())
        others = _others(result, written, names)
        batches = batches_of(result.sources, inspector.images_at_once, written, names)
        begun, failed = time.perf_counter(), 0
        try:
            with closing(judging.outcomes(batches)) as outcomes:
                told = (_told(outcome, result.sources, written, names, drawn) for outcome in outcomes)
                for image in shown(in_order(told), len(result.sources)):
                    if names and written is None:
                        together.add(image.written)
                    if recorded is not None:
                        recorded.take(result.sources[image.place], image.written, alone=not names)
                    result.add(image.record, before=image.before)
                    on_record(image.record)
                    failed = failed + 1 if image.failed else 0
                    if failed == _MOST_FAILED:
                        raise _all_fail(image.record)
        except KeyboardInterrupt:
            result.stopped = True
        result.seconds, result.lost = time.perf_counter() - begun, judging.lost
        decided = together.records(inspector)
        if isinstance(written, Journal) and names:
            file = written.path.with_name(DECISIONS)
            _write(file, _in_journal(written, names, others).records(inspector))
            decided = _read(file)
            result.saved.append(str(file))
        if written is not None:
            written.settle(map(escaped, result.sources))
            result.saved.insert(0, written.place)
        own = set(names.values())
        for record in decided:
            if record["part"] in own:
                if recorded is not None:
                    recorded.append(record, written)
                result.decisions.add(record)
                on_record(record)
    if drawn is not None:
        result.unlettered = drawn.unlettered
    return result


def in_order(images: Iterable[Told]) -> Iterator[Told]:
    """Images in the order of their places; one that is early waits for those before it."""
    early, due = dict[int, Told](), 0
    for image in images:
        early[image.place] = image
        while due in early:
            yield early.pop(due)
            due += 1


def _told(
    outcome: Outcome,
    sources: Sequence[str],
    written: Journal | ParquetVerdicts | None,
    names: Mapping[str, str],
    drawn: OverlayFiles | None,
) -> Told:
    """Write what came of an image, unless what was written of it before stays."""
    source = sources[outcome.place]
    if outcome.record is None:
        kept = None if written is None else written.record(escaped(source))
        assert kept is not None
        return Told(outcome.place, kept, kept, before=True, failed=False)
    record = dict(outcome.record)
    if names:
        record["part"] = names[source]
    if outcome.not_drawn is not None:
        record[OVERLAY_ERROR] = outcome.not_drawn
    elif drawn is not None and record["verdict"] is not None:
        drawn.note(source)
    stays = record if written is None else _written(record, written)
    return Told(outcome.place, record, stays, before=False, failed=outcome.failed)


def _others(
    result: Inspection, written: Journal | ParquetVerdicts | None, names: Mapping[str, str]
) -> list[str]:
    """What the folder holds of images that are not to be judged.

    Raises:
        GainspectError: with them a part has very many images.
    """
    if written is None:
        return []
    own = set(map(escaped, result.sources))
    others = [image for image in written.images() if image not in own]
    result.others, result.verdicts_name = len(others), Path(written.place).name
    if names:
        views = Counter(names.values())
        views.update(record["part"] for image in others if (record := written.record(image)) is not None)
        require_few_views(views, Path(written.place))
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


def _written(record: dict[str, Any], written: Journal | ParquetVerdicts) -> dict[str, Any]:
    """What is written of an image, once what is known of it now was written."""
    if replaces(record, written):
        written.append(record)
        return record
    return written.record(record["image"]) or record


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
