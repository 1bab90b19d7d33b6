"""Ranges that hold for new images: as few outside as was allowed, however few images they were fitted on."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from gainspect.evaluation.input_limits import FEW_IMAGES, REVIEW_SHARE, fit_inputs
from gainspect.policy import InputPolicy
from gainspect.types import InputStatistics

NAMES = ("width", "height", "brightness", "contrast", "sharpness", "red", "blue", "distance")


def drawn(rng: np.random.Generator, count: int) -> list[InputStatistics]:
    """Figures that are normal on the scale that they are fitted on."""
    normal = rng.normal(size=(count, len(NAMES)))
    scaled = np.column_stack(
        [
            300 * np.exp(0.2 * normal[:, 0]),
            200 * np.exp(0.2 * normal[:, 1]),
            120 + 15 * normal[:, 2],
            np.exp(3 + 0.3 * normal[:, 3]) - 1,
            np.exp(2 + 0.3 * normal[:, 4]) - 1,
            8 * normal[:, 5],
            8 * normal[:, 6],
            np.exp(0.3 * normal[:, 7]),
        ]
    )
    return [dict(zip(NAMES, map(float, row), strict=True)) for row in scaled]  # type: ignore[arg-type]


def fitted(images: Sequence[InputStatistics], training: Sequence[InputStatistics] = ()) -> InputPolicy:
    policy = fit_inputs(images, training, "val")
    assert policy is not None
    return policy


@pytest.mark.parametrize("count", [FEW_IMAGES, 12, 40, 150])
def test_of_new_images_no_more_lie_outside_than_was_allowed(count: int) -> None:
    """Over 100 fits: the mean share outside, of all figures together, with its standard error."""
    rng = np.random.default_rng(count)
    shares = []
    for _ in range(100):
        policy = fitted(drawn(rng, count))
        shares.append(np.mean([bool(policy.unlike(image)) for image in drawn(rng, 60)]))
    assert np.mean(shares) <= REVIEW_SHARE + 3 * np.std(shares) / np.sqrt(len(shares))


def test_many_ranges_that_end_at_the_values_seen_would_raise_many_alarms() -> None:
    """What the margin is for: with ranges from the least to the largest of 12 values, most images alarm."""
    rng = np.random.default_rng(0)
    seen = np.array([list(image.values()) for image in drawn(rng, 12)])
    new = np.array([list(image.values()) for image in drawn(rng, 1000)])
    outside = ((new < seen.min(axis=0)) | (new > seen.max(axis=0))).any(axis=1)
    assert outside.mean() > 0.5


def test_an_end_is_that_of_the_prediction_interval() -> None:
    values = [100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 170.0, 180.0]
    policy = fitted([{"brightness": value} for value in values])
    reach = student.ppf(1 - REVIEW_SHARE / 2, 8) * np.std(values, ddof=1) * np.sqrt(1 + 1 / 9)
    assert policy.ranges["brightness"].low == pytest.approx(140 - reach)
    assert policy.ranges["brightness"].high == pytest.approx(140 + reach)
    assert policy.ranges.keys() == {"brightness"}


figures = st.lists(st.floats(0.1, 255), min_size=FEW_IMAGES, max_size=30)


@given(values=figures, name=st.sampled_from(NAMES))
def test_what_was_seen_is_inside_in_any_order(values: list[float], name: str) -> None:
    images: list[InputStatistics] = [{name: value} for value in values]  # type: ignore[dict-item]
    policy = fitted(images)
    assert policy.outside == 0 and not any(policy.unlike(image) for image in images)
    backwards = fitted(images[::-1]).ranges[name]  # type: ignore[index]
    assert backwards.high == pytest.approx(policy.ranges[name].high)  # type: ignore[index]
    assert (backwards.low is None) == (name == "distance")


def test_of_images_of_one_size_a_little_larger_ones_are_alike_and_much_larger_ones_not() -> None:
    policy = fitted([{"width": 640.0}] * 20)
    assert [bool(policy.unlike({"width": width})) for width in (600.0, 640.0, 700.0, 480.0, 1280.0)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_distances_of_the_training_do_not_count_and_its_other_figures_do() -> None:
    rng = np.random.default_rng(3)
    images, training = drawn(rng, 10), [{**image, "distance": 9.0} for image in drawn(rng, 50)]
    with_them, alone = fitted(images, training), fitted(images)  # type: ignore[arg-type]
    assert with_them.ranges["distance"] == alone.ranges["distance"]
    assert with_them.ranges["brightness"] == fitted([*images, *training]).ranges["brightness"]  # type: ignore[list-item]
    assert (with_them.images, with_them.training) == (10, 50)


def test_too_few_images_give_no_range() -> None:
    rng = np.random.default_rng(0)
    few, training = drawn(rng, FEW_IMAGES - 1), drawn(rng, 20)
    assert fit_inputs(few, (), "val") is None
    assert fit_inputs([], (), "val") is None
    assert "distance" not in fitted(few, training).ranges


def test_a_value_that_is_no_number_lies_outside_and_one_that_is_not_known_does_not() -> None:
    policy = fitted([{"contrast": float(value)} for value in range(20, 40)])
    assert policy.unlike({"contrast": float("nan")}) and not policy.unlike({"brightness": 0.0})
    (unlike,) = policy.unlike({"contrast": 0.0, "brightness": 0.0})
    usual = policy.ranges["contrast"]
    assert unlike == ("contrast", 0.0, usual.low, usual.high)


@pytest.mark.parametrize(("count", "deviations"), [(8, 6.1), (100, 3.5)])
def test_the_range_is_as_wide_as_the_document_says(count: int, deviations: float) -> None:
    images = drawn(np.random.default_rng(0), count)
    values = np.array([image["brightness"] for image in images])
    high = fitted(images).ranges["brightness"].high
    assert high is not None
    assert (high - values.mean()) / values.std(ddof=1) == pytest.approx(deviations, abs=0.06)


def test_a_range_ends_where_figures_do() -> None:
    dark_and_bright: list[InputStatistics] = [{"brightness": float(value)} for value in range(5, 250, 10)]
    usual = fitted(dark_and_bright).ranges["brightness"]
    assert (usual.low, usual.high) == (0, 255)


def test_images_that_are_all_as_near_as_can_be_give_a_limit() -> None:
    usual = fitted([{"distance": 0.0}] * FEW_IMAGES).ranges["distance"]
    assert usual.high is not None and 0 < usual.high < 0.01
