"""Judging where an earlier inspection into the same folder stopped: what it judged is not judged again."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.journal import Journal
from gainspect.inspection.records.verdict_key import Settings, key_of
from gainspect.inspection.stream import STDIN, Inspected, inspect_files, judged_with
from gainspect.names import escaped


@dataclass(frozen=True, eq=False)
class Kept:
    """An image that was judged before."""

    source: str
    record: dict[str, Any]
    """What was written of it (`stream.record_of`)."""


def settings_of(inspector: Inspector, parts: str | None) -> Settings:
    """What an Inspector makes verdicts with.

    Args:
        inspector: which judges.
        parts: which images are decided together (see `part_names.rule_of`); None: each is decided alone.
    """
    return Settings(**judged_with(inspector), check=inspector.reason is not None, parts=parts)


def inspect_rest(
    inspector: Inspector,
    sources: Sequence[str],
    journal: Journal,
    *,
    parts: Mapping[str, str],
    done: Callable[[Mapping[str, Any]], bool] = lambda record: True,
) -> Iterator[Inspected | Kept]:
    """Judge files in order, except those that have a verdict of the same key; one batch is in memory.

    A file is read again for its SHA-256. What had an error is tried again, and so is stdin.

    The last bit of an image's numbers may depend on the batch that it is judged in. So a batch that was cut
    off is judged whole, as it would have been; what was written of its first images stays.

    Args:
        inspector: which judges.
        sources: the names of the files.
        journal: what was judged before. Nothing is written into it here.
        parts: the part of each file; empty: each is decided alone.
        done: whether all else is there that is made of an image besides its verdict, by its record.
    """
    for begin in range(0, len(sources), inspector.images_at_once):
        batch = sources[begin : begin + inspector.images_at_once]
        known = {
            source: Kept(source, record)
            for source in batch
            if (record := _known(source, journal, parts.get(source))) is not None and done(record)
        }
        left = [source for source in batch if source not in known]
        judged_now = left if all(_failed(source, journal) for source in left) else batch
        judged = inspect_files(inspector, judged_now)
        for source in batch:
            item = next(judged) if source in judged_now else known[source]
            yield known.get(source, item)


def _failed(source: str, journal: Journal) -> bool:
    """Whether an image had an error, and so was in no batch."""
    record = journal.record(escaped(source))
    return record is not None and record["verdict"] is None


def _known(source: str, journal: Journal, part: str | None) -> dict[str, Any] | None:
    """What was written of a file that is as it was."""
    image = escaped(source)
    before = journal.key(image)
    if before is None or source == STDIN:
        return None
    try:
        with Path(source).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return journal.record(image) if before == key_of(image, part, sha256, journal.settings) else None


def replaces(record: Mapping[str, Any], journal: Journal) -> bool:
    """Whether what is known of an image now takes the place of what was written of it before.

    An error does not take the place of a verdict, unless the file has changed: a drive that is away for a
    while must not cost the verdicts on what lies on it.
    """
    before = journal.key(record["image"])
    return record["verdict"] is not None or before is None or record["sha256"] not in (None, before.sha256)
