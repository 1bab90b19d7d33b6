"""Judging where an earlier inspection into the same place stopped: what it judged is not judged again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.verdict_key import Key, Settings, key_of
from gainspect.inspection.sources.contents import STDIN
from gainspect.inspection.stream import judged_with
from gainspect.names import escaped


class Written(Protocol):
    """What was written before of images, by their names as `names.escaped` writes them."""

    settings: Settings

    def record(self, image: str) -> dict[str, Any] | None:
        """What is written of an image; None: nothing yet."""

    def key(self, image: str) -> Key | None:
        """The key of the verdict on an image; None: there is none, perhaps because of an error."""


@dataclass(frozen=True)
class Batch:
    """Images that are judged at once, wherever that is done, and what is known of them."""

    first: int
    """The place of its first image among all."""
    sources: tuple[str, ...]
    known: Mapping[str, str] = field(default_factory=dict)
    """Of those that have a verdict of the same key, if the file is the same: SHA-256 of the file."""
    failed: frozenset[str] = frozenset()
    """Those that had an error, and so were in no batch."""


def settings_of(inspector: Inspector, parts: str | None) -> Settings:
    """What an Inspector makes verdicts with.

    Args:
        inspector: which judges.
        parts: which images are decided together (see `part_names.rule_of`); None: each is decided alone.
    """
    return Settings(**judged_with(inspector), check=inspector.reason is not None, parts=parts)


def batches_of(
    sources: Sequence[str], size: int, written: Written | None, parts: Mapping[str, str]
) -> Iterator[Batch]:
    """Cut all images into batches, in order, with what was written of them before.

    The last bit of an image's numbers may depend on the batch that it is judged in. So the batches are the
    same whatever was judged before, and whoever judges them.

    Args:
        sources: the names of the images.
        size: of a batch (`Inspector.images_at_once`).
        written: what was judged before; None: nothing is kept.
        parts: the part of each image; empty: each is decided alone.
    """
    for first in range(0, len(sources), size):
        batch = tuple(sources[first : first + size])
        if written is None:
            yield Batch(first, batch)
            continue
        known = {source: _sha256_of(source, written, parts.get(source)) for source in batch}
        failed = frozenset(source for source in batch if _failed(source, written))
        yield Batch(first, batch, {name: sha256 for name, sha256 in known.items() if sha256}, failed)


def replaces(record: Mapping[str, Any], written: Written) -> bool:
    """Whether what is known of an image now takes the place of what was written of it before.

    An error does not take the place of a verdict, unless the file has changed: a drive that is away for a
    while must not cost the verdicts on what lies on it.
    """
    before = written.key(record["image"])
    return record["verdict"] is not None or before is None or record["sha256"] not in (None, before.sha256)


def _sha256_of(source: str, written: Written, part: str | None) -> str | None:
    """SHA-256 of the file that a verdict is on, which counts if the file is as it was."""
    image = escaped(source)
    before = written.key(image)
    if before is None or source == STDIN or before != key_of(image, part, before.sha256, written.settings):
        return None
    return before.sha256


def _failed(source: str, written: Written) -> bool:
    record = written.record(escaped(source))
    return record is not None and record["verdict"] is None
