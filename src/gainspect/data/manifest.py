"""The manifest: which image is which part, OK or NG, with which mask, and in which split."""

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.files import write_text
from gainspect.types import Label

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_COLUMNS = ("image", "label", "mask", "group", "defect_type", "split")
_REQUIRED = ("image", "label")


@dataclass(frozen=True)
class Part:
    """One image of one physical part."""

    image: Path
    label: Label
    mask: Path | None = None
    group: str = ""
    """The physical part: images of one group never cross splits. `checked` gives each image that names none
    a group of its own."""
    defect_type: str | None = None
    split: Split | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    """Free columns."""


@dataclass(frozen=True)
class Manifest:
    """Parts, and the folder that their names are relative to."""

    root: Path
    parts: tuple[Part, ...]

    def split(self, name: str) -> "Manifest":
        """The parts of one split."""
        return replace(self, parts=tuple(part for part in self.parts if part.split == name))

    def key(self, part: Part) -> str:
        """The image's name in tables: its path relative to the root, with forward slashes."""
        return _relative(part.image, self.root)

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(N,) True for NG."""
        return np.array([part.label is Label.NG for part in self.parts], dtype=np.bool_)

    def fingerprint(self, hashes: Mapping[str, str] | None = None) -> str:
        """SHA-256 over the canonical JSON of all parts: names, labels, groups, types, splits, file hashes.

        Args:
            hashes: SHA-256 of each image and mask by its path relative to the root, if it is already known.
        """

        def hashed(file: Path | None) -> list[str] | None:
            if file is None:
                return None
            name = _relative(file, self.root)
            known = hashlib.sha256(file.read_bytes()).hexdigest() if hashes is None else hashes[name]
            return [name, known]

        rows = [
            {
                "image": hashed(part.image),
                "mask": hashed(part.mask),
                "label": part.label.value,
                "group": part.group,
                "defect_type": part.defect_type or "",
                "split": part.split or "",
            }
            for part in sorted(self.parts, key=self.key)
        ]
        return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(path: Path, *, root: Path | None = None) -> Manifest:
    """Read a manifest file, .csv or .parquet.

    Args:
        path: the file.
        root: what names in it are relative to; its own folder by default.

    Raises:
        GainspectError: with file, line and what to do.
    """
    if not path.is_file():
        raise GainspectError(
            "there is no such file or folder",
            where=path,
            hint="Name a data folder or a manifest .csv/.parquet.",
        )
    rows = _parquet_rows(path) if path.suffix == ".parquet" else read_csv(path, _REQUIRED)
    root = path.parent if root is None else root
    parts = tuple(_part(row, root, f"{path}, {place}") for place, row in rows)
    return checked(Manifest(root, parts), where=path)


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Write a CSV whose names are relative to the manifest's root, atomically."""
    extras = list(dict.fromkeys(name for part in manifest.parts for name in part.extra))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *extras])
    for part in manifest.parts:
        mask = "" if part.mask is None else _relative(part.mask, manifest.root)
        known = (manifest.key(part), part.label, mask, part.group, part.defect_type or "", part.split or "")
        writer.writerow([*known, *(part.extra.get(name, "") for name in extras)])
    write_text(path, text.getvalue())


def checked(manifest: Manifest, where: Path) -> Manifest:
    """The manifest with a group for every image, if it holds images, each once, and their files are there.

    Raises:
        GainspectError: it is empty, names an image twice, or a file that is not there.
    """
    if not manifest.parts:
        raise GainspectError("there are no images", where=where, hint="See `docs/data.md` for the layouts.")
    seen: set[str] = set()
    for part in manifest.parts:
        if manifest.key(part) in seen:
            raise GainspectError(f"image {manifest.key(part)!r} is named twice", where=where)
        seen.add(manifest.key(part))
        for kind, file in (("image", part.image), ("mask", part.mask)):
            if file is not None and not file.is_file():
                raise GainspectError(f"{kind} {_relative(file, manifest.root)!r} is not there", where=where)
    return _grouped(manifest)


def _grouped(manifest: Manifest) -> Manifest:
    """An image without a group becomes its own, under its stem, or its key where others have that name."""
    names = Counter(part.group or part.image.stem for part in manifest.parts)

    def group(part: Part) -> str:
        # Folders often number their images alike: 000.png in one is not the part 000.png of another.
        alone = part.image.stem if names[part.image.stem] == 1 else manifest.key(part)
        return part.group or alone

    return replace(manifest, parts=tuple(replace(part, group=group(part)) for part in manifest.parts))


def require_both_classes(manifest: Manifest, *, what: str) -> None:
    """Refuse parts of one class only; `what` names them.

    Raises:
        GainspectError: no OK or no NG images.
    """
    labels = manifest.labels
    for missing, absent in (("NG", not labels.any()), ("OK", labels.all())):
        if absent:
            raise GainspectError(
                f"{what} has no {missing} images",
                where=manifest.root,
                hint="Training and judging need both OK and NG parts: add some, or change the split.",
            )


def _part(row: Mapping[str, str], root: Path, where: str) -> Part:
    label, split = row["label"].lower(), row.get("split", "").lower()
    if label not in {"ok", "ng"}:
        raise GainspectError(f"label {row['label']!r} is not ok or ng", where=where)
    if split and split not in SPLITS:
        raise GainspectError(f"split {split!r} is not train, val or test", where=where)
    if not row["image"]:
        raise GainspectError("the image is not named", where=where)
    image = root / row["image"]
    return Part(
        image=image,
        label=Label(label),
        mask=root / row["mask"] if row.get("mask") else None,
        group=row.get("group", ""),
        defect_type=row.get("defect_type") or None,
        split=split if split else None,
        extra={name: value for name, value in row.items() if name not in _COLUMNS},
    )


def read_csv(path: Path, required: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a UTF-8 CSV with its place ("line 3"); values without blanks around them.

    Raises:
        GainspectError: not UTF-8, not CSV, a required column is missing, or a column is there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GainspectError(f"cannot read it as UTF-8 text ({error})", where=path) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    try:
        _require_columns(reader.fieldnames or [], required, path)
        for row in reader:
            yield f"line {reader.line_num}", {name: value.strip() for name, value in row.items() if name}
    except csv.Error as error:
        raise GainspectError(f"line {reader.line_num + 1} is not CSV ({error})", where=path) from error


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise GainspectError(
            "reading Parquet needs pyarrow", where=path, hint="pip install 'gainspect[parquet]'."
        ) from error
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise GainspectError(f"cannot read it as Parquet ({error})", where=path) from error
    _require_columns(list(rows[0]) if rows else _REQUIRED, _REQUIRED, path)
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", {name: "" if value is None else str(value) for name, value in row.items()}


def _require_columns(names: Iterable[str], required: Iterable[str], path: Path) -> None:
    found = Counter(names)
    for name in required:
        if name not in found:
            there = ", ".join(found) or "nothing"
            raise GainspectError(
                f"column {name!r} is missing", where=path, hint=f"Its first line names {there}."
            )
    for name, count in found.items():
        if name and count > 1:
            raise GainspectError(f"column {name!r} is there twice", where=path, hint="Rename one of them.")


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
