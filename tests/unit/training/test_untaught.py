"""What a training will not learn from is counted from the files, and said in a sentence or two."""

from pathlib import Path

import pytest

from gainspect.data.manifest import Manifest, Part
from gainspect.data.marked import Marking, marking_of
from gainspect.training.untaught import inexact, untaught
from gainspect.types import Label, MaskKind

FULL = Marking(ng=8, without_mask=0, empty=0, ok_marked=0)


def said(
    train: Marking, validation: Marking = FULL, names: tuple[str, ...] = ("S6",), tiles: bool = False
) -> str:
    return " ".join(untaught(train, validation, names, tiles=tiles))


def test_images_are_counted_by_label_and_mask() -> None:
    bare, empty, marked, twin = (Path(f"{name}.png") for name in ("bare", "empty", "marked", "twin"))
    parts = (
        Part(bare, Label.NG),
        Part(empty, Label.NG, mask=Path("m/empty.png")),
        Part(marked, Label.NG, mask=Path("m/marked.png")),
        Part(twin, Label.OK, mask=Path("m/twin.png")),
        Part(Path("ok.png"), Label.OK),
        Part(Path("ok2.png"), Label.OK, mask=Path("m/ok2.png")),
    )
    shares = {"m/empty.png": 0.0, "m/marked.png": 0.6, "m/twin.png": 0.1, "m/ok2.png": 0.0}
    found = marking_of(Manifest(Path(), parts), {Path(name): share for name, share in shares.items()})
    assert found == Marking(ng=3, without_mask=1, empty=1, ok_marked=1, covering=1)
    assert found.marked == 1


def test_masks_that_cover_most_are_said() -> None:
    assert said(Marking(8, 0, 0, 0, covering=7), Marking(2, 0, 0, 0, covering=2)).startswith(
        "9 of 10 masks cover most of the image: inverted, or the part"
    )


def test_where_all_is_marked_nothing_is_said() -> None:
    assert said(FULL) == ""


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ((12, 3), "12 have no mask and 3 an empty one"),
        ((1, 0), "1 has no mask"),
        ((0, 2), "2 have an empty mask"),
    ],
)
def test_some_without_a_mark(train: tuple[int, int], expected: str) -> None:
    text = said(Marking(30, *train, ok_marked=0))
    assert text == f"Of 30 NG images in training, {expected}: they train the classifiers only."


def test_tiles_leave_out_what_is_not_marked() -> None:
    text = said(Marking(30, 12, 3, 0), tiles=True)
    assert text.endswith("12 have no mask and 3 an empty one: training with tiles leaves them out.")


def test_without_any_mark_nothing_teaches_and_nothing_measures_the_place() -> None:
    none = Marking(ng=5, without_mask=4, empty=1, ok_marked=0)
    assert said(none, none, ("S1", "S3", "S6")) == (
        "None of the 5 NG images in training has a marked defect: nothing teaches the model where to look. "
        "What guides S3 and S6 needs masks: mark the defects, or train S1. None of the 5 NG images in "
        "validation has a marked defect: no figure will say whether the model looks there."
    )
    assert "guides" not in said(none, none, ("S1",))


def test_ok_images_that_are_marked_are_counted_in_both_parts() -> None:
    text = said(Marking(8, 0, 0, 1), Marking(8, 0, 0, 2))
    assert text.startswith("3 OK images have masks that mark a defect: the label counts, the mask does not.")
    assert said(Marking(8, 0, 0, 1)).startswith("1 OK image has a mask that marks a defect")


def test_validation_is_told_apart() -> None:
    text = said(FULL, Marking(8, 6, 0, 0))
    assert text.startswith(
        "Of 8 NG images in validation, 6 have no mask: whether the model looks at the defect"
    )


def test_boxes_and_scribbles_are_counted_and_what_they_teach_is_said() -> None:
    def part(index: int, label: Label, kind: MaskKind | None, *, mask: bool = True) -> Part:
        return Part(Path(f"{index}.png"), label, Path(f"{index}-mask.png") if mask else None, mask_kind=kind)

    kinds: list[MaskKind | None] = [None, "outline", "box", "box", "scribble"]
    parts = [part(index, Label.NG, kind) for index, kind in enumerate(kinds)]
    parts += [part(10, Label.OK, "box"), part(11, Label.NG, None, mask=False)]
    assert inexact(Manifest(Path(), tuple(parts)), ("S1", "S9")) == [
        "Of 5 masks in training, 2 show boxes and 1 shows scribbles: no single pixel in a box is taken for a "
        "defect, and close around a scribble nothing counts."
    ]
    assert inexact(Manifest(Path(), tuple(parts)), ("S1",)) == []
    assert inexact(Manifest(Path(), (*parts[:2], *parts[5:])), ("S9",)) == []
    (alone,) = inexact(Manifest(Path(), tuple(parts[:4])), ("S9",))
    assert alone.endswith("2 show boxes: no single pixel in a box is taken for a defect.")
