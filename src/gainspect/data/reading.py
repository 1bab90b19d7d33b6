"""Reading images and masks within a limit on their decoded size, which is checked before decoding."""

from pathlib import Path

from gainspect.data import decode, masks
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_within
from gainspect.types import Image, Mask


def read_image(path: Path, max_mpx: float | None = None, hint: str = RAISE_BY_ENVIRONMENT) -> Image:
    """As `decode.read_image`, if the image is within the limit.

    Args:
        path: the file.
        max_mpx: the limit, in millions of decoded pixels; None: the default, see `require_limit`.
        hint: how to raise the limit, as a sentence.

    Raises:
        GainspectError: the image is over the limit, or cannot be read.
    """
    require_within(path, require_limit(max_mpx), where=path, hint=hint)
    return decode.read_image(path)


def decode_image(
    content: bytes, where: str | Path, max_mpx: float | None = None, hint: str = RAISE_BY_ENVIRONMENT
) -> Image:
    """As `read_image`, from a file's bytes; `where` names them in errors."""
    require_within(content, require_limit(max_mpx), where=where, hint=hint)
    return decode.decode_image(content, where)


def read_mask(path: Path, shape: tuple[int, ...] | None = None, max_mpx: float | None = None) -> Mask:
    """As `masks.read_mask`, if the mask is within the limit.

    Raises:
        GainspectError: the mask is over the limit, cannot be read, has another size than `shape`, or has more
            than two values.
    """
    require_within(path, require_limit(max_mpx), where=path, hint=RAISE_BY_ENVIRONMENT)
    return masks.read_mask(path, shape)
