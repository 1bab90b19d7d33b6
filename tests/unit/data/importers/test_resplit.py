"""The fractions of an import are those of a training."""

import pytest

from gainspect.config import DataConfig, TrainingConfig
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.resplit import SEED, TEST_FRACTION, VAL_FRACTION
from gainspect.errors import GainspectError


def test_the_fractions_are_those_of_a_training() -> None:
    data = DataConfig()
    assert (data.val_fraction, data.test_fraction, TrainingConfig().seed) == (
        VAL_FRACTION,
        TEST_FRACTION,
        SEED,
    )


def test_it_is_an_option_of_other_commands_too() -> None:
    assert Choices.parse(["resplit=yes"]).resplit
    assert not Choices.parse(["resplit=no"]).resplit
    assert Choices.from_json(Choices(resplit=True).to_json()).resplit
    with pytest.raises(GainspectError, match="neither yes nor no"):
        Choices.parse(["resplit=perhaps"])
