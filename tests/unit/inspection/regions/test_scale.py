"""The scale from rendered patterns whose spacing is known."""

import cv2
import numpy as np
import pytest

from gainspect.errors import GainspectError
from gainspect.inspection.regions.scale import GridSize, grid_size, require_scale, scale_of


def rendered(inside, *, angle=0.0, tilt=0.0, size=(520, 640), fine=3):
    """An image of a pattern: `inside(x, y)` is 1 where it is dark, in pixels from the middle of the image.

    It is turned by `angle` degrees, and looks shorter along one of its axes by the share `tilt`.
    """
    height, width = size
    y, x = np.mgrid[: height * fine, : width * fine] / fine - np.array([height, width]).reshape(2, 1, 1) / 2
    turn = np.deg2rad(angle)
    u, v = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / (1 - tilt)
    dark = inside(u, v).reshape(height, fine, width, fine).mean(axis=(1, 3))
    gray = cv2.GaussianBlur((230 - 200 * dark).astype(np.float32), (0, 0), 0.7)
    return np.repeat(gray.astype(np.uint8)[:, :, None], 3, axis=2)


def checkerboard(columns, rows, side):
    def inside(u, v):
        across, down = u / side + (columns + 1) / 2, v / side + (rows + 1) / 2
        on_it = (across > 0) & (across < columns + 1) & (down > 0) & (down < rows + 1)
        return on_it & ((np.floor(across) + np.floor(down)) % 2 == 0)

    return inside


def circles(columns, rows, side, radius):
    def inside(u, v):
        across, down = u / side + (columns - 1) / 2, v / side + (rows - 1) / 2
        near_x, near_y = np.clip(np.rint(across), 0, columns - 1), np.clip(np.rint(down), 0, rows - 1)
        return np.hypot(across - near_x, down - near_y) * side <= radius

    return inside


@pytest.mark.parametrize("angle", [0, 7, 30, 90])
@pytest.mark.parametrize("side", [20.0, 31.7])
def test_a_checkerboard_gives_the_side_of_its_squares(angle, side):
    image = rendered(checkerboard(9, 6, side), angle=angle)
    assert scale_of(image, GridSize(9, 6), 5.0) == pytest.approx(5 / side, rel=0.003)


@pytest.mark.parametrize("angle", [0, 7, 30])
@pytest.mark.parametrize("bright", [False, True])
def test_a_grid_of_circles_gives_the_distance_of_their_centers(angle, bright):
    image = rendered(circles(7, 5, 40.0, 12.0), angle=angle)
    assert scale_of(255 - image if bright else image, GridSize(7, 5), 2.5) == pytest.approx(
        2.5 / 40, rel=0.003
    )


def test_a_pattern_seen_at_an_angle_is_refused():
    image = rendered(checkerboard(9, 6, 30.0), tilt=0.12)
    with pytest.raises(
        GainspectError, match=r"plate\.png: the spacing of the pattern differs by 1\d\.\d%.*at an angle"
    ):
        scale_of(image, GridSize(9, 6), 5.0, where="plate.png")


@pytest.mark.parametrize("size", [GridSize(8, 6), GridSize(10, 7)])
def test_another_count_than_that_of_the_pattern_is_not_found(size):
    with pytest.raises(GainspectError, match="no checkerboard with"):
        scale_of(rendered(checkerboard(9, 6, 30.0))[:, :330], size, 5.0)


def test_an_image_without_a_pattern_is_refused():
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for image in (noise, np.full_like(noise, 128)):
        with pytest.raises(GainspectError, match="no grid of 9x6 circles"):
            scale_of(image, GridSize(9, 6), 5.0)


@pytest.mark.parametrize("spacing", [0.0, -5.0, float("nan"), float("inf")])
def test_a_square_has_a_side(spacing):
    with pytest.raises(GainspectError, match="the side of a square is"):
        scale_of(np.zeros((9, 9, 3), np.uint8), GridSize(9, 6), spacing)


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
def test_a_scale_is_a_positive_number(scale):
    with pytest.raises(GainspectError, match="mm per pixel"):
        require_scale(scale)


@pytest.mark.parametrize("text", ["9", "9,6", "x", "2x6", "9x2", "900x6", "-9x6", "9x6x3", ""])
def test_a_grid_is_columns_x_rows(text):
    with pytest.raises(GainspectError, match="Write columns x rows"):
        grid_size(text)
    assert grid_size(" 9x6 ") == (9, 6) == grid_size("9×6")
