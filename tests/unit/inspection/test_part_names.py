"""Which images are decided together: by a pattern or a table, and nothing silently alone."""

from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.inspection.part_names import named_parts, part_finder

SOURCES = ["line/p1_view1.png", "line/p1_view2.png", "line/p2_view1.png"]


@pytest.mark.parametrize("pattern", [r"([^/]+)_view\d", r"(?P<part>[^/]+)_(view)\d", r"/(p\d)"])
def test_the_group_of_a_pattern_is_the_part(pattern: str) -> None:
    assert list(named_parts(pattern, SOURCES).values()) == ["p1", "p1", "p2"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("([", "no regular expression"),
        (r"p\d", "has 0 groups"),
        (r"(p)(\d)", "has 2 groups"),
        (r"(p1)_", "finds no part in 1 name, such as line/p2_view1.png"),
        (r"(p1)?_", "finds no part"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        named_parts(pattern, SOURCES)


@pytest.mark.parametrize("pattern", [r"([^/]+)_view\d", r"(?P<part>[^/]+)_(view)\d", r"/(p\d)"])
def test_a_pattern_finds_the_parts_of_images_one_by_one(pattern: str) -> None:
    part_of = part_finder(pattern)
    assert {source: part_of(source) for source in SOURCES} == named_parts(pattern, SOURCES)


@pytest.mark.parametrize("pattern", [r"(p1)_", r"(p1)?_"])
def test_a_name_in_which_a_pattern_finds_no_part_has_none(pattern: str) -> None:
    assert part_finder(pattern)("line/p2_view1.png") is None


@pytest.mark.parametrize("pattern", ["([", r"p\d", r"(p)(\d)"])
def test_a_pattern_that_is_none_is_refused_before_any_image_comes(pattern: str) -> None:
    with pytest.raises(GainspectError, match=r"regular expression|group"):
        part_finder(pattern)


def table(folder: Path, *rows: str) -> str:
    path = folder / "parts.csv"
    path.write_text("\n".join(["image,part", *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_a_table_names_images_by_the_end_of_their_paths(tmp_path: Path) -> None:
    rows = ("p1_view1.png,one", "line/p1_view2.png,one", "./line/p2_view1.png,two")
    assert named_parts(table(tmp_path, *rows), SOURCES) == dict(
        zip(SOURCES, ("one", "one", "two"), strict=True)
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "has no rows|names no image"),
        (("p1_view1.png,one",), "names no part for 2 images"),
        (("p1_view1.png,one", "line/p1_view1.png,two"), "named twice"),
        (("p1_view1.png,",), "column part is empty"),
        ((",one",), "column image is empty"),
        (("p9_view1.png,one",), "is not among the images"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, rows: tuple[str, ...], message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        named_parts(table(tmp_path, *rows), SOURCES)


def test_a_name_that_several_images_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match=r"may be 'a/1\.png' or 'b/1\.png'"):
        named_parts(table(tmp_path, "1.png,one"), ["a/1.png", "b/1.png"])


def test_a_part_of_very_many_images_is_taken_for_a_mistake() -> None:
    with pytest.raises(GainspectError, match="part 'line' has 500 images, more than 100"):
        named_parts(r"^(\w+)/", [f"line/{number}.png" for number in range(500)])
