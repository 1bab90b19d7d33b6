"""Which images a model was trained or validated on, by hashes that give no image away."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from gainspect.data.decode import image_samples, rgb8_of
from gainspect.data.depth import FULL
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_within
from gainspect.data.manifest import Manifest, Split
from gainspect.data.samples import Pixels
from gainspect.errors import GainspectError
from gainspect.types import Image

SEEN = "seen.json"
"""The name of the file, in a run folder and in a bundle."""
SeenChoice = Literal["refuse", "allow"]
"""What to do with a test part that contains images the model has seen."""
_SPLITS: tuple[Split, ...] = ("train", "val")
_SHOWN = 20
"""Names in a message."""


@dataclass(frozen=True)
class SeenImages:
    """The images that a model has seen; an image is known by the bytes of its file, and by its pixels."""

    files: Mapping[str, Split]
    """Part of the data by the SHA-256 of the file."""
    pixels: Mapping[str, Split]
    """The same by the SHA-256 of the decoded pixels, which survive another name, format or metadata."""

    @classmethod
    def of(cls, manifest: Manifest) -> "SeenImages":
        """Hash the images of the training and the validation part.

        Raises:
            GainspectError: an image cannot be read.
        """
        files: dict[str, Split] = {}
        pixels: dict[str, Split] = {}
        for split in reversed(_SPLITS):  # of an image in both, the training counts
            for part in manifest.split(split).parts:
                content = file_content(part.image)
                files[_sha256(content)] = split
                pixels[picture_sha256(content, part.image)] = split
        return cls(files, pixels)

    def among(self, manifest: Manifest) -> dict[str, Split]:
        """The images of a manifest that were seen, by their key, with the part they were seen in.

        Raises:
            GainspectError: an image cannot be read.
        """
        found: dict[str, Split] = {}
        for part in manifest.parts:
            content = file_content(part.image)
            split = self.files.get(_sha256(content))
            split = split or self.pixels.get(picture_sha256(content, part.image))
            if split is not None:
                found[manifest.key(part)] = split
        return found

    def __or__(self, other: "SeenImages") -> "SeenImages":
        """The images that one of two has; of an image in both, the training counts."""
        return SeenImages(
            {**other.files, **self.files, **_trained_on(other.files)},
            {**other.pixels, **self.pixels, **_trained_on(other.pixels)},
        )

    def and_those_of(self, manifest: Manifest) -> "SeenImages":
        """These images, and all of a manifest as seen in validation; what was trained on stays so.

        Raises:
            GainspectError: an image cannot be read.
        """
        parts = tuple(replace(part, split="val") for part in manifest.parts)
        return self | SeenImages.of(replace(manifest, parts=parts))

    def to_json(self) -> bytes:
        """The content of `seen.json`: sorted, so that no order of images can be read from it."""
        listed = {
            kind: {split: sorted(digest for digest, at in hashes.items() if at == split) for split in _SPLITS}
            for kind, hashes in (("files", self.files), ("pixels", self.pixels))
        }
        return (json.dumps({"version": 1, **listed}, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, where: str | Path) -> "SeenImages":
        """Read what `to_json` wrote.

        Raises:
            GainspectError: it is something else.
        """
        try:
            values: Any = json.loads(content)
            if values["version"] != 1:
                raise ValueError(f"its version is {values['version']!r}")
            files, pixels = (
                {str(digest): split for split in reversed(_SPLITS) for digest in values[kind][split]}
                for kind in ("files", "pixels")
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise GainspectError(
                f"cannot read the hashes of its training images ({error})",
                where=where,
                hint="Export the bundle again from its run.",
            ) from error
        return cls(files, pixels)


def _trained_on(hashes: Mapping[str, Split]) -> dict[str, Split]:
    return {digest: split for digest, split in hashes.items() if split == "train"}


def require_unseen(seen: Mapping[str, Split], total: int, *, what: str, where: Path) -> None:
    """Refuse to judge images that were seen as if they were new.

    Args:
        seen: the images that were seen, by their key.
        total: number of images.
        what: names these images.
        where: their data folder.

    Raises:
        GainspectError: `seen` is not empty; the message names them.
    """
    if not seen:
        return
    named = ", ".join(f"{name} ({split})" for name, split in list(seen.items())[:_SHOWN])
    more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
    raise GainspectError(
        f"{len(seen)} of {total} images of {what} were seen in training or validation: {named}{more}",
        where=where,
        hint="Take them out, or judge them all the same with `--seen allow` (all parts: `--split all`): "
        "the figures then say so.",
    )


def require_seen_choice(name: str) -> SeenChoice:
    """Look up a choice by its name.

    Raises:
        GainspectError: there is no such choice.
    """
    for choice in get_args(SeenChoice):
        if choice == name:
            chosen: SeenChoice = choice
            return chosen
    raise GainspectError(f"there is no --seen {name!r}", hint="Choose refuse or allow.")


def pixel_sha256(image: Image | Pixels) -> str:
    """SHA-256 over height, width and the pixels of an image, as hexadecimal digits."""
    digest = hashlib.sha256(f"{image.shape[0]} {image.shape[1]} ".encode())
    digest.update(image.data if image.flags.c_contiguous else image.tobytes())
    return digest.hexdigest()


def picture_sha256(content: bytes, where: str | Path) -> str:
    """`pixel_sha256` of the picture in a file, by which `SeenImages.pixels` knows it.

    Raises:
        GainspectError: see `pixels_of`.
    """
    return pixel_sha256(pixels_of(content, where))


def pixels_of(content: bytes, where: str | Path) -> Image | Pixels:
    """The picture in a file, upright; of a 16-bit file all 16 bits, whatever the depth of its data set is.

    Args:
        content: of the file.
        where: its name, for errors.

    Raises:
        GainspectError: it is over the limit, or cannot be read.
    """
    require_within(content, require_limit(), where=where, hint=RAISE_BY_ENVIRONMENT)
    samples = image_samples(content, where)
    return samples.values if samples.highest is None else rgb8_of(samples, FULL, where)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_content(path: Path) -> bytes:
    """What is in the file of an image.

    Raises:
        GainspectError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the image ({error.strerror})", where=path) from error
