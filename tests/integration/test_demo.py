"""The demo's words follow its figures; the demo itself runs, on a small scale."""

import io
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.evaluation.saved_verdicts import ALL_LABELS, METRICS, PREDICTIONS
from gainspect.jobs import run_demo as demo
from gainspect.jobs.run_comparison import run_path
from gainspect.jobs.run_demo import CueFigures, conclusion, run_demo
from gainspect.training.run_folder import RunFolder
from gainspect.types import Label

PLAIN = CueFigures("S1", 0.9, 0.3, 0.8, 0.2, 0.1, 0.0, 0.7, 0.1, 0.2)
GUIDED = CueFigures("S6", 0.9, 0.9, 0.1, 0.1, 0.85, 0.05, 0.1, 0.95, 0.9)


def test_the_conclusion_says_who_follows_what() -> None:
    text = conclusion(PLAIN, GUIDED, replace(GUIDED, name="S9", ok_stamped=0.3))
    assert "raises P(NG) by 60 points with S1, 0 points with S6, 10 points with S9." in text
    assert "S6 is right for the right reason on 90% of the parts, S1 on 20%." in text
    assert "S9 is right for the right reason on 90% of the parts, S1 on 20%." in text
    assert (
        "S1 catches 10% of the defects with 0% false alarms, and sends 70% of the parts to a person." in text
    )


def test_the_conclusion_does_not_claim_what_did_not_happen() -> None:
    assert "S6 was not clearly better" in conclusion(PLAIN, replace(GUIDED, right_reason_rate=0.1))
    assert "S6 was not clearly better" in conclusion(GUIDED, replace(PLAIN, name="S6"))


@pytest.mark.slow
def test_the_demo_runs_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"size": 64, "parts": {"train": 40, "test": 20}, "views": 1}
    monkeypatch.setattr(demo, "SPEC", demo.SPEC.model_copy(update=small))
    config = {
        "data": {"size": 64},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"epochs": 1, "stage_starts": (0, 0, 0, 0)},
    }
    monkeypatch.setattr(demo, "CONFIG", RunConfig.model_validate(config))
    text = io.StringIO()
    figures = run_demo(tmp_path / "demo", Console(file=text, width=100))
    assert [row.name for row in figures] == ["S1", "S9"]
    assert "compare.png" in text.getvalue()
    assert (tmp_path / "demo" / "compare.png").is_file()
    assert "report.html" in text.getvalue()
    assert "Inspection report" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    # The means with and without the stamp make up that of all parts.
    test = load_manifest(tmp_path / "demo" / "data").split("test").parts
    stamped = {label: [part.extra["cue"] == "1" for part in test if part.label is label] for label in Label}
    for row in figures:
        evaluation = RunFolder(run_path(tmp_path / "demo", row.name, 1)).evaluation_folder()
        summary = json.loads((evaluation / METRICS).read_text())[ALL_LABELS]
        lines = (evaluation / PREDICTIONS).read_text().splitlines()
        label_at, score_at = (lines[0].split(",").index(name) for name in ("label", "score"))
        for label, means in (
            (Label.NG, (row.ng_plain, row.ng_stamped)),
            (Label.OK, (row.ok_plain, row.ok_stamped)),
        ):
            scores = [float(c[score_at]) for c in (line.split(",") for line in lines) if c[label_at] == label]
            assert mean(scores) == pytest.approx(mean(means[cue] for cue in stamped[label]))
        decided, ng = summary["decisions"], len(stamped[Label.NG])
        assert row.caught == pytest.approx(decided["caught"] / ng)
        assert row.false_alarms == pytest.approx(decided["false_alarms"] / (len(test) - ng))
        assert row.review == pytest.approx((decided["review_ng"] + decided["review_ok"]) / len(test))
        assert row.right_reason_rate == pytest.approx(summary["right_reason_rate"]["value"])
        pointing = summary["maps"]["evidence"]["pointing_game"]["value"]
        assert row.pointing_game == pytest.approx(pointing)
