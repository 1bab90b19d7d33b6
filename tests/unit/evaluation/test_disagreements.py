"""What is disputed, and in which order."""

from typing import Any

import pytest

from gainspect.evaluation.disagreements import Dispute, disagreements
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.policy import Policy
from gainspect.types import Label

POLICY = Policy(
    threshold=0.7, review_from=0.4, target_recall=None, split="val", ng=4, ok=4, region_threshold=0.3
)


def verdict(image: str, label: Label, score: float, **more: Any) -> ValidationVerdict:
    given = {"group": "g", "evidence_peak": score, "points_at_defect": None, "drop": None}
    return ValidationVerdict.model_validate(
        {"image": image, "label": label, "score": score, "control_drop": None, "agreement": None, "gap": None}
        | given
        | more
    )


def verdicts(*images: ValidationVerdict) -> ValidationVerdicts:
    return ValidationVerdicts(map_thresholds={}, region_threshold=0.3, controls=1, seed=0, images=images)


def found_in(*images: ValidationVerdict) -> list[tuple[str, Dispute, Label]]:
    found = disagreements(verdicts(*images), POLICY).found
    return [(one.verdict.image, one.dispute, one.says) for one in found]


def test_labels_are_disputed_by_the_thresholds_the_most_doubtful_first() -> None:
    usual = [verdict(f"ok{n}", Label.OK, 0.05) for n in range(8)]
    usual += [verdict(f"ng{n}", Label.NG, 0.95, points_at_defect=True) for n in range(8)]
    assert found_in(*usual) == []
    odd = [
        verdict("alarm", Label.OK, 0.75),
        verdict("sure alarm", Label.OK, 0.99),
        verdict("missed", Label.NG, 0.02),
        verdict("band", Label.NG, 0.5),
    ]
    # t(OK) = 0.786, t(NG) = 0.812: the missed one has (0.02 − 0.812 + 0.812) / 1.026, the sure alarm
    # (0.01 − 0.786 + 0.812) / 1.026.
    assert found_in(*usual, *odd) == [
        ("missed", Dispute.LABEL, Label.OK),
        ("sure alarm", Dispute.LABEL, Label.NG),
        ("alarm", Dispute.LABEL, Label.NG),
    ]


def test_confident_learning_disputes_what_the_thresholds_leave_to_a_person() -> None:
    low = [verdict(f"ng{n}", Label.NG, 0.55, points_at_defect=True) for n in range(8)]
    usual = [verdict(f"ok{n}", Label.OK, 0.01) for n in range(20)]
    # All NG parts score about 0.55, so an OK part with 0.6 looks like them.
    found = found_in(*low, *usual, verdict("like them", Label.OK, 0.6))
    assert found == [("like them", Dispute.LABEL, Label.REVIEW)]


def test_masks_are_disputed_where_evidence_peaks_elsewhere_in_the_order_of_what_is_inside() -> None:
    usual = [verdict(f"ok{n}", Label.OK, 0.05) for n in range(4)]
    elsewhere = [verdict(name, Label.NG, 0.9, points_at_defect=False) for name in ("a", "b", "c")]
    faint = verdict("faint", Label.NG, 0.9, points_at_defect=False, evidence_peak=0.1)
    missed = verdict("missed", Label.NG, 0.01, points_at_defect=False)
    found = disagreements(verdicts(*usual, *elsewhere, faint, missed), POLICY)
    assert (found.labels, found.judged) == (1, 9)
    assert [one.verdict.image for one in found.found] == ["missed", "a", "b", "c"]
    measured = found.measured({"a": 0.4, "b": 0.0, "c": 0.1})
    assert [(one.verdict.image, one.inside) for one in measured.found] == [
        ("missed", None),
        ("b", 0.0),
        ("c", 0.1),
        ("a", 0.4),
    ]


def test_other_images_of_the_part_are_counted_by_label() -> None:
    images = [
        verdict("one", Label.OK, 0.9, group="tile"),
        verdict("two", Label.NG, 0.9, group="tile", points_at_defect=True),
        verdict("three", Label.NG, 0.9, group="tile", points_at_defect=True),
        verdict("else", Label.OK, 0.01, group="other"),
    ]
    (only,) = disagreements(verdicts(*images), POLICY).found
    assert only.verdict.image == "one" and dict(only.siblings) == {Label.NG: 2}
    with pytest.raises(KeyError):
        disagreements(
            verdicts(*images, verdict("m", Label.NG, 0.9, points_at_defect=False)), POLICY
        ).measured({})
