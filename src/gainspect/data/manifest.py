"""The manifest: which image is which part, OK or NG, with which mask, and in which split."""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True)
class Part:
    """One image of one physical part."""

    image: Path
    label: Label
    mask: Path | None = None
    group: str = ""
    """The physical part: images of one group never cross splits. Default: the image alone."""
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

    def fingerprint(self) -> str:
        """SHA-256 over names, labels, groups, splits and the bytes of all images and masks."""
        digest = hashlib.sha256()
        for part in sorted(self.parts, key=self.key):
            row = (self.key(part), part.label, part.group, part.defect_type, part.split)
            digest.update(repr(row).encode())
            for file in (part.image, part.mask):
                if file is not None:
                    digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()


def load_manifest(path: Path, *, root: Path | None = None) -> Manifest:
    """Read a manifest (.csv, .parquet), or a folder that holds one or has the folder layout.

    Args:
        path: file or folder.
        root: what names in the file are relative to; its own folder by default.

    Raises:
        GainspectError: with file, line and what to do.
    """
    if path.is_dir():
        for name in ("manifest.csv", "manifest.parquet"):
            if (path / name).is_file():
                return load_manifest(path / name)
        from gainspect.data.importers.folder import import_folder

        return import_folder(path)
    if not path.is_file():
        raise GainspectError(
            "there is no such file or folder",
            where=path,
            mend="Name a data folder or a manifest .csv/.parquet.",
        )
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path)
    root = path.parent if root is None else root
    parts = tuple(_part(row, root, f"{path}, line {number}") for number, row in enumerate(rows, start=2))
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
    """Refuse a manifest that is empty, names an image twice, or a file that is not there."""
    if not manifest.parts:
        raise GainspectError("there are no images", where=where, mend="See `docs/data.md` for the layouts.")
    seen: set[Path] = set()
    for part in manifest.parts:
        if part.image in seen:
            raise GainspectError(f"image {manifest.key(part)!r} is named twice", where=where)
        seen.add(part.image)
        for kind, file in (("image", part.image), ("mask", part.mask)):
            if file is not None and not file.is_file():
                raise GainspectError(f"{kind} {_relative(file, manifest.root)!r} is not there", where=where)
    return manifest


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
                mend="Training and judging need both OK and NG parts: add some, or change the split.",
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
        group=row.get("group") or image.stem,
        defect_type=row.get("defect_type") or None,
        split=split if split else None,
        extra={name: value for name, value in row.items() if name not in _COLUMNS},
    )


def _csv_rows(path: Path) -> Iterable[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GainspectError(f"cannot read it as UTF-8 text ({error})", where=path) from error
    reader = csv.DictReader(io.StringIO(text), restkey="", restval="")
    _require_columns(reader.fieldnames or [], path)
    return ({name: (value or "").strip() for name, value in row.items() if name} for row in reader)


def _parquet_rows(path: Path) -> Iterable[dict[str, str]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise GainspectError(
            "reading Parquet needs pyarrow", where=path, mend="pip install 'gainspect[parquet]'."
        ) from error
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise GainspectError(f"cannot read it as Parquet ({error})", where=path) from error
    _require_columns(list(rows[0]) if rows else ["image", "label"], path)
    return ({name: "" if value is None else str(value) for name, value in row.items()} for row in rows)


def _require_columns(names: Iterable[str], path: Path) -> None:
    missing = [name for name in ("image", "label") if name not in set(names)]
    if missing:
        raise GainspectError(
            f"column {missing[0]!r} is missing", where=path, mend=f"The columns are {', '.join(_COLUMNS)}."
        )


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
