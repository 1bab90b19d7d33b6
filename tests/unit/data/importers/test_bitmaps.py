"""Pixels from image files and from images within labels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drawn_labels import photo
from gainspect.data.importers.bitmaps import pixels_of_file, pixels_of_image
from gainspect.data.importers.source import Source
from gainspect.errors import GainspectError

_SHAPE = np.zeros((9, 7), np.uint8)
_SHAPE[2:5, 1:6] = 1


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize(
    "pixels",
    [
        _SHAPE,
        _SHAPE * 255,
        np.dstack([_SHAPE * 0, _SHAPE * 0, _SHAPE * 200]),
        np.dstack([_SHAPE * 9, _SHAPE * 0, _SHAPE * 0, np.full_like(_SHAPE, 255)]),
        np.dstack([_SHAPE * 0, _SHAPE * 0, _SHAPE * 0, _SHAPE * 120]),
        np.dstack([np.full_like(_SHAPE, 80)] * 3 + [_SHAPE * 255]),
    ],
    ids=["1", "255", "color", "opaque", "black on transparent", "color on transparent"],
)
def test_a_shape_is_what_is_not_black_and_not_transparent(pixels: NDArray[np.uint8]) -> None:
    found = pixels_of_image(_png(pixels), "a.json", left=3, top=-2)
    assert (found.decode() == _SHAPE).all()
    assert (found.left, found.top) == (3, -2)


def test_nothing_is_drawn_on_black() -> None:
    assert not pixels_of_image(_png(_SHAPE * 0), "a.json").decode().any()


def test_damaged_bytes_are_refused_with_their_place_when_they_are_needed() -> None:
    found = pixels_of_image(_png(_SHAPE)[:40], "a.json, shape 3")
    with pytest.raises(GainspectError, match=r"a\.json, shape 3"):
        found.decode()


def test_a_mask_file_is_read_when_it_is_needed_and_not_taken_for_an_image(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "m.png"), _SHAPE * 255)
    source = Source(tmp_path)
    assert (pixels_of_file(source, tmp_path / "m.png").decode() == _SHAPE).all()
    assert source.used == {tmp_path / "m.png"}
