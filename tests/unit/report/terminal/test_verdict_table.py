"""The table of verdicts counts what was judged, and apart from it what could not be checked."""

from rich.console import Console

from gainspect.report.terminal.verdict_table import verdict_table


def record(verdict, *reasons):
    known = {"image": f"{verdict}.png", "verdict": verdict, "score": 0.9, "regions": [], "check": None}
    return known | {"review_reasons": list(reasons)}


def printed(records):
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(verdict_table(records, 1.0, rows=20))
    return " ".join(capture.get().split())


def test_review_for_want_of_a_check_is_counted_apart():
    records = [
        record("ng"),
        record("review", "unchecked"),
        record("review", "unchecked"),
        record("review", "maps_disagree", "unchecked"),
        record("review", "repair_keeps_score"),
        record("ok"),
    ]
    text = printed(records)
    assert "6 images: 1 NG, 4 REVIEW (2 of them not checked), 1 OK" in text
    assert "3 REVIEW: the reason could not be checked in full" in text
    assert "1 REVIEW: repairing the evidence does not lower the score" in text


def test_without_such_verdicts_nothing_is_said_of_them():
    assert "not checked" not in printed([record("ng"), record("review", "maps_disagree")])


def test_what_is_unlike_the_training_has_a_column_where_there_is_any():
    dark = {"name": "brightness", "value": 1.25, "low": 60.0, "high": 200.0}
    small = {"name": "width", "value": 64.0, "low": 300.0, "high": 700.0}
    records = [record("ok"), record("review", "unlike_training") | {"unlike": [dark, small]}]
    text = printed(records)
    assert "Unlike the training" in text and "1 REVIEW: the image is unlike those of the training" in text
    assert "brightness" in text and "64 px" in text
    assert "The training: brightness (usual 60 to 200), width (usual 300 px to 700 px)" in text
    assert "Unlike the training" not in printed(records[:1])
