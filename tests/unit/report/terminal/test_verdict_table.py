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
