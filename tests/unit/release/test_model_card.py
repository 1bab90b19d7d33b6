"""The card says what the masks taught and measured, and claims no reason that was not measured."""

from dataclasses import asdict
from typing import Any

import pytest

from gainspect.data.marked import Marking
from gainspect.inspection.bundle import Description
from gainspect.policy import InputPolicy, ReasonPolicy, UsualRange
from gainspect.release.model_card import model_card
from gainspect.report.terminal.bundle_tables import reason_sentence
from report_parts import bundle

BARE = Marking(ng=4, without_mask=3, empty=1, ok_marked=0)
HALF = Marking(ng=4, without_mask=1, empty=1, ok_marked=0)


def described(reason: ReasonPolicy, **marking: Marking) -> Description:
    known = bundle().description
    data: dict[str, Any] = {
        "fingerprint": "abc",
        "images": {"train": 9, "val": 5},
        "ng": {"train": 4, "val": 4},
    }
    return known.model_copy(
        update={
            "training": {**known.training, "environment": {"weights": "none"}},
            "data": data | {"marking": {part: asdict(counts) for part, counts in marking.items()}},
            "policy": known.policy.model_copy(update={"reason": reason}),
        }
    )


def card(reason: ReasonPolicy, **marking: Marking) -> str:
    return model_card(described(reason, **marking), {"formats": []})


def test_without_masks_it_claims_no_right_reason() -> None:
    text = card(ReasonPolicy(split="val", verdicts=4, marked=0), train=BARE, val=BARE)
    assert "| train | 9 | 4 | 0 |" in text and "| val | 5 | 4 | 0 |" in text
    assert "No marked defect taught the model where to look." in text
    assert "Whether its evidence lies on the defects was not measured" in text
    assert "right (whether for the right reason is not known, for want of masks)" in text
    assert "right for the right reason" not in text


def test_with_masks_it_says_how_many() -> None:
    text = card(ReasonPolicy(split="val", verdicts=4, marked=4), train=HALF, val=HALF)
    assert "| train | 9 | 4 | 2 |" in text and "not measured" not in text and "taught" not in text
    assert "0 of 4 NG verdicts that are right for the right reason break a limit" in text


def test_it_says_that_it_contains_pictures_of_good_parts() -> None:
    assert "OK images of the training, some of which the bundle contains (good_parts.png)" in card(
        ReasonPolicy(split="val", good_parts=True)
    )
    assert "A repair comes from the image itself." in card(ReasonPolicy(split="val"))


def test_of_a_run_that_counted_no_masks_it_says_so() -> None:
    text = card(ReasonPolicy(split="val", verdicts=4))
    assert "| train | 9 | 4 | not counted |" in text
    assert "right (for the right reason where their defect is marked)" in text


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        (4, "0 of 4 NG verdicts that are right for the right reason."),
        (1, "0 of 4 NG verdicts that are right (for the right reason 1; of the others it is not known"),
        (0, "0 of 4 NG verdicts that are right (whether for the right reason is not known"),
    ],
)
def test_the_sentence_on_a_policy_says_how_far_reasons_are_known(marked: int, said: str) -> None:
    policy = described(ReasonPolicy(split="val", verdicts=4, marked=marked)).policy
    assert said in reason_sentence(policy)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"weights": "ImageNet"}, "weights ImageNet |"),  # a run of an older version
        ({"weights": "random", "frozen_stages": 0}, "weights random |"),
        ({"weights": "ImageNet", "frozen_stages": 4}, "weights ImageNet, 4 stages of it frozen |"),
    ],
)
def test_it_says_how_much_of_the_backbone_the_training_left_as_it_was(
    environment: dict[str, Any], said: str
) -> None:
    known = described(ReasonPolicy())
    training = {**known.training, "environment": environment}
    assert said in model_card(known.model_copy(update={"training": training}), {"formats": []})


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "px |"),  # a run of an older version
        ({"tta": 1}, "px |"),
        ({"tta": 2}, "px; seen as it is and mirrored |"),
        ({"tta": 8}, "px; seen as it is and mirrored, and so after each quarter turn |"),
    ],
)
def test_it_says_in_which_positions_an_image_is_seen(told: dict[str, int], said: str) -> None:
    known = described(ReasonPolicy())
    config = known.training["config"]
    training = {**known.training, "config": {**config, "model": {**config["model"], **told}}}
    text = model_card(known.model_copy(update={"training": training}), {"formats": []})
    (line,) = (line for line in text.splitlines() if line.startswith("| input |"))
    assert line.endswith(said) and str(known.preprocessing) in line


def test_it_lists_what_of_an_image_is_compared_with_the_training_or_says_that_nothing_is() -> None:
    plain = described(ReasonPolicy())
    assert "Whether images are like those of the training is not checked" in model_card(
        plain, {"formats": []}
    )
    ranges = {"width": UsualRange(low=300, high=700), "distance": UsualRange(high=2.5)}
    inputs = InputPolicy(ranges=ranges, share=0.005, split="val", images=40, training=80, outside=1)
    checked = plain.model_copy(update={"policy": plain.policy.model_copy(update={"inputs": inputs})})
    text = model_card(checked, {"formats": []})
    assert "* width (usual 300 px to 700 px)\n* feature distance (usual up to 2.5)\n" in text
    assert (
        "40 OK images of val, of which 1 lie outside, and 80 of the training. Of new OK images, 0.5%" in text
    )
