"""Schedules against their formulas."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.config import RunConfig, TrainingConfig
from gainspect.training.schedule import augmentation_strength, image_size, learning_rate_factor


def test_learning_rate_is_linear_then_cosine() -> None:
    total, warm = 200, 20
    factors = [learning_rate_factor(step, total, warm / total) for step in range(total + 1)]
    assert factors[:warm] == pytest.approx([(k + 1) / warm for k in range(warm)])
    expected = [0.5 * (1 + math.cos(math.pi * k / (total - warm))) for k in range(total - warm + 1)]
    assert factors[warm:] == pytest.approx(expected)


def test_no_warm_up_starts_at_the_peak() -> None:
    assert learning_rate_factor(0, 50, 0.0) == 1.0


@given(size=st.sampled_from([128, 256, 384, 512]), start=st.floats(0.5, 1), progress=st.floats(0, 1))
def test_image_size_is_a_multiple_of_32_and_never_above_full_size(
    size: int, start: float, progress: float
) -> None:
    config = RunConfig.model_validate({"data": {"size": size}, "training": {"start_size": start}})
    now = image_size(config, progress)
    assert now % 32 == 0
    assert now <= size
    assert image_size(config, 1.0) == size


def test_strength_grows_linearly() -> None:
    config = TrainingConfig(start_strength=0.2, end_strength=0.6)
    assert [augmentation_strength(config, p) for p in (0, 0.5, 1)] == pytest.approx([0.2, 0.4, 0.6])
