"""What lies around strokes, against SciPy's distance to each of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from gainspect.data.masks import Marks
from gainspect.data.strokes import surroundings, with_surroundings


@given(
    st.lists(
        st.tuples(st.integers(0, 39), st.integers(0, 69), st.integers(1, 12), st.integers(1, 30)), max_size=4
    )
)
def test_it_reaches_half_the_length_of_each_stroke_or_a_twentieth_of_the_image(
    drawn: list[tuple[int, int, int, int]],
) -> None:
    strokes = np.zeros((40, 70), np.uint8)
    for row, column, height, width in drawn:
        strokes[row : row + height, column : column + width] = 1
    expected = np.zeros_like(strokes)
    labels, count = ndimage.label(strokes, np.ones((3, 3)))
    for number, (rows, columns) in zip(range(1, count + 1), ndimage.find_objects(labels), strict=True):
        length = max(rows.stop - rows.start, columns.stop - columns.start)
        distance = ndimage.distance_transform_edt(labels != number)
        expected |= (distance <= max(length / 2, 70 / 20)).astype(np.uint8)
    np.testing.assert_array_equal(surroundings(strokes), expected)


@pytest.mark.parametrize("radius", [4, 9, 20])
def test_a_stroke_through_a_round_defect_leaves_none_of_it_to_the_background(radius: int) -> None:
    y, x = np.mgrid[:100, :100]
    defect = (x - 50) ** 2 + (y - 45) ** 2 <= radius**2
    stroke = np.zeros((100, 100), np.uint8)
    stroke[45, 50 - radius : 51 + radius] = 1
    assert (surroundings(stroke)[defect] == 1).all()


def test_strokes_stay_defects_and_other_ignored_areas_stay_ignored() -> None:
    strokes, ignored = np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    strokes[30, 20:30], ignored[0:5] = 1, 1
    found = with_surroundings(Marks(strokes, ignored, {}))
    assert found.ignored is not None
    np.testing.assert_array_equal(found.defect, strokes)
    np.testing.assert_array_equal(found.ignored, (surroundings(strokes) | ignored) & (1 - strokes))
