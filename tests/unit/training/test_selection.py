"""Which epoch is kept: the latest within one standard error of the best, by hand."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.config import MONITORS
from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.training.selection import Selection, monitored
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


@pytest.mark.parametrize(
    ("losses", "kept"),
    [([0.9, 0.4, 0.41], 2), ([0.9, 0.4, 0.4], 3), ([0.1, 0.2, 0.3], 1), ([3.0, 2.0, 1.5], 3)],
)
def test_of_a_loss_the_latest_of_the_smallest_is_kept(losses: list[float], kept: int) -> None:
    selection = Selection("loss/total", Manifest(Path(), ()), "min")
    for epoch, loss in enumerate(losses, start=1):
        selection.keeps({"epoch": epoch, "loss/total": loss})
    assert selection.kept is not None and selection.kept["epoch"] == kept
    assert selection.best is not None and selection.best["loss/total"] == min(losses)


@pytest.mark.parametrize("figure", MONITORS)
def test_figures_that_need_masks_are_refused_without_them(figure: str, tmp_path: Path) -> None:
    empty, marked = tmp_path / "empty.png", tmp_path / "marked.png"
    cv2.imwrite(str(empty), np.zeros((8, 8), np.uint8))
    cv2.imwrite(str(marked), np.full((8, 8), 255, np.uint8))

    def part(*masks: Path | None) -> Manifest:
        ng = (Part(Path(f"{i}.png"), Label.NG, mask=mask, group=f"g{i}") for i, mask in enumerate(masks))
        return Manifest(Path(), (Part(Path("ok.png"), Label.OK, mask=marked), *ng))

    assert monitored(figure, part(None, empty, marked)) == figure
    if figure in {"cam_iou", "pointing_game", "energy_inside", "localization_iou"}:
        with pytest.raises(GainspectError, match=f"{figure} needs marked defects.*choose right_reason"):
            monitored(figure, part(None, empty))
    else:
        instead = {"right_reason_at_recall": "specificity_at_recall"}
        assert monitored(figure, part(None, empty)) == instead.get(figure, figure)


def test_an_unknown_figure_is_named_with_those_there_are() -> None:
    with pytest.raises(GainspectError, match=r"no validation figure .beauty..*Choose one of epoch, ap"):
        Selection("beauty", Manifest(Path(), ())).keeps({"epoch": 1, "ap": 0.5, "loss/total": 1.0})


def test_nothing_is_compared_without_a_figure_or_without_a_validation_part() -> None:
    some = Manifest(Path(), (Part(Path("ok.png"), Label.OK), Part(Path("ng.png"), Label.NG)))
    assert monitored("ap", some) == "ap"
    assert monitored(None, some) is None and monitored("pointing_game", Manifest(Path(), ())) is None


def test_without_a_figure_the_last_epoch_is_kept() -> None:
    selection = Selection(None, Manifest(Path(), ()))
    assert all(selection.keeps({"epoch": epoch, "loss/total": epoch}) for epoch in (1, 2, 3))
    assert selection.kept == {"epoch": 3, "loss/total": 3}


@pytest.mark.parametrize("figure", MONITORS)
def test_how_far_a_map_reaches_is_not_compared_without_outlines(figure: str, tmp_path: Path) -> None:
    marked = tmp_path / "marked.png"
    cv2.imwrite(str(marked), np.full((8, 8), 255, np.uint8))
    box, scribble, outline = (
        Part(Path(f"{kind}.png"), Label.NG, mask=marked, mask_kind=kind)
        for kind in ("box", "scribble", "outline")
    )
    assert monitored(figure, Manifest(Path(), (box, outline))) == figure
    inexact = Manifest(Path(), (box, scribble))
    if figure in {"cam_iou", "localization_iou"}:
        with pytest.raises(GainspectError, match=f"{figure} needs outlined defects.*pointing_game"):
            monitored(figure, inexact)
    else:
        assert monitored(figure, inexact) == figure
