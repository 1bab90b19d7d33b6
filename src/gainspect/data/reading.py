"""Reading images and masks within a limit on their decoded size, which is checked before decoding."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gainspect.data import decode, masks
from gainspect.data.containers import kind_of
from gainspect.data.containers.kinds import TIFF
from gainspect.data.depth import Depth, DepthFinder
from gainspect.data.image_header import (
    RAISE_BY_ENVIRONMENT,
    image_size,
    may_have_16_bits,
    require_limit,
    require_within,
)
from gainspect.data.mask_values import MaskValues
from gainspect.data.masks import Marks
from gainspect.data.orientation import orientation_of, turns_sideways
from gainspect.errors import GainspectError
from gainspect.types import Image, Mask


@dataclass(frozen=True)
class Reading:
    """How the files of a data set are read."""

    depth: Depth | None = None
    """How many of their bits 16-bit images use; None: not known, such images are refused."""
    mask_values: MaskValues | None = None
    """What the values of masks mean; None: 0 is background, and one other value is the defect."""

    def image(self, path: Path) -> Image:
        """As `read_image`.

        Raises:
            GainspectError: the image is over the limit, cannot be read, or is not of this depth.
        """
        return read_image(path, self.depth)

    def shape(self, path: Path) -> tuple[int, int]:
        """Height and width of `image`, which is not decoded; a TIFF is, whose header may state several sizes.

        Raises:
            GainspectError: the file cannot be read.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise GainspectError(f"cannot read the image ({error.strerror})", where=path) from error
        size = None if kind_of(content) == TIFF else image_size(io.BytesIO(content))
        if size is None:
            height, width, _ = self.image(path).shape
            return height, width
        width, height = size
        return (width, height) if turns_sideways(orientation_of(content)) else (height, width)

    def marks(self, path: Path, shape: tuple[int, ...] | None, image: Path) -> Marks:
        """As `masks.read_marks`, if the mask is within the limit.

        Raises:
            GainspectError: the mask is over the limit, cannot be read, has another size than `shape`, or
                values that it may not have.
        """
        require_within(path, require_limit(), where=path, hint=RAISE_BY_ENVIRONMENT)
        return masks.read_marks(path, shape, image=image, values=self.mask_values)

    def ignored(self, path: Path, shape: tuple[int, ...] | None, image: Path) -> Mask:
        """What a mask marks that says nothing but what to ignore, (H, W); `mask_values` are not for it.

        Raises:
            GainspectError: see `marks`.
        """
        require_within(path, require_limit(), where=path, hint=RAISE_BY_ENVIRONMENT)
        return masks.read_marks(path, shape, image=image).defect


def find_depth(images: Iterable[Path], finder: DepthFinder) -> DepthFinder:
    """Show a finder the 16-bit files among some images; only those are decoded.

    Raises:
        GainspectError: an image is over the limit, cannot be read, or has larger values than the depth that
            is set allows.
    """
    for path in images:
        if may_have_16_bits(path):
            require_within(path, require_limit(), where=path, hint=RAISE_BY_ENVIRONMENT)
            finder.add(decode.read_samples(path), path)
    return finder


def read_image(
    path: Path,
    depth: Depth | None = None,
    max_mpx: float | None = None,
    hint: str = RAISE_BY_ENVIRONMENT,
) -> Image:
    """As `decode.read_image`, if the image is within the limit.

    Args:
        path: the file.
        depth: how many of their bits 16-bit files use; None: not known, so they are refused.
        max_mpx: the limit, in millions of decoded pixels; None: the default, see `require_limit`.
        hint: how to raise the limit, as a sentence.

    Raises:
        GainspectError: the image is over the limit, cannot be read, or is not of this depth.
    """
    require_within(path, require_limit(max_mpx), where=path, hint=hint)
    return decode.read_image(path, depth)


def decode_image(
    content: bytes,
    where: str | Path,
    depth: Depth | None = None,
    max_mpx: float | None = None,
    hint: str = RAISE_BY_ENVIRONMENT,
) -> Image:
    """As `read_image`, from a file's bytes; `where` names them in errors."""
    require_within(content, require_limit(max_mpx), where=where, hint=hint)
    return decode.decode_image(content, where, depth)
