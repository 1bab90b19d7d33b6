"""What people said, and what it teaches of each image: a table, row by row from docs/loop.md."""

import pytest

from gainspect.ledger.records.decision import AboutDecision
from gainspect.ledger.reviews import review_of
from gainspect.ledger.taught import NotTaught, Taught, taught
from gainspect.types import Label
from loop_ledger import confirmed, corrected, decided, drawn_picture, overridden

ONE, TWO = drawn_picture(1), drawn_picture(2)
RING = [(1, 1), (9, 1), (5, 8)]
OK, NG, REVIEW = Label.OK, Label.NG, Label.REVIEW
HERE, NOT_HERE = corrected("p", ONE, RING), corrected("p", ONE)
NOT_THERE = corrected("p", TWO)


def shown(pictures: list[bytes], label: Label, said: list[AboutDecision]) -> list[str]:
    found = taught(review_of(0, decided("p", pictures, label), said))
    return [
        one.value if isinstance(one, NotTaught) else f"{one.label}{'+' if one.outlines else ''}"
        for one in found
    ]


@pytest.mark.parametrize(
    ("label", "said", "expected"),
    [
        (OK, [confirmed("p", OK)], "ok"),
        (NG, [overridden("p", OK, NG)], "ok"),
        (NG, [confirmed("p", NG)], "ng"),
        (REVIEW, [overridden("p", NG, REVIEW)], "ng"),
        (NG, [confirmed("p", NG), HERE], "ng+"),
        (NG, [HERE], "ng+"),
        (REVIEW, [confirmed("p", REVIEW)], "undecided"),
        (REVIEW, [HERE], "undecided"),
        (OK, [NOT_HERE], "undecided"),
        (OK, [HERE], "undecided"),
        (NG, [confirmed("p", OK)], "contradicted"),
        (NG, [confirmed("p", OK), confirmed("p", NG)], "ng"),
        (NG, [HERE, overridden("p", OK, NG)], "drawn_on_ok"),
        (NG, [HERE, overridden("p", OK, NG), NOT_HERE], "ok"),
        (NG, [confirmed("p", NG), NOT_HERE], "nowhere"),
    ],
)
def test_a_part_of_one_image(label: Label, said: list[AboutDecision], expected: str) -> None:
    assert shown([ONE], label, said) == [expected]


@pytest.mark.parametrize(
    ("label", "said", "expected"),
    [
        (NG, [overridden("p", OK, NG)], ["ok", "ok"]),
        (NG, [confirmed("p", NG)], ["which_view", "which_view"]),
        (NG, [confirmed("p", NG), HERE], ["ng+", "which_view"]),
        (NG, [confirmed("p", NG), HERE, NOT_THERE], ["ng+", "ok"]),
        (NG, [confirmed("p", NG), NOT_HERE], ["which_view", "which_view"]),
        (NG, [confirmed("p", NG), NOT_HERE, NOT_THERE], ["nowhere", "nowhere"]),
        (OK, [confirmed("p", OK), HERE], ["drawn_on_ok", "drawn_on_ok"]),
    ],
)
def test_a_part_of_two_images(label: Label, said: list[AboutDecision], expected: list[str]) -> None:
    assert shown([ONE, TWO], label, said) == expected


def test_an_image_that_could_not_be_read_teaches_nothing() -> None:
    decision = decided("p", [ONE, TWO], OK)
    unread = decision.images[1].model_copy(update={"verdict": None, "error": "damaged"})
    decision = decision.model_copy(update={"images": (decision.images[0], unread)})
    first, second = taught(review_of(0, decision, [confirmed("p", OK)]))
    assert isinstance(first, Taught) and second is NotTaught.UNREAD


def test_regions_of_the_network_are_nobodys_word() -> None:
    decision = decided("p", [ONE], NG)
    details = {"regions": [{"polygon": RING}]}
    image = decision.images[0].model_copy(update={"details": details})
    decision = decision.model_copy(update={"images": (image,)})
    (found,) = taught(review_of(0, decision, [confirmed("p", NG)]))
    assert isinstance(found, Taught) and found.label is NG and not found.outlines
