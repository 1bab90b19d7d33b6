import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.data.mask_files import mask_png
from gainspect.data.masks import read_marks
from gainspect.data.seen import pixels_of


def turned_png(orientation: int, height: int, width: int) -> bytes:
    """A PNG with an EXIF orientation (PNG 1.5 extensions, chunk eXIf; Exif 2.32, tag 0x0112, big-endian)."""
    png = cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    chunk = b"eXIf" + tiff
    return png[:33] + struct.pack(">I", len(tiff)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(7, 5), (6, 6)])
def test_a_mask_is_read_as_it_was_drawn_on_the_upright_image(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    image, mask = tmp_path / "a.png", tmp_path / "a_mask.png"
    image.write_bytes(turned_png(orientation, *size))
    shape = pixels_of(image.read_bytes(), image).shape
    drawn = np.random.default_rng(orientation).integers(0, 2, shape[:2], dtype=np.uint8)
    mask.write_bytes(mask_png(drawn, image.read_bytes()))
    np.testing.assert_array_equal(read_marks(mask, shape, image=image).defect, drawn)
