"""A model's rows: named whatever the working folder, each file a trial, references by name or content."""

import hashlib
import json
from pathlib import Path

import pytest

from gainspect.data.importers import load_manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.model_rows import model_rows
from gainspect.types import Label


def record(image: str, verdict: str | None = "ok", **more: object) -> dict[str, object]:
    error = None if verdict else "cannot read it."
    return {
        "image": image,
        "sha256": image[-5:],
        "verdict": verdict,
        "error": error,
        "bundle": "b" * 64,
    } | more


@pytest.fixture
def verdicts(tmp_path: Path):
    def write(*records: object, name: str = "verdicts.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
        return path

    return write


def names(*args: object) -> list[str]:
    return [row.part for row in model_rows(*args).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("start", ["", "/data/", "../x/", "./", "C:\\img\\", "a/../b/"])
def test_names_do_not_depend_on_the_working_folder(verdicts, start: str) -> None:
    path = verdicts(record(f"{start}ok/1.png"), record(f"{start}ng/1.png", "ng"))
    assert names([path]) == ["ok/1.png", "ng/1.png"]
    assert names([verdicts(record(f"{start}s/ok/1.png"), record(f"{start}s/ok/2.png"))]) == ["1.png", "2.png"]
    assert names([verdicts(record(f"{start}ok/1.png"))]) == ["1.png"]


def test_each_file_is_a_trial_and_new_photographs_are_of_the_same_parts(verdicts) -> None:
    first = verdicts(record("monday/a.png"), record("monday/b.png", "review"))
    second = verdicts(record("/other/tuesday/b.png", "ng"), record("/other/tuesday/a.png"), name="2.jsonl")
    made = model_rows([first, second])
    assert [(row.part, row.trial, row.decision) for row in made.rows] == [
        ("a.png", 1, Label.OK),
        ("b.png", 1, Label.REVIEW),
        ("b.png", 2, Label.NG),
        ("a.png", 2, Label.OK),
    ]


def test_what_could_not_be_read_goes_to_a_person(verdicts) -> None:
    made = model_rows([verdicts(record("a.png", None, sha256=None, bundle=None), record("b.png"))])
    assert [row.decision for row in made.rows] == [Label.REVIEW, Label.OK]
    assert made.rows[0].sha256 == ""
    assert made.unread == 1


def test_parts_take_the_names_and_references_of_a_table(verdicts, tmp_path: Path) -> None:
    path = verdicts(record("/d/s1/ok/판-1.png"), record("/d/s1/ng/판-2.png"), record("/d/s1/ng/extra.png"))
    table = tmp_path / "people.csv"
    table.write_text("part,appraiser,reference\n판-1,Kim,양품\nng\\판-2.png,Kim,불량\nelsewhere,Kim,ok\n")
    made = model_rows([path], table)
    assert [(row.part, row.reference) for row in made.rows] == [
        ("판-1", Label.OK),
        ("ng\\판-2.png", Label.NG),
    ]
    assert made.left_out == ("ng/extra.png",)
    assert made.not_judged == ("elsewhere",)


def test_images_of_a_data_set_are_known_by_their_content(verdicts, parts_folder: Path) -> None:
    parts = load_manifest(parts_folder)
    judged = [
        record(f"copy/{index}.png", "ng", sha256=hashlib.sha256(part.image.read_bytes()).hexdigest())
        for index, part in enumerate(parts.parts[:6])
    ]
    made = model_rows([verdicts(*judged, record("copy/stranger.png"))], parts.root)
    assert [row.reference for row in made.rows] == [part.label for part in parts.parts[:6]]
    assert made.left_out == ("stranger.png",)


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ([], "it holds no verdicts"),
        ([record("a.png"), {"image": "b.png"}], "line 2: this is no record of a verdict"),
        ([[1]], "line 1: this is no record of a verdict"),
        (["text"], "line 1: this is no record of a verdict"),
        ([{"image": "a", "verdict": None, "error": None}], "line 1: this is no record of a verdict"),
        ([record("a.png", "perhaps")], "decision 'perhaps' is not ok, ng or review"),
        ([record("-")], "line 1: an image from stdin has no name"),
        ([record("a.png"), record("./a.png")], "line 2: part 'a.png' was judged already in"),
        ([record("a.png"), record("/x/b.png")], "some images have absolute names"),
        ([record("a.png"), record("b.png", bundle="c" * 64)], "line 2: this verdict is of another bundle"),
    ],
)
def test_bad_verdicts_are_one_sentence(verdicts, records: list[object], sentence: str) -> None:
    with pytest.raises(GainspectError) as raised:
        model_rows([verdicts(*records)])
    assert sentence in str(raised.value)
    assert "verdicts.jsonl" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("part,reference\nz,ok\n", "it says nothing of any image that was judged"),
        ("part,reference\na,ok\nx/a.png,ok\n", "could be part 'a' or 'x/a.png'"),
        ("part,label\na,ok\n", "neither the columns part and reference nor those of a manifest"),
        ("part,reference\na,maybe\n", "reference 'maybe' is not ok or ng"),
        ("image,label\nnone.png,ok\n", "none.png"),
    ],
)
def test_bad_references_are_one_sentence(verdicts, tmp_path: Path, text: str, sentence: str) -> None:
    table = tmp_path / "r.csv"
    table.write_text(text)
    with pytest.raises(GainspectError) as raised:
        model_rows([verdicts(record("y/x/a.png"), record("y/x/b.png"))], table)
    assert sentence in str(raised.value)


def test_a_name_that_fits_two_images_is_refused(verdicts, tmp_path: Path) -> None:
    table = tmp_path / "r.csv"
    table.write_text("part,reference\n1,ok\n")
    with pytest.raises(GainspectError, match="part '1' was judged already"):
        model_rows([verdicts(record("ok/1.png"), record("ng/1.png"))], table)


def decision(part: str, made: str, *files: str | None, fired: tuple[str, ...] = ()) -> dict[str, object]:
    return {"part": part, "decision": made, "fired": list(fired), "sha256": list(files), "bundle": "b" * 64}


def test_parts_of_several_images_are_rows_of_their_decisions(verdicts, tmp_path: Path) -> None:
    path = verdicts(
        decision("p1", "ng", "x", "y", fired=("score",)),
        decision("p2", "review", "z", None, fired=("unreadable",)),
        name="decisions.jsonl",
    )
    table = tmp_path / "people.csv"
    table.write_text("part,appraiser,reference\np1,Kim,ng\np2,Kim,ok\n")
    made = model_rows([path], table)
    assert [(row.part, row.decision, row.reference) for row in made.rows] == [
        ("p1", Label.NG, Label.NG),
        ("p2", Label.REVIEW, Label.OK),
    ]
    assert made.rows[0].sha256 == hashlib.sha256(b"x\ny").hexdigest() and made.rows[1].sha256 == ""
    assert made.unread == 1
    other = verdicts(decision("p1", "ng", "y", "x", fired=("score",)), name="again.jsonl")
    assert model_rows([other]).rows[0].sha256 == made.rows[0].sha256  # the same files in another order
    with pytest.raises(GainspectError, match="no record of a verdict"):
        model_rows([verdicts({"decision": "ng"}, name="odd.jsonl")])
