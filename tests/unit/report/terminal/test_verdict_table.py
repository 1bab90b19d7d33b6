"""The table of verdicts counts what was judged, and apart from it what could not be checked."""

from rich.console import Console

from gainspect.report.terminal.verdict_table import SeenDecisions, SeenVerdicts, decision_table, verdict_table


def record(verdict, *reasons):
    known = {"image": f"{verdict}.png", "verdict": verdict, "score": 0.9, "regions": [], "check": None}
    return known | {"review_reasons": list(reasons)}


def table_of(records, rows=20, before=0, seconds=1.0):
    seen = SeenVerdicts(rows)
    for index, one in enumerate(records):
        seen.add(one, before=index < before)
    return verdict_table(seen, seconds)


def as_text(table):
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return " ".join(capture.get().split())


def printed(records):
    return as_text(table_of(records))


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


def test_so_many_rows_are_shown_and_all_are_counted():
    """Of 30 OK, 3 NG and 2 unreadable images, four rows: those that are not OK, in the order they came."""
    records = [record("ok") for _ in range(30)]
    for place, verdict in ((7, "ng"), (15, None), (16, "ng"), (20, "ng"), (29, None)):
        records.insert(place, record(verdict) | {"image": f"{place}.png"})
    table = table_of(records, rows=4, before=25, seconds=2.0)
    assert [str(cell) for cell in table.columns[0].cells] == ["7.png", "15.png", "16.png", "20.png"]
    text = as_text(table)
    assert "35 images: 3 NG, 30 OK, 2 not judged" in text
    assert "31 more are not shown 5.0 images/s" in text  # 10 of them in 2 s
    few = table_of(records, rows=34)
    assert [str(cell) for cell in few.columns[0].cells][:5] == [
        f"{place}.png" for place in (7, 15, 16, 20, 29)
    ]
    assert few.row_count == 34


def test_no_rate_is_told_where_nothing_was_judged():
    assert "– images/s" in as_text(table_of([record("ok")], before=1))


def test_parts_are_counted_as_images_are():
    seen = SeenDecisions(rows=2)
    for name, decision in (("a", "ok"), ("b", "ok"), ("c", "review"), ("d", "ng")):
        seen.add({"part": name, "decision": decision, "score": None, "images": ["1", "2"], "fired": []})
    table = decision_table(seen)
    assert [str(cell) for cell in table.columns[0].cells] == ["c", "d"]
    assert "4 parts: 1 NG, 1 REVIEW, 2 OK" in as_text(table) and "2 more are not shown" in as_text(table)
