"""Masks as files of 0 and 255 that lie as the file of their image lies."""

import struct
import zlib

import cv2
import numpy as np

from gainspect.data.orientation import UPRIGHT, orientation_of, upright
from gainspect.types import Mask

_BACK = {6: 8, 8: 6}
"""What turns an upright picture back, where it is not the orientation itself."""
_HEADER = 33
"""Bytes of the signature of a PNG and its chunk IHDR, which come first."""
_EXIF = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"
"""A TIFF of one entry, the orientation; its value and the end of the list follow."""


def mask_png(mask: Mask, image: bytes) -> bytes:
    """A mask as PNG.

    Of an image that its file has turned or mirrored, the mask lies as the image does, with the same EXIF
    orientation: so nothing has to tell whether it lies as stored or upright.

    Args:
        mask: (H, W) of 0 and 1, upright.
        image: the file of the image.
    """
    orientation = orientation_of(image)
    stored = upright(mask, _BACK.get(orientation, orientation))
    done, encoded = cv2.imencode(".png", stored * np.uint8(255))
    assert done  # as large as its image
    png = encoded.tobytes()
    if orientation == UPRIGHT:
        return png
    chunk = b"eXIf" + _EXIF + struct.pack("<HHI", orientation, 0, 0)
    exif = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:_HEADER] + exif + png[_HEADER:]
