"""What a comparison says of the runtimes that its figures come from."""

import pytest

from gainspect.report.html.comparison_report import _judged_by
from gainspect.report.texts import Wording

BUNDLE = {"runtime": "onnxruntime", "precision": "f32", "network": "bundle"}
CHECKPOINT = {"runtime": "torch", "precision": "f32", "network": "checkpoint"}


@pytest.mark.parametrize(
    ("judged", "told"),
    [
        ({"S1": BUNDLE, "S9": BUNDLE}, ["Judged by onnxruntime f32."]),
        (
            {"S1": BUNDLE, "S9": CHECKPOINT},
            [
                "S1: Judged by onnxruntime f32.",
                "S9: Judged by torch f32: the trained checkpoint, not the bundle that is deployed.",
            ],
        ),
        ({"S1": BUNDLE, "S9": None}, ["S1: Judged by onnxruntime f32."]),  # an older version judged S9
        ({"S1": None}, []),
        ({}, []),
    ],
)
def test_it_is_said_once_where_it_is_the_same_for_all(judged: dict, told: list[str]) -> None:
    assert _judged_by(judged, Wording("en")) == told
