"""The figures of an image are those of NumPy and SciPy, and the border of the frame is in none of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from gainspect.data.framing import letterbox
from gainspect.inspection.statistics import image_statistics

SIZE = 64
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601, as OpenCV makes gray of RGB."""
LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])


def image_of(seed: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_they_are_those_of_numpy_and_scipy() -> None:
    image = image_of(0)
    found = image_statistics(*letterbox(image, SIZE))
    gray = np.rint(image @ LUMA)
    edges = ndimage.convolve(gray, LAPLACIAN, mode="mirror")
    channels = image.mean(axis=(0, 1))
    assert found == {
        "width": SIZE,
        "height": SIZE,
        "brightness": pytest.approx(gray.mean(), abs=0.02),  # gray is rounded in fixed-point numbers
        "contrast": pytest.approx(gray.std(), rel=1e-3),
        "sharpness": pytest.approx(np.sqrt((edges**2).mean()), rel=1e-3),
        "red": pytest.approx(channels[0] - channels[1]),
        "blue": pytest.approx(channels[2] - channels[1]),
    }


@given(seed=st.integers(0, 99), height=st.integers(1, SIZE), padding=st.integers(0, 255))
def test_the_border_does_not_count(seed: int, height: int, padding: int) -> None:
    """Of as many pixels as the frame is wide, nothing is scaled."""
    image = image_of(seed, height)
    frame, geometry = letterbox(image, SIZE, padding)
    found = image_statistics(frame, geometry)
    assert (found["width"], found["height"]) == (SIZE, height)
    assert found["red"] == pytest.approx(float(image[..., 0].mean() - image[..., 1].mean()))
    assert found["brightness"] == pytest.approx(float((image @ LUMA).mean()), abs=0.3)


def test_each_disturbance_moves_its_own_figure() -> None:
    image = np.repeat(ndimage.gaussian_filter(image_of(1).astype(float), (1, 1, 9)).mean(2)[..., None], 3, 2)
    plain = image_statistics(*letterbox(image.astype(np.uint8), SIZE))
    dark = image_statistics(*letterbox((image / 4).astype(np.uint8), SIZE))
    soft = image_statistics(*letterbox(ndimage.gaussian_filter(image, (2, 2, 0)).astype(np.uint8), SIZE))
    tinted = image_statistics(*letterbox((image * [1, 1, 0.8]).astype(np.uint8), SIZE))
    assert dark["brightness"] == pytest.approx(plain["brightness"] / 4, abs=1)
    assert soft["sharpness"] < plain["sharpness"] / 3
    assert soft["brightness"] == pytest.approx(plain["brightness"], abs=1)
    assert (plain["red"], plain["blue"]) == (0, 0)
    assert tinted["red"] == 0 and tinted["blue"] == pytest.approx(-0.2 * image.mean(), abs=1)
