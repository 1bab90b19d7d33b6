"""What `gainspect calibrate --show` prints: counts, bounds, and the scores with recall and false alarms."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

from gainspect.evaluation.chosen_on import ChosenOn
from gainspect.evaluation.judged_parts import JudgedPart
from gainspect.metrics.classification import at_threshold
from gainspect.report.terminal.operating_tables import operating_view, score_table
from gainspect.report.texts import Wording
from report_parts import bundle, point_with_floor

POLICY = bundle().description.policy.model_copy(update={"threshold": 0.6, "review_from": 0.25})
RNG = np.random.default_rng(0)
SCORES = np.concatenate([RNG.beta(4, 2, 20), RNG.beta(1, 8, 50)])
PARTS = tuple(
    JudgedPart(name=f"{n}.png", group=f"{n}", ng=n < 20, score=float(score), confirmed=float(score))
    for n, score in enumerate(SCORES)
)


def printed(*renderables):
    console = Console(file=io.StringIO(), width=100)
    console.print(*renderables, sep="\n")
    return console.file.getvalue()


def test_each_row_has_the_rates_of_a_threshold_at_its_lower_end():
    rows = re.findall(
        r"^ +([\d.e-]+) .*? ([\d.]+) %\s+([\d.]+) %\s*$",
        printed(score_table(PARTS, POLICY, 0.15, Wording("en"))),
        re.MULTILINE,
    )
    lows = [float(low) for low, _, _ in rows]
    assert lows == sorted(lows, reverse=True) and {0.6, 0.25, 0.15} <= set(lows)
    for low, alarms, recall in rows:
        figures = at_threshold(SCORES, np.arange(70) < 20, float(low))
        assert float(alarms) == pytest.approx(100 * figures["false_alarm_rate"], abs=0.051)
        assert float(recall) == pytest.approx(100 * figures["recall"], abs=0.051)


def test_all_parts_are_in_a_row():
    text = printed(score_table(PARTS, POLICY, None, Wording("en")))
    assert sum(int(count) for count in re.findall(r"█ (\d+)", text)) == 70


@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_says_everything_in_both_languages(language):
    wording, point = Wording(language), point_with_floor(0.15)
    text = " ".join(
        printed(*operating_view(POLICY, point, ChosenOn(split="val", parts=PARTS), wording)).split()
    )
    for key in ("pn_histogram", "pn_decisions", "pn_floor", "pn_caught", "op_flattered", "ap_effectiveness"):
        assert wording(key) in text, key
    assert "59" in text and "299" in text


def test_of_an_older_bundle_there_are_sentences_only():
    text = printed(*operating_view(POLICY, point_with_floor(0.15), None, Wording("en")))
    assert "missed proves" in text and "appraiser" not in text and "█" not in text
