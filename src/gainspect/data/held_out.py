"""Images that no training may get: those of test parts and of challenges, by their hashes and groups."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gainspect.data.manifest import Manifest
from gainspect.data.seen import file_content, picture_sha256
from gainspect.names import composed


@dataclass(frozen=True)
class HeldOut:
    """Images that are held out; one is known by the bytes of its file, by its pixels, and by its group."""

    files: frozenset[str] = frozenset()
    """SHA-256 of files."""
    pixels: frozenset[str] = frozenset()
    """The same of the decoded pixels."""
    groups: frozenset[str] = frozenset()
    """Names of physical parts."""

    @classmethod
    def of(cls, manifest: Manifest) -> "HeldOut":
        """All images of a manifest.

        Raises:
            GainspectError: an image cannot be read.
        """
        groups = {name for part in manifest.parts for name in (part.group, part.part) if name}
        return cls.of_files((part.image for part in manifest.parts), groups)

    @classmethod
    def of_files(cls, images: Iterable[Path], groups: Collection[str] = ()) -> "HeldOut":
        """Some files, and groups that they show.

        Raises:
            GainspectError: an image cannot be read.
        """
        files, pixels = set[str](), set[str]()
        for image in images:
            content = file_content(image)
            files.add(hashlib.sha256(content).hexdigest())
            pixels.add(picture_sha256(content, image))
        return cls(frozenset(files), frozenset(pixels), frozenset(map(composed, groups)))

    def __or__(self, other: "HeldOut") -> "HeldOut":
        """The images that one of two holds out."""
        return HeldOut(self.files | other.files, self.pixels | other.pixels, self.groups | other.groups)

    def has_image(self, file: str, pixels: str) -> bool:
        """Whether an image with these hashes is held out."""
        return file in self.files or pixels in self.pixels

    def has_group(self, names: Iterable[str]) -> bool:
        """Whether one of these names is that of a group."""
        return any(composed(name) in self.groups for name in names)


def stem_of(name: str) -> str:
    r"""The stem of a file's name, as a manifest calls a group that is not named.

    >>> stem_of("in/a.1.png"), stem_of("C:\\in\\b.png")
    ('a.1', 'b')
    """
    return composed(PurePosixPath(name.replace("\\", "/")).stem).strip()
