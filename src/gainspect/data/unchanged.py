"""Whether the data of a run are still those that it was trained on."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gainspect.data.manifest import COLUMNS, Manifest, relative_name
from gainspect.data.tables import Row, read_rows
from gainspect.errors import GainspectError
from gainspect.types import Label

_SAID = {
    "label": "label",
    "defect_type": "defect type",
    "mask": "mask",
    "mask_kind": "kind of mask",
    "ignore": "ignored region",
    "part": "part",
}
"""What labels say of an image: columns of a manifest, and what each is called."""


@dataclass(frozen=True)
class DataRecord:
    """What a run remembers of its data."""

    fingerprint: str
    """`Manifest.fingerprint`, or in runs of older versions `older_fingerprint`."""
    files: Mapping[str, str]
    """SHA-256 of each image and mask by its path relative to the data folder; empty in older runs."""

    @classmethod
    def of(cls, manifest: Manifest) -> "DataRecord":
        """Read and hash all images and masks.

        Raises:
            GainspectError: one of them cannot be read.
        """
        files = _hashes(manifest)
        return cls(manifest.fingerprint(files), files)

    def require_unchanged(self, manifest: Manifest, *, run: Path) -> None:
        """Refuse data that differ from those of the record.

        Args:
            manifest: the parts, as the run splits them.
            run: the run folder, for the message.

        Raises:
            GainspectError: a file or a row has changed; the message names the first changed file.
        """
        hint = f"Restore it, or train anew: the run {run} was trained on other data."
        if not self.files:
            if self.fingerprint not in (older_fingerprint(manifest), manifest.fingerprint()):
                raise GainspectError(
                    "the data have changed since the training (an older run does not record which file)",
                    where=manifest.root,
                    hint=hint,
                )
            return
        found = _hashes(manifest)
        for name in sorted(found.keys() | self.files.keys()):
            if found.get(name) != self.files.get(name):
                what = (
                    "is new" if name not in self.files else "is gone" if name not in found else "has changed"
                )
                raise GainspectError(f"{name} {what} since the training", where=manifest.root, hint=hint)
        if manifest.fingerprint(found) != self.fingerprint:
            raise GainspectError(
                "labels, groups, defect types or splits have changed since the training",
                where=manifest.root,
                hint=hint,
            )


def require_same_rows(known: Path, found: Path, *, run: Path) -> None:
    """Refuse labels that say something else of an image of a run than they did for its training.

    Images that the run does not have are left out, and so are files that a row names: they are compared by
    `DataRecord.require_unchanged`. A defect type that masks named for the run may be missing now.

    Args:
        known: the parts as the run has them, a manifest file.
        found: what the labels say now, another one.
        run: the run folder, for the message.

    Raises:
        GainspectError: they do; the message names the first image and what is said of it.
    """
    hint = f"Restore the labels, or train anew: the run {run} was trained on others."
    now = {row.text("image"): row for row in _rows(found)}
    for row in _rows(known):
        image = row.text("image")
        if image not in now:
            raise GainspectError(f"{image} is gone since the training", where=found, hint=hint)
        for column, called in _SAID.items():
            before, after = row.text(column), now[image].text(column)
            if column == "defect_type" and not after and row.text("label") == Label.NG:
                continue  # its mask named it
            if before != after:
                raise GainspectError(
                    f"the {called} of {image} was {before or 'none'} in the training, and now is "
                    f"{after or 'none'}",
                    where=found,
                    hint=hint,
                )


def _rows(manifest: Path) -> Iterator[Row]:
    return read_rows(manifest, known=COLUMNS, required=("image", "label"))


def older_fingerprint(manifest: Manifest) -> str:
    """The fingerprint that older versions took, by which their runs are still recognized.

    It was taken over Python's text of tuples; that text is written out here, so that it stays what it was.
    """
    digest = hashlib.sha256()
    for part in sorted(manifest.parts, key=manifest.key):
        label = f"<Label.{part.label.name}: {part.label.value!r}>"
        others = ", ".join(repr(value) for value in (part.group, part.defect_type, part.split))
        digest.update(f"({manifest.key(part)!r}, {label}, {others})".encode())
        for file in (part.image, part.mask):
            if file is not None:
                digest.update(hashlib.sha256(_content(file)).digest())
    return digest.hexdigest()


def _hashes(manifest: Manifest) -> dict[str, str]:
    files = {file for part in manifest.parts for file in part.files.values()}
    return {
        relative_name(file, manifest.root): hashlib.sha256(_content(file)).hexdigest()
        for file in sorted(files)
    }


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the file ({error.strerror})", where=file) from error
