"""Judging the parts of a watched folder, each by itself: what else lies there changes no decision."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gainspect.feeds.claim import Claim
from gainspect.feeds.marks import Mark
from gainspect.feeds.placing import FAILED
from gainspect.feeds.watch import Arrival, WatchedFolder
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.sources.contents import Contents
from gainspect.inspection.stream import (
    Inspected,
    inspect_files,
    part_record,
    record_of,
    unjudged_record,
)
from gainspect.names import escaped

_JUDGED_WITH = ("bundle", "policy_id", "runtime", "precision", "bits")


@dataclass(frozen=True)
class JudgedPart:
    """A part, and all that is recorded of it."""

    at: datetime
    """When its last image was judged."""
    seconds: float
    """What reading and judging took."""
    record: dict[str, Any]
    """Of the part (`stream.part_record`)."""
    images: list[dict[str, Any]]
    """Of its images (`stream.record_of`); those that did not come are last."""
    contents: list[bytes | None]
    """The files as they were judged; None: it could not be read."""
    claim: Claim
    """The key of its record, and where its files go."""
    failed: int
    """On how many of its images the model failed."""


class _HeldContents(Contents):
    """Keeps what it reads: the record is to have the very bytes that were judged."""

    def __init__(self, max_mpx: float) -> None:
        super().__init__(max_mpx)
        self.held: dict[str, bytes] = {}

    def read(self, source: str) -> bytes:
        """See `Contents`."""
        content = self.held[source] = super().read(source)
        return content


def judge_part(arrival: Arrival, folder: WatchedFolder, inspector: Inspector) -> JudgedPart | None:
    """Judge the images of a part, and decide on it.

    An image that did not come counts as one that cannot be read, so that its part is no OK part.

    Returns:
        None: an image has changed meanwhile, or is not whole and may still become so.
    """
    begun = time.perf_counter()
    sources = {str(folder.path / image.name): image for image in arrival.images}
    contents = _HeldContents(inspector.max_mpx)
    judged = list(inspect_files(inspector, sources, contents=contents))
    if not all(map(folder.is_there, arrival.images)):
        return None
    unread = [sources[one.source] for one in judged if one.image is None]
    waits = [image for image in unread if not folder.gives_up(image)]
    if waits:
        return None
    images = [record_of(one, inspector) for one in judged]
    images += [_missing(arrival, number, folder) for number in range(arrival.missing)]
    name = images[0]["image"] if arrival.part is None else arrival.part
    record = part_record(name, images, list(map(view_in, images)), inspector)
    return JudgedPart(
        at=datetime.now(UTC),
        seconds=time.perf_counter() - begun,
        record=record,
        images=images,
        contents=[contents.held.get(one.source) for one in judged] + [None] * arrival.missing,
        claim=_claim(arrival, folder, record, images),
        failed=sum(one.failed for one in judged),
    )


def _missing(arrival: Arrival, number: int, folder: WatchedFolder) -> dict[str, Any]:
    views = len(arrival.images) + arrival.missing
    name = f"{arrival.part}: image {len(arrival.images) + number + 1} of {views}"
    error = f"it had not come {folder.waits.part_s:g} s after the one before it"
    return unjudged_record(Inspected(name, None, None, None, error))


def _claim(
    arrival: Arrival, folder: WatchedFolder, record: Mapping[str, Any], images: list[dict[str, Any]]
) -> Claim:
    """The key says which files these are, and what judged them.

    It has the time at which each file was written: the same frame under the same name, sent again, is another
    part, and the same file found again after a kill is not.
    """
    said = {
        "folder": escaped(str(folder.path)),
        "part": arrival.part,
        "missing": arrival.missing,
        "images": [
            [escaped(image.name), *image.state, known["sha256"]]
            for image, known in zip(arrival.images, images, strict=False)
        ],
        **{name: record[name] for name in _JUDGED_WITH},
    }
    files = tuple(
        Mark(
            image.name,
            image.state.size,
            image.state.mtime_ns,
            FAILED if known["verdict"] is None else record["decision"],
            known["error"] if known["verdict"] is None else None,
        )
        for image, known in zip(arrival.images, images, strict=False)
    )
    return Claim(hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest(), files)
