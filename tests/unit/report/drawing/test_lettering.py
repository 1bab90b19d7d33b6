"""Letters of any script in pictures: drawn by a font that has them, or as digits; never as boxes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.font_manager import fontManager
from PIL import Image as Pillow

from drawn_letters import likeness
from gainspect.inspection.reason.check import plan
from gainspect.policy import HeatScale, ReasonPolicy
from gainspect.report.drawing import lettering as module
from gainspect.report.drawing.explanation import draw_explanation
from gainspect.report.drawing.lettering import LATIN, lettering
from gainspect.report.drawing.letters import Lettering
from gainspect.report.drawing.picture_grid import PictureRow, picture_grid
from gainspect.report.texts import Wording
from gainspect.types import Evidence, Label, ReasonCheck, Verdict

EVIDENCE = np.zeros((60, 90), np.float32)
EVIDENCE[20:30, 30:44] = 0.9
IMAGE = np.full((60, 90, 3), 128, np.uint8)
VERDICT = Verdict(
    Label.NG, 0.97, 0.5, Evidence(EVIDENCE), check=ReasonCheck(0.97, 0.5, 0.04, (0.96,), area=200)
)
FILE = "불량_긁힘 1.png"


def explained(place: Path, name: str, language: str = "en") -> tuple[Path, str | None]:
    out = place / f"{len(list(place.iterdir()))}.png"
    trial, scale = plan(IMAGE, EVIDENCE, 0.5, ReasonPolicy(), None), HeatScale(cold=0.1, hot=0.9)
    return out, draw_explanation(IMAGE, VERDICT, trial, scale, Wording(language), out, name=name)


def compared(place: Path, title: Sequence[str]) -> tuple[Path, str | None]:
    out = place / f"{len(list(place.iterdir()))}.png"
    row = PictureRow(title, IMAGE, np.zeros((60, 90), np.uint8), Label.NG, [VERDICT])
    return out, picture_grid([row], ["S9"], [1.0], out).sentence


def name_in_explanation(path: Path) -> np.ndarray:
    return grey(path)[30:80, 900:]


def title_in_grid(path: Path) -> np.ndarray:
    """Turned so that it reads from left to right."""
    return cv2.rotate(grey(path)[:, :100], cv2.ROTATE_90_CLOCKWISE)


def grey(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_each_letter_in_an_explanation_is_the_one_that_freetype_draws(tmp_path: Path, korean: str) -> None:
    drawn = name_in_explanation(explained(tmp_path, FILE)[0])
    assert all(likeness(drawn, letter, korean, 9.5) > 0.84 for letter in "불량긁힘")
    assert all(likeness(drawn, letter, korean, 9.5) < 0.75 for letter in "부품찍")


def test_each_letter_in_a_comparison_is_the_one_that_freetype_draws(tmp_path: Path, korean: str) -> None:
    drawn = title_in_grid(compared(tmp_path, ["긁힘", "부품-7", "1.png"])[0])
    assert all(likeness(drawn, letter, korean, 8) > 0.84 for letter in "긁힘부품")
    assert likeness(drawn, "찍", korean, 8) < 0.75


@pytest.mark.filterwarnings("ignore:Glyph .* missing")
def test_boxes_would_be_told_from_letters(tmp_path: Path, korean: str, monkeypatch) -> None:
    boxes = Lettering((LATIN,), frozenset())
    monkeypatch.setattr("gainspect.report.drawing.explanation.lettering", lambda texts: boxes)
    drawn = name_in_explanation(explained(tmp_path, FILE)[0])
    assert all(likeness(drawn, letter, korean, 9.5) < 0.75 for letter in "불량긁힘")


@pytest.mark.usefixtures("only_latin")
@pytest.mark.parametrize("draw", [explained, lambda place, name: compared(place, [name])])
def test_without_a_font_letters_are_digits_and_a_sentence_says_so(draw, tmp_path: Path) -> None:
    drawn, sentence = draw(tmp_path, "긁힘 1")
    expected, nothing = draw(tmp_path, r"\uae01\ud798 1")
    assert drawn.read_bytes() == expected.read_bytes()
    assert nothing is None
    assert sentence == (
        r"No installed font has 긁, 힘, so the picture shows \uae01, \ud798. Install a font that has them: "
        "for Hangul the package fonts-nanum, for Chinese, Japanese and Korean fonts-noto-cjk."
    )


@pytest.mark.usefixtures("only_latin")
def test_without_a_font_a_korean_explanation_is_in_english_and_a_sentence_says_so(tmp_path: Path) -> None:
    drawn, sentence = explained(tmp_path, "1.png", "ko")
    assert drawn.read_bytes() == explained(tmp_path, "1.png", "en")[0].read_bytes()
    assert sentence is not None and "and names" not in sentence
    assert "so the picture is in English. Install a font that has them" in sentence
    named = explained(tmp_path, "긁힘.png", "ko")[1]
    assert named is not None and "in English and names have digits for these letters." in named


def test_the_same_texts_give_the_same_file_which_names_its_fonts(tmp_path: Path, korean: str) -> None:
    one, other = (explained(tmp_path, FILE)[0] for _ in range(2))
    assert one.read_bytes() == other.read_bytes()
    with Pillow.open(one) as picture:
        assert picture.text["Font"] == f"{LATIN}, {korean}"
    with Pillow.open(compared(tmp_path, ["scratch"])[0]) as picture:
        assert picture.text["Font"] == LATIN


def test_a_font_counts_by_its_letters_not_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = next(entry for entry in fontManager.ttflist if entry.name == LATIN and entry.weight == 400)
    monkeypatch.setattr(module, "findSystemFonts", list)
    monkeypatch.setattr(fontManager, "ttflist", [latin, replace(latin, name="NanumGothic")])
    assert lettering(["긁힘"]).fonts == (LATIN,)
    assert lettering(["긁힘"]).missing == frozenset("긁힘")


def test_chinese_and_japanese_are_drawn_where_a_font_has_them() -> None:
    letters = lettering(["划痕", "キズ", "긁힘"])
    if letters.missing:
        pytest.skip("no font with Chinese, Japanese and Korean letters is installed")
    assert len(letters.fonts) == 2  # one font has them all


def test_a_font_that_has_a_box_for_everything_is_not_taken() -> None:
    assert lettering(["\U000f1234"]).missing == {"\U000f1234"}
    assert lettering(["\U000f1234"]).shown("\U000f1234", 20) == r"\U000f1234"


def test_a_name_in_parts_as_a_mac_writes_it_is_drawn_whole(tmp_path: Path) -> None:
    parts = "\u1100\u1173\u11b0"
    assert lettering([parts]) == lettering(["긁"])
    assert lettering(["긁"]).shown(parts, 20) == lettering(["긁"]).shown("긁", 20)


@pytest.mark.parametrize("name", ["$\\frac$", "a$b$c", "line\nbreak", "part\udcba.png", "tab\t", "_x"])
def test_no_name_is_taken_for_a_formula_or_breaks_the_picture(name: str, tmp_path: Path) -> None:
    assert explained(tmp_path, name)[1] is None
    assert compared(tmp_path, [name])[1] is None


def test_a_long_name_keeps_both_its_ends() -> None:
    letters = lettering(["긁"])
    assert letters.shown("n" * 100 + ".png", 10) == "nnnnn….png"
    shown = replace(letters, missing=frozenset()).shown("긁" * 20, 11)
    assert shown == "긁긁긁…긁긁"  # ten columns, and one for the dots
    assert letters.shown("short.png", 9) == "short.png"
