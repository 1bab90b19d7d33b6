"""Whether the data of a run are still those that it was trained on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gainspect.data.manifest import Manifest, relative_name
from gainspect.errors import GainspectError


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
