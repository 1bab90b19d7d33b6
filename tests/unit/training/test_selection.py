"""Which epoch is kept: the latest within one standard error of the best, by hand."""

import math
from pathlib import Path

import pytest

from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.training.selection import Selection
from gainspect.types import Label

NG_GROUPS = 16
ERROR = math.sqrt(0.8 * 0.2 / NG_GROUPS)  # 0.1


@pytest.fixture
def selection() -> Selection:
    # Two images of each defective part count once, and OK parts do not count.
    parts = [Part(Path(f"{i}.png"), Label.NG, group=f"g{i // 2}") for i in range(2 * NG_GROUPS)]
    parts += [Part(Path(f"ok{i}.png"), Label.OK, group=f"ok{i}") for i in range(50)]
    return Selection("figure", Manifest(Path(), tuple(parts)))


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ([0.5, 0.8, 0.8 - ERROR + 1e-6], 3),
        ([0.5, 0.8, 0.8 - ERROR - 1e-6], 2),
        ([0.8, 0.75, 0.6, 0.72, 0.5], 4),
        ([0.2, 0.4, 0.6, 0.8], 4),
        ([1.0, 1.0, 0.999], 2),  # a share of 1 has no standard error
    ],
)
def test_the_latest_within_one_standard_error_of_the_best_is_kept(
    selection: Selection, figures: list[float], kept: int
) -> None:
    said = [
        selection.keeps({"epoch": epoch, "figure": figure}) for epoch, figure in enumerate(figures, start=1)
    ]
    assert max(epoch for epoch, keeps in enumerate(said, start=1) if keeps) == kept
    assert selection.kept is not None and selection.kept["epoch"] == kept
    assert selection.best is not None and selection.best["figure"] == max(figures)


def test_an_unknown_figure_is_named_with_those_there_are() -> None:
    with pytest.raises(GainspectError, match=r"no validation figure .beauty..*Choose one of epoch, ap"):
        Selection("beauty", Manifest(Path(), ())).keeps({"epoch": 1, "ap": 0.5, "loss/total": 1.0})
