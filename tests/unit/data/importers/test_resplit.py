"""The fractions of an import are those of a training."""

from pathlib import Path

import pytest

from drawn_labels import imported, photo
from gainspect.config import DataConfig, TrainingConfig
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.resplit import SEED, TEST_FRACTION, VAL_FRACTION
from gainspect.data.splits import PUBLISHED
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


def test_what_cannot_be_divided_is_said_of_the_source(tmp_path: Path) -> None:
    for name in ("bad/a.png", "bad/b.png", "scratch/c.png"):
        photo(tmp_path / "set" / name)
    with pytest.raises(GainspectError, match=r"set: it cannot be divided anew: the train part has no OK"):
        imported(tmp_path / "set", tmp_path / "out", resplit=True)
    assert not (tmp_path / "out").exists()


def test_divided_twice_the_split_that_a_set_came_with_is_kept(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("good", "scratch"):
            for number in range(6):
                photo(tmp_path / "set" / split / name / f"{split}{name}{number}.png")
    _, first = imported(tmp_path / "set", tmp_path / "out", resplit=True)
    _, second = imported(tmp_path / "out", tmp_path / "again", resplit=True)
    came_with = {part.image.name: part.extra[PUBLISHED] for part in first.parts}
    assert came_with == {part.image.name: part.extra[PUBLISHED] for part in second.parts}
    assert all(name.startswith(split) for name, split in came_with.items())
