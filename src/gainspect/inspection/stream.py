"""Judging many image files: a broken file is reported, and the others are still judged."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.depth import Depth
from gainspect.data.named_files import exists, is_file
from gainspect.data.reading import decode_image
from gainspect.data.taken import (
    HIDDEN,
    OWN_OUTPUT,
    Found,
    NotTaken,
    files_below,
    is_hidden,
    reasons,
    why_folder_not,
    why_not,
)
from gainspect.errors import GainspectError
from gainspect.inspection.batches import batches, pixels_of_image
from gainspect.inspection.inputs import RAISE_LIMIT
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.sources.contents import STDIN, Contents
from gainspect.inspection.sources.remote import find_remote, is_uri
from gainspect.inspection.sources.tables import images_in, is_table
from gainspect.names import escaped, printable
from gainspect.policy import View, decide, part_score
from gainspect.types import Image, ReasonCheck, Region, Verdict

_SAID_BY_RULES = ("measures", "type", "rule", "action")
_LONGEST_WHY = 500
"""Characters of an unexpected error's own words; a runtime may quote a whole graph."""


@dataclass(frozen=True, eq=False)
class Inspected:
    """One file: its verdict, or what is wrong with it."""

    source: str
    sha256: str | None
    """SHA-256 of the file; None if it could not be read."""
    image: Image | None
    verdict: Verdict | None
    error: str | None

    @property
    def failed(self) -> bool:
        """Whether the model failed on it."""
        return self.image is not None and self.verdict is None


@dataclass(frozen=True)
class Sources:
    """What names on a command line stand for."""

    images: list[str]
    """Files in order, URIs, rows of tables (`sources.tables`), and "-" for stdin."""
    not_taken: list[NotTaken]
    """What lies in the folders besides."""


def find_images(
    paths: Sequence[str], *, own_output: Path | str | None = None, column: str | None = None
) -> Sources:
    """The images that names stand for, in order: files, folders (all below), globs, URIs; "-" for stdin.

    A file that is named is taken whatever it is called; of folders and globs, what `data.taken` takes. A
    Parquet table stands for the images that it names or holds.

    Args:
        paths: the names. What is there under a name is no glob, whatever brackets it has.
        own_output: the folder, or the URI, that results are written to, which is left out; None = none.
        column: of tables, see `tables.images_in`.

    Raises:
        GainspectError: a path matches no file, or a table cannot be read.
    """
    sources = _find(paths, own_output)
    images = [
        image for name in sources.images for image in (images_in(name, column) if is_table(name) else (name,))
    ]
    return replace(sources, images=images)


def _find(paths: Sequence[str], own_output: Path | str | None) -> Sources:
    folder = own_output if isinstance(own_output, Path) else None
    remote = own_output if isinstance(own_output, str) else None
    sources = Sources([], [])
    for name in paths:
        path = Path(name)
        if not name:
            raise GainspectError(
                "an empty name stands for no image", hint="Name images, folders, globs, or -."
            )
        if name == STDIN or is_file(path):
            sources.images.append(name)
            continue
        if is_uri(name):
            images, not_taken = find_remote(name, own_output=remote)
            sources.images.extend(images)
            sources.not_taken.extend(not_taken)
            continue
        found = _in_folder(path, folder) if exists(path) and path.is_dir() else _by_glob(name, folder)
        sources.images.extend(str(image) for image in found.images)
        sources.not_taken.extend(found.not_taken)
    return sources


def _in_folder(folder: Path, own_output: Path | None) -> Found:
    found = files_below(folder, own_output=own_output)
    if not found.images:
        left = f" Not taken: {reasons(found.not_taken)}." if found.not_taken else ""
        raise GainspectError(
            "there are no images in this folder",
            where=folder,
            hint=f"Known: {', '.join(sorted(IMAGE_SUFFIXES))}.{left}",
        )
    return found


def _by_glob(name: str, own_output: Path | None) -> Found:
    """Files that match, and all below folders that match; a suffix that is spelled out is taken."""
    path = Path(name)
    base, pieces = Path(path.anchor), list(path.parts[1:] if path.anchor else path.parts)
    while len(pieces) > 1 and exists(base / pieces[0]):
        base /= pieces.pop(0)
    try:
        if pieces and pieces[-1] == "**":
            pieces.append("*")
        matched = sorted(base.glob("/".join(pieces))) if pieces else []
    except ValueError as error:
        raise GainspectError(f"this is no pattern ({error})", where=name) from error
    named_suffix = Path(pieces[-1]).suffix if pieces else ""
    spelled_out = bool(named_suffix) and not set("*?[") & set(named_suffix)
    found = Found()
    for entry in matched:
        if "**" in pieces and entry.is_dir():
            continue  # its files match by themselves
        if (why := why_folder_not(entry, base, own_output=own_output)) is None and entry.is_dir():
            if is_hidden(entry.name):
                found.not_taken.append(NotTaken(entry, HIDDEN))
            else:
                below = files_below(entry, own_output=own_output)
                found.images.extend(below.images)
                found.not_taken.extend(below.not_taken)
            continue
        why = why or why_not(entry)
        asked = spelled_out and entry.is_file() and why not in (OWN_OUTPUT, HIDDEN)
        if why is None or asked or (why == HIDDEN and pieces[-1].startswith(".")):
            found.images.append(entry)
        else:
            found.not_taken.append(NotTaken(entry, why))
    if not found.images:
        left = f" Not taken: {reasons(found.not_taken)}." if found.not_taken else ""
        raise GainspectError(
            "there is no such file or folder", where=name, hint=f"Name images, folders, globs, or -.{left}"
        )
    return found


def inspect_files(
    inspector: Inspector,
    sources: Iterable[str],
    *,
    contents: Contents | None = None,
) -> Iterator[Inspected]:
    """Judge images in order, one batch of the Inspector at a time; only one batch is in memory.

    An image that cannot be read, or that the model fails on, has an error in the place of its verdict.

    Args:
        inspector: which judges.
        sources: the names of the images, see `find_images`.
        contents: reads them; None: within the limits of the Inspector.
    """
    contents = contents or Contents(inspector.max_mpx)
    files = (
        _read(source, content, inspector.max_mpx, inspector.depth)
        for source, content in contents.each(sources)
    )
    for read in batches(files, inspector.images_at_once, _pixels):
        found = iter(_verdicts(inspector, [item.image for item in read if item.image is not None]))
        for item in read:
            if item.image is None:
                yield item
                continue
            verdict = next(found)
            if isinstance(verdict, str):
                yield replace(item, error=verdict)
            else:
                yield replace(item, verdict=verdict)


def _pixels(file: Inspected) -> int:
    return 0 if file.image is None else pixels_of_image(file.image)


def why_failed(error: Exception) -> str:
    """What went wrong with one image, or with its picture, as its record says it.

    >>> print(why_failed(GainspectError("the file is empty", hint="Export it again.")))
    the file is empty. Export it again.
    >>> print(why_failed(ValueError("no such axis")))
    it fails with ValueError: no such axis
    """
    if isinstance(error, GainspectError):
        return printable(f"{error.what}. {error.hint}", lines=True).rstrip(". ") + "."
    said = printable(" ".join(str(error).split()))[:_LONGEST_WHY]
    return f"it fails with {type(error).__name__}" + (f": {said}" if said else "")


def _verdicts(inspector: Inspector, images: list[Image]) -> list[Verdict | str]:
    """The verdict on each image, or why there is none.

    Where a batch fails, each of its images is judged alone, so that one does not take the others with it.
    """
    try:
        return [*inspector.judge(images)]
    except Exception as error:  # runtimes raise errors of many kinds
        if len(images) == 1:
            return [why_failed(error)]
    return [verdict for image in images for verdict in _verdicts(inspector, [image])]


def record_of(inspected: Inspected, inspector: Inspector) -> dict[str, Any]:
    """What is written down of one file; JSON types only. Pixels count from the image's top left corner.

    Its name is written as `names.escaped` does: valid Unicode, and `names.unescaped` gives it back.
    """
    verdict = inspected.verdict
    if verdict is None:
        return unjudged_record(inspected)
    return {
        **unjudged_record(inspected),
        "verdict": str(verdict.label),
        "score": verdict.score,
        "threshold": verdict.threshold,
        "regions": [_region_record(region) for region in verdict.regions],
        "review_reasons": [str(reason) for reason in verdict.review_reasons],
        "unchecked": verdict.unchecked,
        "inputs": verdict.inputs,
        "unlike": [unlike._asdict() for unlike in verdict.unlike],
        "check": None if verdict.check is None else _check_record(verdict.check),
        **judged_with(inspector),
        **_rules_record(verdict),
    }


def unjudged_record(inspected: Inspected) -> dict[str, Any]:
    """The same of a file without a verdict: what is wrong with it."""
    return {
        "image": escaped(inspected.source),
        "sha256": inspected.sha256,
        "verdict": None,
        "error": inspected.error,
    }


def part_record(
    name: str, records: Sequence[Mapping[str, Any]], views: Sequence[View], inspector: Inspector
) -> dict[str, Any]:
    """What is written down of one part: the decision on it; JSON types only.

    Args:
        name: of the part.
        records: of its images (`record_of`).
        views: what the policy looks at in each of them.
        inspector: whose policy decides.
    """
    decision = decide(views, inspector.rules)
    scores = [view.score for view in views if view.score is not None]
    return {
        "part": name,
        "decision": str(decision.label),
        "fired": [str(rule) for rule in decision.fired],
        "score": part_score(scores, inspector.rules.views) if scores else None,
        "threshold": inspector.threshold,
        "images": [record["image"] for record in records],
        "sha256": [record["sha256"] for record in records],
        **judged_with(inspector),
    }


def judged_with(inspector: Inspector) -> dict[str, Any]:
    """What a record says of how the image was judged."""
    return {
        "bundle": None if inspector.bundle is None else inspector.bundle.sha256,
        "policy_id": inspector.policy_id,
        "runtime": inspector.backend.runtime,
        "precision": inspector.backend.precision,
        "bits": None if inspector.depth is None else inspector.depth.bits,
    }


def _region_record(region: Region) -> dict[str, Any]:
    """Where a region lies and, where that is known, its measures, its type, and the rule that took it."""
    record = asdict(region)
    return {name: value for name, value in record.items() if name not in _SAID_BY_RULES or value is not None}


def _rules_record(verdict: Verdict) -> dict[str, Any]:
    """What rules on regions say of the image; nothing without such rules."""
    if verdict.region_rules is None:
        return {}
    return {"fired": [str(rule) for rule in verdict.fired], "rest": verdict.region_rules.rest}


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


def _read(source: str, content: Callable[[], bytes], max_mpx: float, depth: Depth | None) -> Inspected:
    sha256 = None
    try:
        encoded = content()
        sha256 = hashlib.sha256(encoded).hexdigest()
        image = decode_image(encoded, source, depth, max_mpx, RAISE_LIMIT)
        return Inspected(source, sha256, image, None, None)
    except OSError as error:
        return Inspected(source, None, None, None, f"cannot read the file ({error.strerror or error})")
    except Exception as error:  # decoders raise errors of many kinds, and memory may not suffice
        return Inspected(source, sha256, None, None, why_failed(error))
