"""The fractions of an import are those of a training."""

from gainspect.config import DataConfig, TrainingConfig
from gainspect.data.importers.resplit import SEED, TEST_FRACTION, VAL_FRACTION


def test_the_fractions_are_those_of_a_training() -> None:
    data = DataConfig()
    assert (data.val_fraction, data.test_fraction, TrainingConfig().seed) == (
        VAL_FRACTION,
        TEST_FRACTION,
        SEED,
    )
