"""What classes mean: said, guessed where a name is plain, otherwise asked."""

from pathlib import Path

import pytest

from gainspect.data.importers.annotations import AnnotatedImage, Box, Shape
from gainspect.data.importers.classes import Role, Survey, settle_roles, survey
from gainspect.errors import GainspectError


def _found(*names: str, tags: tuple[str, ...] = ()) -> Survey:
    shapes = tuple(Shape(name, Box(0, 0, 1, 1), "here") for name in names)
    return survey([AnnotatedImage(Path("a.png"), "here", shapes, tags)], ["listed only"])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("good", Role.OK),
        ("OK", Role.OK),
        ("양품", Role.OK),
        ("no_defect", Role.OK),
        ("B-ground", Role.BACKGROUND),
        ("_background_", Role.BACKGROUND),
        ("__ignore__", Role.IGNORE),
        ("minor crack", Role.DEFECT),
        ("Defect-2", Role.DEFECT),
        ("스크래치", Role.DEFECT),
    ],
)
def test_plain_names_are_guessed(name: str, role: Role) -> None:
    roles = settle_roles(_found(name), {})
    assert roles.of == {name: role}
    assert roles.guessed == (name,)


@pytest.mark.parametrize("name", ["10_ruble", "no_crack", "hole", "chip", "void", "person", "0", "uncracked"])
def test_others_are_asked_with_how_often_and_where(name: str) -> None:
    with pytest.raises(GainspectError) as caught:
        settle_roles(_found(name, name, "scratch"), {})
    assert f"  {name!r} (2 shapes, such as a.png)" in str(caught.value)
    assert "'scratch' (1 shape, such as a.png): defect" in str(caught.value)
    assert "--defect NAME" in str(caught.value)


def test_what_is_said_counts_in_any_case_and_over_any_guess() -> None:
    roles = settle_roles(_found("Crack", "good"), {Role.OK: ["crack"], Role.DEFECT: ["GOOD"]})
    assert roles.of == {"Crack": Role.OK, "good": Role.DEFECT}
    assert roles.guessed == ()


def test_where_only_good_classes_are_said_all_others_are_defects() -> None:
    roles = settle_roles(_found("coin", "blob", "bg"), {Role.OK: ["coin"]})
    assert roles.of == {
        "coin": Role.OK,
        "blob": Role.DEFECT,
        "bg": Role.BACKGROUND,
        "listed only": Role.DEFECT,
    }
    assert (roles.guessed, roles.rest) == (("bg",), ("blob", "listed only"))


def test_commas_part_names_unless_a_class_has_one() -> None:
    roles = settle_roles(_found("eagle", "tail", "a, b"), {Role.DEFECT: ["eagle,tail", "A, B"]})
    assert roles.of == {"eagle": Role.DEFECT, "tail": Role.DEFECT, "a, b": Role.DEFECT}
    with pytest.raises(GainspectError, match="no class 'tial'"):
        settle_roles(_found("eagle", "tail"), {Role.DEFECT: ["eagle,tial"]})


def test_a_question_has_a_heading_only_over_something() -> None:
    with pytest.raises(GainspectError) as caught:
        settle_roles(_found("blob", "coin"), {Role.DEFECT: ["coin"]})
    assert "known by" not in str(caught.value)


def test_where_defects_are_said_others_are_still_asked() -> None:
    with pytest.raises(GainspectError, match="'blob'"):
        settle_roles(_found("coin", "blob"), {Role.DEFECT: ["coin"]})


def test_a_class_that_is_not_there_or_said_twice_is_refused() -> None:
    with pytest.raises(GainspectError, match=r"no class 'scrach'.*Did you mean 'scratch'"):
        settle_roles(_found("scratch"), {Role.DEFECT: ["scrach"]})
    with pytest.raises(GainspectError, match="'a' is both ok and defect"):
        settle_roles(_found("a"), {Role.OK: ["a"], Role.DEFECT: ["a"]})


def test_shapes_and_tags_are_counted_by_image() -> None:
    found = _found("a", "a", tags=("b",))
    assert (found.images, found.bare) == (1, 0)
    assert [(use.shapes, use.tags, use.images) for use in found.classes.values()] == [
        (2, 0, 1),
        (0, 1, 1),
        (0, 0, 0),
    ]
