"""Data that changed after a training are refused, and the first changed file is named."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gainspect.data.manifest import Manifest, Part
from gainspect.data.unchanged import DataRecord, older_fingerprint
from gainspect.errors import GainspectError
from gainspect.types import Label


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    parts = []
    for name, label, split in (("a", Label.OK, "train"), ("b", Label.NG, "val"), ("c", Label.NG, "test")):
        (tmp_path / f"{name}.png").write_bytes(name.encode())
        mask = tmp_path / f"{name}-mask.png" if name == "b" else None
        if mask is not None:
            mask.write_bytes(b"mask")
        kind = "pit" if label is Label.NG else None
        parts.append(Part(tmp_path / f"{name}.png", label, mask, f"g'{name}", kind, split))
    return Manifest(tmp_path, tuple(parts))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_fingerprint_is_the_hash_of_canonical_json(manifest: Manifest) -> None:
    def row(name: str, label: str, kind: str, split: str, mask: list[str] | None) -> dict[str, object]:
        image = [f"{name}.png", sha(name.encode())]
        known = {"image": image, "mask": mask, "label": label, "group": f"g'{name}"}
        return known | {"defect_type": kind, "split": split}

    rows = [
        row("a", "ok", "", "train", None),
        row("b", "ng", "pit", "val", ["b-mask.png", sha(b"mask")]),
        row("c", "ng", "pit", "test", None),
    ]
    expected = sha(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode())
    assert manifest.fingerprint() == expected
    assert replace(manifest, parts=manifest.parts[::-1]).fingerprint() == expected
    record = DataRecord.of(manifest)
    assert record.fingerprint == expected
    assert record.files == {
        **{f"{name}.png": sha(name.encode()) for name in "abc"},
        "b-mask.png": sha(b"mask"),
    }


def test_the_older_fingerprint_is_what_python_wrote_of_tuples(manifest: Manifest) -> None:
    """By the formula of version 0.1, as it stood there."""
    digest = hashlib.sha256()
    for part in sorted(manifest.parts, key=manifest.key):
        row = (manifest.key(part), part.label, part.group, part.defect_type, part.split)
        digest.update(repr(row).encode())
        for file in (part.image, part.mask):
            if file is not None:
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    assert older_fingerprint(manifest) == digest.hexdigest()


def with_part(manifest: Manifest, index: int, **changes: object) -> Manifest:
    parts = list(manifest.parts)
    parts[index] = replace(parts[index], **changes)  # type: ignore[arg-type]
    return replace(manifest, parts=tuple(parts))


def image_changed(manifest: Manifest) -> Manifest:
    (manifest.root / "c.png").write_bytes(b"another")
    (manifest.root / "b.png").write_bytes(b"another")
    return manifest


def mask_changed(manifest: Manifest) -> Manifest:
    (manifest.root / "b-mask.png").write_bytes(b"another")
    return manifest


def mask_taken_away(manifest: Manifest) -> Manifest:
    return with_part(manifest, 1, mask=None)


def image_added(manifest: Manifest) -> Manifest:
    (manifest.root / "d.png").write_bytes(b"d")
    return replace(manifest, parts=(*manifest.parts, Part(manifest.root / "d.png", Label.OK, split="test")))


def swapped(manifest: Manifest) -> Manifest:
    (manifest.root / "a.png").write_bytes(b"c")
    (manifest.root / "c.png").write_bytes(b"a")
    return manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (image_changed, r"b\.png has changed since"),
        (mask_changed, r"b-mask\.png has changed"),
        (mask_taken_away, r"b-mask\.png is gone"),
        (image_added, r"d\.png is new"),
        (swapped, r"a\.png has changed"),
        (lambda m: with_part(m, 0, label=Label.NG), "labels, groups, defect types or splits"),
        (lambda m: with_part(m, 0, group="other"), "labels, groups"),
        (lambda m: with_part(m, 1, defect_type="scratch"), "labels, groups"),
        (lambda m: with_part(m, 0, split="test"), "labels, groups"),
    ],
)
def test_every_change_is_refused_and_named(
    manifest: Manifest, change: Callable[[Manifest], Manifest], message: str
) -> None:
    record = DataRecord.of(manifest)
    older = DataRecord(older_fingerprint(manifest), {})
    for known in (record, older):
        known.require_unchanged(manifest, run=Path("RUN"))
    changed = change(manifest)
    with pytest.raises(GainspectError, match=rf"{message}.*RUN was trained on other data"):
        record.require_unchanged(changed, run=Path("RUN"))
    with pytest.raises(GainspectError, match=r"have changed since the training .an older run"):
        older.require_unchanged(changed, run=Path("RUN"))


def test_data_that_moved_are_the_same(manifest: Manifest, tmp_path: Path) -> None:
    record, moved = DataRecord.of(manifest), tmp_path / "moved"
    moved.mkdir()

    def place(file: Path | None) -> Path | None:
        return None if file is None else file.rename(moved / file.name)

    parts = tuple(replace(part, image=place(part.image), mask=place(part.mask)) for part in manifest.parts)
    record.require_unchanged(Manifest(moved, parts), run=Path("RUN"))


def test_a_file_that_cannot_be_read_is_a_sentence(manifest: Manifest) -> None:
    (manifest.root / "a.png").unlink()
    with pytest.raises(GainspectError, match=r"a\.png: cannot read the file"):
        DataRecord.of(manifest)


@pytest.mark.parametrize("name", ["part\udcba.png", "a\\xba.png", "two\nlines.png"])
def test_names_that_no_text_can_hold_are_recorded_as_tables_write_them(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"image")
    manifest = Manifest(tmp_path, (Part(tmp_path / name, Label.OK, None, "g", None, "train"),))
    record = DataRecord.of(manifest)
    assert list(record.files) == [manifest.key(manifest.parts[0])]
    record.require_unchanged(manifest, run=tmp_path)
