"""Lines lie around what is marked, at any scale, and leave it visible."""

import numpy as np
import pytest

from gainspect.report.drawing.heat import OUTLINE
from gainspect.report.drawing.marked_picture import IGNORED, marked_picture

GREY = 120


def near(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture.astype(int) - color).sum(axis=2) < 60


@pytest.mark.parametrize(("side", "shape"), [(240, (600, 800)), (240, (60, 80)), (100, (3000, 1200))])
def test_defect_and_ignored_area_have_lines_of_their_own_color(side: int, shape: tuple[int, int]) -> None:
    height, width = shape
    image = np.full((*shape, 3), GREY, np.uint8)
    defect, ignored = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    defect[height // 8 : height // 4, width // 4 : width // 2] = 1
    ignored[height // 2 : height * 3 // 4, width // 4 : width // 2] = 1
    picture = marked_picture(image, defect, ignored, side)
    assert max(picture.shape[:2]) == side
    factor = side / max(shape)
    for color, rows in ((OUTLINE, (height // 8, height // 4)), (IGNORED, (height // 2, height * 3 // 4))):
        on = np.argwhere(near(picture, color))
        top, left = on.min(axis=0) / factor
        bottom, right = on.max(axis=0) / factor
        # A line's middle lies 3 px of the picture outside, and it is about 2 px wide.
        slack = 6 / factor
        assert rows[0] - slack <= top <= rows[0] and rows[1] <= bottom <= rows[1] + slack
        assert width // 4 - slack <= max(left, width // 4 - slack) <= width // 4
        assert right >= min(width // 2, width - 1) - 1 / factor
    inside = marked_picture(image, defect, None, side)
    middle = round(factor * height * 3 / 16), round(factor * width * 3 / 8)
    assert (inside[middle] == GREY).all()


def test_a_defect_of_one_pixel_in_a_large_image_has_a_line() -> None:
    image = np.full((4000, 4000, 3), GREY, np.uint8)
    defect = np.zeros((4000, 4000), np.uint8)
    defect[1234, 2345] = 1
    found = np.argwhere(near(marked_picture(image, defect, None, 240), OUTLINE))
    assert np.abs(found.mean(axis=0) - np.array([1234, 2345]) * 240 / 4000).max() < 1


def test_nothing_marked_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    empty = np.zeros((90, 120), np.uint8)
    assert (marked_picture(image, empty, None, 120) == image).all()
    assert (marked_picture(image, None, None, 120) == image).all()
