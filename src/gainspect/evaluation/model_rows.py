"""A model's rows in a study of appraisers, made from the verdicts that `gainspect inspect` wrote."""

import hashlib
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gainspect.data.decision_table import read_references
from gainspect.data.importers import load_manifest
from gainspect.data.tables import decision_of
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped, unescaped
from gainspect.types import Label, ReviewReason

_STDIN = "-"


class ModelRow(NamedTuple):
    """One row of a table of decisions."""

    part: str
    trial: int
    decision: Label
    reference: Label | None
    sha256: str


@dataclass(frozen=True)
class ModelRows:
    """What verdicts come to in a study."""

    rows: tuple[ModelRow, ...]
    left_out: tuple[str, ...]
    """Parts with a verdict, of which the reference says nothing."""
    not_judged: tuple[str, ...]
    """Parts with a reference and without a verdict, by name; empty if the reference is a data set."""
    unread: int
    """Images that could not be read: their decision is REVIEW."""


class _Verdict(NamedTuple):
    place: str
    path: tuple[str, ...]
    label: Label
    sha256: str
    bundle: str | None
    is_read: bool


class _Reference(Protocol):
    def of(self, part: str, verdict: _Verdict) -> tuple[str, Label | None] | None:
        """The part's name in the study, and what it is; None: not in the study."""

    def not_named(self) -> tuple[str, ...]:
        """Parts that were never asked for."""


def model_rows(verdicts: Sequence[Path], reference: Path | None = None) -> ModelRows:
    """The decisions of a model on parts, each file of verdicts as one trial.

    Where images were decided together (`decisions.jsonl` of `gainspect inspect --parts`), a part has the name
    that it has there. Otherwise a part is an image, named by its path from the folder that all images of its
    file of verdicts have in common: the working folder does not matter, and photographs of the same parts in
    another folder are a further trial.

    Args:
        verdicts: verdicts.jsonl or decisions.jsonl of `gainspect inspect`, in order of the trials.
        reference: what the parts are. A table with the columns part and reference (such as the decisions
            of people): a part has its name there, which is the image's path or the end of it, with or
            without the suffix. Or a data folder or manifest: an image is recognized by its content. None:
            left open.

    Returns:
        The rows. An image that could not be read is REVIEW.

    Raises:
        GainspectError: with file and line: it is no record of a verdict, an image is there twice, has no
            name (stdin), or a name fits two of them; the files come from different bundles; the reference
            cannot be read, or says nothing of any image.
    """
    known: _Reference = _Nothing() if reference is None else _reference(reference)
    rows: list[ModelRow] = []
    left_out: dict[str, None] = {}
    unread, bundles = 0, dict[str, str]()
    for trial, path in enumerate(verdicts, start=1):
        places: dict[str, str] = {}
        for part, verdict in _parts_of(path):
            if verdict.bundle is not None:
                bundles.setdefault(verdict.bundle, verdict.place)
            found = known.of(part, verdict)
            if found is None:
                left_out[part] = None
                continue
            name, label = found
            _require_once(name, verdict, places)
            unread += not verdict.is_read
            rows.append(ModelRow(name, trial, verdict.label, label, verdict.sha256))
    _require_one_bundle(bundles)
    if not rows:
        raise GainspectError(
            "it says nothing of any image that was judged",
            where=reference,
            hint="Name parts by their image's path or the end of it, with or without the suffix; of a data "
            "set, the images themselves must have been judged.",
        )
    return ModelRows(tuple(rows), tuple(left_out), known.not_named(), unread)


class _Nothing:
    """No reference."""

    def of(self, part: str, verdict: _Verdict) -> tuple[str, Label | None] | None:
        return part, None

    def not_named(self) -> tuple[str, ...]:
        return ()


class _Named:
    """A table: a part's name there is the end of an image's path."""

    def __init__(self, labels: Mapping[str, Label], where: Path) -> None:
        self._where = where
        self._labels = {_as_path(name): (name, label) for name, label in labels.items()}
        self._asked: set[str] = set()

    def of(self, part: str, verdict: _Verdict) -> tuple[str, Label | None] | None:
        found = {self._labels[tail] for tail in _tails(verdict.path) if tail in self._labels}
        if len(found) > 1:
            names = " or ".join(sorted(repr(name) for name, _ in found))
            raise GainspectError(
                f"image {'/'.join(verdict.path)!r} could be part {names}",
                where=self._where,
                hint="Name the parts by more of their images' paths.",
            )
        for name, label in found:
            self._asked.add(name)
            return name, label
        return None

    def not_named(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self._labels.values() if name not in self._asked)


class _DataSet:
    """A data set: an image is recognized by its content."""

    def __init__(self, path: Path) -> None:
        self._labels: dict[str, set[Label]] = {}
        for part in load_manifest(path).parts:
            sha256 = hashlib.sha256(part.image.read_bytes()).hexdigest()
            self._labels.setdefault(sha256, set()).add(part.label)

    def of(self, part: str, verdict: _Verdict) -> tuple[str, Label | None] | None:
        labels = self._labels.get(verdict.sha256, set())
        if len(labels) > 1:
            raise GainspectError(
                f"image {part!r} is ok and ng in the data set",
                where=verdict.place,
                hint="See `gainspect data check`.",
            )
        return (part, next(iter(labels))) if labels else None

    def not_named(self) -> tuple[str, ...]:
        return ()


def _reference(path: Path) -> _Reference:
    if path.is_dir():
        return _DataSet(path)
    try:
        return _Named(read_references(path), path)
    except GainspectError as error:
        if " is missing" not in error.what:
            raise
        try:
            return _DataSet(path)
        except GainspectError as other:
            if " is missing" not in other.what:
                raise
        raise GainspectError(
            "it has neither the columns part and reference nor those of a manifest, image and label",
            where=path,
            hint=error.hint,
        ) from None


def _as_path(name: str) -> str:
    """A part's name as it is compared with the end of a path."""
    return name.replace("\\", "/").removeprefix("./").strip("/")


def _tails(path: tuple[str, ...]) -> Iterator[str]:
    """All ends of a path, with its suffix and without."""
    for start in range(len(path)):
        tail = "/".join(path[start:]).lstrip("/")
        yield tail
        stem = posixpath.splitext(tail)[0]
        if stem != tail:
            yield stem


def _parts_of(path: Path) -> Iterator[tuple[str, _Verdict]]:
    """Each verdict of a file, under its path from the folder that all images have in common."""
    verdicts = list(_verdicts(path))
    if not verdicts:
        raise GainspectError("it holds no verdicts", where=path, hint="See `gainspect inspect --out`.")
    folders = [verdict.path[:-1] for verdict in verdicts]
    if len({folder[:1] == ("/",) for folder in folders}) > 1:
        raise GainspectError(
            "some images have absolute names, others relative ones, so that they have no folder in common",
            where=path,
            hint="Judge them again with names of one kind.",
        )
    common = len(posixpath.commonprefix(folders))
    for verdict in verdicts:
        yield "/".join(verdict.path[common:]), verdict


def _verdicts(path: Path) -> Iterator[_Verdict]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise GainspectError(f"cannot read it ({why})", where=path) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _verdict(line, f"{path}, line {number}")


def _verdict(line: str, where: str) -> _Verdict:
    try:
        record: Any = json.loads(line)
        if "decision" in record:
            return _decided(record, where)
        image, said, error = record["image"], record["verdict"], record["error"]
        sha256, bundle = record.get("sha256"), record.get("bundle")
        named = isinstance(image, str) and (said is not None or error is not None)
    except (json.JSONDecodeError, TypeError, KeyError, AttributeError):
        named = False
    if not named:
        raise GainspectError(
            "this is no record of a verdict",
            where=where,
            hint="Give verdicts.jsonl or decisions.jsonl of `gainspect inspect`.",
        )
    if image == _STDIN:
        raise GainspectError(
            "an image from stdin has no name", where=where, hint="Judge a file, so that its part has a name."
        )
    # A part that nothing can be said of goes to a person.
    label = Label.REVIEW if said is None else decision_of(str(said), where)
    whole = posixpath.normpath(composed(unescaped(image)).replace("\\", "/"))
    path = tuple(map(escaped, (["/"] if whole.startswith("/") else []) + whole.strip("/").split("/")))
    return _Verdict(where, path, label, sha256 or "", bundle, said is not None)


def _decided(record: Mapping[str, Any], where: str) -> _Verdict:
    """The decision on a part of several images; its hash is that of those of its files, in order of these."""
    part, files = record["part"], sorted(str(file or "") for file in record["sha256"])
    sha256 = hashlib.sha256("\n".join(files).encode()).hexdigest() if all(files) else ""
    read = ReviewReason.UNREADABLE not in record["fired"]
    label = decision_of(str(record["decision"]), where)
    return _Verdict(where, tuple(str(part).split("/")), label, sha256, record.get("bundle"), read)


def _require_once(name: str, verdict: _Verdict, places: dict[str, str]) -> None:
    first = places.setdefault(name, verdict.place)
    if first != verdict.place:
        raise GainspectError(
            f"part {name!r} was judged already in {first}",
            where=verdict.place,
            hint="A further trial is a further file of verdicts; a part here is one image.",
        )


def _require_one_bundle(bundles: Mapping[str, str]) -> None:
    if len(bundles) > 1:
        (first, _), (other, place), *_ = bundles.items()
        raise GainspectError(
            f"this verdict is of another bundle ({other[:12]}) than the first ({first[:12]})",
            where=place,
            hint="Make the rows of each bundle by themselves, with an --appraiser of its own.",
        )
