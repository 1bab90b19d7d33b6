"""Judging many image files: a broken file is reported, and the others are still judged."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gainspect.data.decode import IMAGE_SUFFIXES, decode_image
from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.types import Image, ReasonCheck, Verdict

STDIN = "-"


@dataclass(frozen=True, eq=False)
class Inspected:
    """One file: its verdict, or what is wrong with it."""

    source: str
    sha256: str | None
    """SHA-256 of the file; None if it could not be read."""
    image: Image | None
    verdict: Verdict | None
    error: str | None


def find_images(paths: Sequence[str]) -> list[str]:
    """The image files that `paths` refer to, in order: files, folders (recursively), globs, "-" for stdin.

    Raises:
        GainspectError: a path matches no file.
    """
    found: list[str] = []
    for name in paths:
        path = Path(name)
        if name == STDIN or path.is_file():
            found.append(name)
        elif path.is_dir():
            images = sorted(f for f in path.rglob("*") if f.suffix.lower() in IMAGE_SUFFIXES and f.is_file())
            if not images:
                raise GainspectError(
                    "there are no images in this folder",
                    where=path,
                    hint=f"Known formats: {', '.join(sorted(IMAGE_SUFFIXES))}.",
                )
            found.extend(str(image) for image in images)
        else:
            pattern = str(path.relative_to(path.anchor))
            matched = sorted(str(file) for file in Path(path.anchor).glob(pattern) if file.is_file())
            if not matched:
                raise GainspectError(
                    "there is no such file or folder", where=name, hint="Give images, folders, globs, or -."
                )
            found.extend(matched)
    return found


def inspect_files(
    inspector: Inspector,
    sources: Iterable[str],
    *,
    stdin: Callable[[], bytes] = lambda: sys.stdin.buffer.read(),
) -> Iterator[Inspected]:
    """Judge files in order, one batch of the Inspector at a time; only one batch is in memory.

    Raises:
        GainspectError: the model gave NaN or infinity. A broken file raises nothing.
    """
    remaining = iter(sources)
    while batch := list(islice(remaining, inspector.images_at_once)):
        read = [_read(source, stdin) for source in batch]
        verdicts = inspector.inspect_many(item.image for item in read if item.image is not None)
        for item in read:
            verdict = None if item.image is None else next(verdicts)
            yield Inspected(item.source, item.sha256, item.image, verdict, item.error)


def record_of(inspected: Inspected, inspector: Inspector) -> dict[str, Any]:
    """The record of one file, in JSON types. Pixel coordinates start at the image's top left corner."""
    verdict = inspected.verdict
    known = {
        "image": inspected.source,
        "sha256": inspected.sha256,
        "verdict": None if verdict is None else str(verdict.label),
        "error": inspected.error,
    }
    if verdict is None:
        return known
    return {
        **known,
        "score": verdict.score,
        "threshold": verdict.threshold,
        "regions": [asdict(region) for region in verdict.regions],
        "review_reasons": [str(reason) for reason in verdict.review_reasons],
        "unchecked": verdict.unchecked,
        "check": None if verdict.check is None else _check_record(verdict.check),
        "bundle": None if inspector.bundle is None else inspector.bundle.sha256,
        "runtime": inspector.backend.runtime,
        "precision": inspector.backend.precision,
    }


def _check_record(check: ReasonCheck) -> dict[str, Any]:
    return {
        "repaired": check.repaired,
        "control": check.control,
        "controls": list(check.controls),
        "effect": check.effect,
        "flips": check.flips,
        "area": check.area,
        "gap": None if check.gap is None else str(check.gap),
    }


def _read(source: str, stdin: Callable[[], bytes]) -> Inspected:
    try:
        content = stdin() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        return Inspected(source, None, None, None, f"cannot read the file ({error.strerror})")
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        return Inspected(source, sha256, decode_image(content, source), None, None)
    except GainspectError as error:
        return Inspected(source, sha256, None, None, error.what)
