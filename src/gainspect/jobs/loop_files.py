"""The files of data that are made out of a ledger: rows, masks, and the table of what was left out."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gainspect.data.drawn_regions import filled, kind_shown
from gainspect.data.exporters.places import copied, free_names
from gainspect.data.manifest import Manifest, Part
from gainspect.data.mask_files import mask_png
from gainspect.data.seen import file_content, pixels_of
from gainspect.jobs.export_decisions import in_csv
from gainspect.jobs.ledger_parts import Candidate, Gathered
from gainspect.ledger.loop_account import LeftOut
from gainspect.ledger.records.base import written_time
from gainspect.names import printable
from gainspect.types import Label

CHOSEN_AS, REVIEWED_ONLY = "selection", "reviewed parts only"
"""The free column that says which images are from the ledger, and how they were chosen."""
SOURCE = "exported_from"
"""The free column of what each image of the data was called that they were added to."""


def taken_parts(gathered: Gathered, folder: Path) -> tuple[Part, ...]:
    """The rows of the images that are taken, in the order of the ledger; their masks are drawn.

    Args:
        gathered: the images; their pictures lie in the folder.
        folder: where masks are written.

    Raises:
        OSError: it cannot be written.
    """
    views = Counter(one.review.index for one in gathered.candidates)
    parts = []
    for one in sorted(gathered.candidates, key=_place):
        name = f"{one.review.decision.part} (record {one.review.index})"
        mask = _mask(one, folder) if one.taught.outlines else None
        kind = None if mask is None else kind_shown(one.taught.outlines)
        parts.append(
            Part(
                image=one.file,
                label=one.taught.label,
                mask=mask,
                group=one.group if one.known_group else _cell(one.group),
                part=_cell(name) if views[one.review.index] > 1 else "",
                split=None if one.known_group else gathered.splits.get(one.group),
                mask_kind=None if kind == "outline" else kind,
                extra=_columns(one),
            )
        )
    return tuple(parts)


def _place(one: Candidate) -> tuple[int, int]:
    """The record of an image, and its number in it."""
    return one.review.index, one.number


def copied_parts(base: Manifest, folder: Path) -> Iterator[Part]:
    """The parts of the data that the images are added to; masks are drawn anew, of 0 and 255.

    Args:
        base: these data.
        folder: where copies are written, below base/.

    Raises:
        GainspectError: an image or mask cannot be read.
        OSError: the folder cannot be written.
    """
    places = free_names([PurePosixPath(part.split or "", part.image.name) for part in base.parts])
    for part, place in zip(base.parts, places, strict=True):
        image = copied(part.image, folder / "base" / "images" / place)
        marks = base.marks(part, base.shape(part)) if part.mask or part.ignore else None
        drawn: dict[str, Path] = {}
        wanted = {} if marks is None else {"mask": marks.defect, "ignore": marks.ignored}
        for kind, mask in wanted.items():
            if mask is None or not mask.any() or (kind == "mask" and part.label is Label.OK):
                continue
            file = folder / "base" / f"{kind}s" / place.with_name(f"{place.name}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(mask_png(mask, file_content(image)))
            drawn[kind] = file
        yield replace(
            part,
            image=image,
            mask=drawn.get("mask"),
            ignore=drawn.get("ignore"),
            extra={**part.extra, SOURCE: _cell(base.key(part))},
            mask_kind=part.mask_kind if "mask" in drawn else None,
        )


def write_left_out(left: Sequence[LeftOut], path: Path) -> None:
    """Write one row an image that is not taken."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(["record", "part", "image", "why", "detail"])
        for one in left:
            table.writerow([one.index, *map(_cell, (one.part, one.image, one.why, one.detail))])


def _mask(one: Candidate, folder: Path) -> Path:
    """What a person drew, as a file."""
    content = file_content(one.file)
    height, width = pixels_of(content, one.file).shape[:2]
    file = folder / "masks" / f"{one.file.name}.png"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(mask_png(filled(one.taught.outlines, height, width), content))
    return file


def _columns(one: Candidate) -> dict[str, str]:
    """The free columns of an image."""
    decision, last = one.review.decision, one.review.last
    said = {
        CHOSEN_AS: REVIEWED_ONLY,
        "record": str(one.review.index),
        "decision": decision.key,
        "station": decision.station,
        "lot": decision.lot or "",
        "bundle": decision.made_with.bundle or "",
        "image_name": one.taught.image.image,
        "sha256": one.taught.image.sha256 or "",
        "decided": str(decision.label),
        "counts": str(one.review.label),
        "said_by": last.actor,
        "said_at": written_time(last.at),
        "said_as": str(getattr(last, "kind", "")),
        "reason": str(getattr(last, "reason", "")),
    }
    return {name: _cell(value) for name, value in said.items()}


def _cell(text: str) -> str:
    r"""Text as a cell: no control characters in it, and none that a spreadsheet runs.

    >>> _cell("=1+1"), _cell("lot\n7")
    ("'=1+1", 'lot\\x0a7')
    """
    return str(in_csv(printable(text).strip()))
