"""Corrections: what a table says is what changes, and nothing else; what does not fit is refused by place."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.data.corrections import Choice, choices_for, corrected, read_corrections
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.types import Label

ROWS = """image,label,mask,group,part,defect_type,split,line
a.png,ok,,g1,,,train,7
b.png,ng,mb.png,g2,,pit,train,7
불량.png,ng,mc.png,g3,,긁힘,val,8
d.png,ng,,g4,,pit,test,8
e.png,ok,,g5,,,test,9
"""


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    for name in ("a", "b", "불량", "d", "e", "mb", "mc"):
        content = cv2.imencode(".png", np.full((8, 8), 90, np.uint8))[1].tobytes()
        (tmp_path / f"{name}.png").write_bytes(content)
    (tmp_path / "manifest.csv").write_text(ROWS, encoding="utf-8")
    return load_manifest(tmp_path)


def applied(data: Manifest, text: str):  # type: ignore[no-untyped-def]
    table = data.root / "corrections.csv"
    table.write_text(text, encoding="utf-8-sig")
    return corrected(data, read_corrections(table), table)


def rows_of(manifest: Manifest) -> dict[str, tuple[object, ...]]:
    return {
        manifest.key(part): (
            part.label,
            part.mask and part.mask.name,
            part.group,
            part.defect_type,
            part.split,
        )
        for part in manifest.parts
    }


def test_what_the_table_says_is_what_changes(data: Manifest) -> None:
    done = applied(
        data,
        "image,label,correction,score,note\r\n"
        'a.png,ok,ng,0.98,"작은 긁힘, 왼쪽"\r\n'
        "b.png,ng,ok,0.02,\r\n"
        "불량.png,ng,mask,0.90,\r\n"
        "d.png,ng,right,0.10,\r\n"
        "e.png,ok,unsure,0.60,?\r\n",
    )
    assert rows_of(done.manifest) == {
        **rows_of(data),
        "a.png": (Label.NG, None, "g1", None, "train"),
        "b.png": (Label.OK, None, "g2", None, "train"),
        "불량.png": (Label.NG, None, "g3", "긁힘", "val"),
    }
    assert (done.to_ng, done.to_ok, done.without_mask) == (("a.png",), ("b.png",), ("불량.png",))
    assert (done.kept, done.unsure, done.in_test) == (1, ("e.png",), ())
    first = done.manifest.parts[0].extra
    assert first == {"line": "7", "correction": "ng", "correction_note": "작은 긁힘, 왼쪽"}


def test_corrections_of_the_test_part_are_named(data: Manifest) -> None:
    done = applied(data, "image,correction\nd.png,OK\ne.png,right\n")
    assert done.in_test == ("d.png",) and done.to_ok == ("d.png",) and done.kept == 1


def test_once_more_changes_nothing(data: Manifest) -> None:
    text = "image,label,correction\na.png,ok,ng\nb.png,ng,ok\n불량.png,ng,mask\n"
    once = applied(data, text)
    twice = applied(once.manifest, text)
    assert twice.manifest == once.manifest and twice.kept == 3
    assert twice.to_ok == twice.to_ng == twice.without_mask == ()


def test_names_are_found_in_any_unicode_form_and_with_backslashes(data: Manifest) -> None:
    import unicodedata

    name = unicodedata.normalize("NFD", "불량.png")
    assert name != "불량.png"
    assert applied(data, f"image,correction\n{name},mask\n").without_mask == ("불량.png",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image,correction\nx.png,ng\n",
            r"name 1 image that the data do not have, such as 'x.png' \(line 2\)",
        ),
        (
            "image,correction\na.png,good\n",
            "line 2: correction 'good' is not known.*right, ok, ng, mask, unsure",
        ),
        ("image,correction\na.png,ng\na.png,ok\n", r"line 3: image 'a.png' is corrected to ng \(line 2\)"),
        ("image,label,correction\na.png,ng,right\n", "line 2: image 'a.png' was NG when it was looked at"),
        ("image,label\na.png,ng\n", "column 'correction' is missing"),
        ("image,correction\n,ng\n", "line 2: the column image is empty"),
    ],
)
def test_what_does_not_fit_is_refused_by_place(data: Manifest, text: str, message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        applied(data, text)


def test_rows_without_a_correction_are_left_out(data: Manifest) -> None:
    done = applied(data, "image,correction\na.png,\nb.png,right\n")
    assert rows_of(done.manifest) == rows_of(data) and done.kept == 1


def test_what_can_be_said_of_an_image() -> None:
    ok = choices_for(Label.OK, masked=False)
    ng = choices_for(Label.NG, masked=True)
    assert ok == (Choice.RIGHT, Choice.NG, Choice.UNSURE)
    assert ng == (Choice.RIGHT, Choice.OK, Choice.MASK, Choice.UNSURE)
