from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gainspect.ledger import open_ledger
from gainspect.ledger.records.decision import AboutDecision, Confirm, Override, RegionCorrection
from gainspect.ledger.reviews import find_reviews, review_of
from gainspect.types import Label
from loop_ledger import append, confirmed, corrected, decided, drawn_picture, overridden

PICTURES = [drawn_picture(0), drawn_picture(1)]
LABELS = st.sampled_from(Label)
RING = [(0, 0), (4, 0), (4, 4)]
SAID = st.one_of(
    st.builds(lambda label: confirmed("p", label), LABELS),
    st.builds(lambda label: overridden("p", label), LABELS),
    st.builds(
        lambda index, drawn: corrected("p", PICTURES[index], *([RING] if drawn else [])),
        st.integers(0, 1),
        st.booleans(),
    ),
)


@given(LABELS, st.lists(SAID, min_size=1, max_size=6))
def test_what_counts_is_what_was_said_last(label: Label, said: list[AboutDecision]) -> None:
    """Against rules read backward: the last override decides, what is confirmed after it has to agree."""
    review = review_of(7, decided("p", PICTURES, label), said)
    labels = [one for one in said if isinstance(one, Confirm | Override)]
    overrides = [one.new for one in labels if isinstance(one, Override)]
    assert review.label is (overrides[-1] if overrides else label)
    last = labels[-1] if labels else None
    assert review.agreed is not (isinstance(last, Confirm) and last.label is not review.label)
    assert review.last is (last or said[-1]) and review.says_label is (last is not None)
    for picture in review.drawn:
        corrections = [one for one in said if isinstance(one, RegionCorrection) and one.image == picture]
        assert review.drawn[picture] == corrections[-1].new


def test_reviews_are_of_decisions_that_were_asked_for_and_end_at_the_head(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger") as ledger:
        names = ["a", "b", "c"]
        append(ledger, [decided(name, [PICTURES[0]]) for name in names], [PICTURES[0]])
        append(ledger, [overridden("c", Label.NG), confirmed("a", Label.OK), confirmed("gone", Label.OK)], [])
        size = ledger.head().size
        append(ledger, [confirmed("b", Label.OK), overridden("a", Label.NG)], [])
        found = find_reviews(ledger, [0, 1, 2], size)
        assert [(one.decision.part, one.label) for one in found] == [("a", Label.OK), ("c", Label.NG)]
        assert len(found) == 2
        assert [one.index for one in find_reviews(ledger, [1, 2], ledger.head().size)] == [1, 2]
