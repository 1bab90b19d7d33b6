"""The name in an overlay: its letters are the right ones, whatever is installed and however wide it is."""

import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from drawn_letters import likeness
from gainspect.policy import HeatScale
from gainspect.report.drawing import name_line as module
from gainspect.report.drawing.lettering import LATIN
from gainspect.report.drawing.letters import Lettering
from gainspect.report.drawing.name_line import name_letters, name_line
from gainspect.report.drawing.overlay import overlay, to_png
from gainspect.types import Evidence, Label, Verdict

FILE = "불량_긁힘 1.png"
SHOWN = 320
"""Rows of the picture; the legend has 34."""
ODD = ["a[1].png", "$\\frac$.png", "a$b$c", "line\nbreak", "part\udcba.png", "_x", "-", "[bold]x"]
PLAIN = Lettering((), frozenset())


def drawn(name: str, letters: Lettering, width: int = 640) -> np.ndarray:
    image = np.full((SHOWN, width, 3), 128, np.uint8)
    verdict = Verdict(Label.NG, 0.97, 0.5, Evidence(np.zeros((SHOWN, width), np.float32)))
    return overlay(image, verdict, HeatScale(cold=0.1, hot=0.9), name=name, letters=letters)


def line_of(picture: np.ndarray) -> np.ndarray:
    """(H, W), the line with the name; it is as high as the banner below it."""
    height = (len(picture) - SHOWN - 34) // 2
    return np.ascontiguousarray(picture[SHOWN + 34 : SHOWN + 34 + height, :, 0])


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "gainspect.report.drawing.lettering"):
        monkeypatch.setitem(sys.modules, name, None)


def test_each_letter_is_the_one_that_freetype_draws(korean: str) -> None:
    line = line_of(drawn(FILE, name_letters([FILE])))
    points = len(line) / 2  # of an em, at 72 dots an inch: pixels
    assert all(likeness(line, letter, korean, points, 72) > 0.84 for letter in "불량긁힘")
    assert all(likeness(line, letter, korean, points, 72) < 0.75 for letter in "부품찍")
    assert all(likeness(line, letter, LATIN, points, 72) > 0.84 for letter in "1pn")


@pytest.mark.usefixtures("korean")
def test_two_names_differ_in_their_line_alone() -> None:
    names = ["긁힘.png", "찍힘.png", "a.png", "b.png"]
    letters = name_letters(names)
    pictures = [drawn(name, letters) for name in names]
    for index, one in enumerate(pictures):
        for other in pictures[:index]:
            rows = np.flatnonzero((one != other).any(axis=(1, 2)))
            assert rows.min() >= SHOWN + 34 and rows.max() < SHOWN + 34 + len(line_of(one))
    assert (drawn(names[0], letters) == pictures[0]).all()


@pytest.mark.usefixtures("only_latin")
def test_without_a_font_digits_are_drawn_and_a_sentence_says_so() -> None:
    letters = name_letters(["긁힘.png", "a.png"])
    assert (drawn("긁힘.png", letters) == drawn(r"\uae01\ud798.png", PLAIN)).all()
    sentence = letters.sentence
    assert sentence is not None
    assert sentence.startswith(
        r"No installed font has 긁, 힘, so the picture shows \uae01, \ud798. Install a"
    )


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_digits_are_drawn_and_a_sentence_says_so() -> None:
    letters = name_letters(["긁힘.png", "é.png", "a.png"])
    assert (drawn("긁힘.png", letters) == drawn(r"\uae01\ud798.png", PLAIN)).all()
    assert letters.fonts_for("긁힘.png") == ()
    assert letters.sentence == (
        r"Without matplotlib there is no font for é, 긁, 힘, so the picture shows \xe9, \uae01, \ud798. "
        "Install it with: pip install 'gainspect[report]'"
    )


@pytest.mark.usefixtures("no_matplotlib")
def test_names_in_ascii_need_no_matplotlib_and_no_sentence() -> None:
    assert name_letters(["part-17.png", *ODD]) == PLAIN


def test_a_sentence_speaks_of_the_names_that_were_drawn() -> None:
    letters = Lettering((LATIN,), frozenset("긁힘찍"))
    assert letters.limited_to(["긁.png", "a.png"]).missing == {"긁"}
    assert letters.limited_to(["\u1100\u1173\u11b0.png"]).missing == {"긁"}  # as a Mac writes it
    assert letters.limited_to([]).sentence is None


@pytest.mark.usefixtures("korean")
@pytest.mark.parametrize("name", [*ODD, "n" * 250 + ".png", "긁" * 80 + ".png"])
@pytest.mark.parametrize("width", [320, 4000])
def test_every_name_is_drawn_within_its_margins(name: str, width: int) -> None:
    letters = name_letters([name, FILE])
    for given_name in (name, f"{name}힘"):  # by OpenCV unless it has Hangul, and by matplotlib
        line = name_line(given_name, letters, width, 28)
        inked = np.flatnonzero((line < 200).any(axis=(0, 2)))
        assert line.shape == (28, width, 3)
        assert inked.min() >= 6 and inked.max() < width - 6
        rows = np.flatnonzero((line < 200).any(axis=(1, 2)))
        assert rows.min() > 2 and rows.max() < 27


@given(st.integers(1, 250), st.sampled_from([320, 427, 700]))
def test_a_name_too_wide_keeps_both_ends_and_as_much_as_fits(length: int, width: int) -> None:
    name = f"start{'0123456789' * 25}"[:length] + "end.png"

    def size(text: str) -> int:
        return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 14 / 31, 1)[0][0]

    shown = PLAIN.shown(name, width - 16, size, "...")
    assert size(shown) <= width - 16
    if shown == name:
        return
    begin, _, end = shown.partition("...")
    assert name.startswith(begin) and name.endswith(end) and 0 <= len(begin) - len(end) <= 1
    more = len(begin) + len(end) + 1
    assert size(f"{name[: -(-more // 2)]}...{name[-(more // 2) :]}") > width - 16


def test_a_long_name_is_drawn_with_both_its_ends(korean: str) -> None:
    name = "긁" + "n" * 100 + "힘"
    line = line_of(drawn(name, name_letters([name])))
    half = line.shape[1] // 2
    points = len(line) / 2
    assert likeness(line[:, :half], "긁", korean, points, 72) > 0.84
    assert likeness(line[:, half:], "힘", korean, points, 72) > 0.84


def test_the_png_names_the_fonts_of_a_name_that_has_some(tmp_path, korean: str) -> None:
    letters = name_letters([FILE, "a.png"])
    for name, fonts in ((FILE, f"{LATIN}, {korean}"), ("a.png", None)):
        picture = drawn(name, letters)
        used = ", ".join(letters.fonts_for(name))
        (tmp_path / "x.png").write_bytes(to_png(picture, {"Font": used} if used else {}))
        with Pillow.open(tmp_path / "x.png") as read:
            assert read.text.get("Font") == fonts
            np.testing.assert_array_equal(np.asarray(read), picture)
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / "x.png"))[:, :, ::-1], picture)


def test_matplotlib_draws_no_name_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_by_matplotlib", None)
    letters = replace(PLAIN, fonts=(LATIN,))
    assert (drawn("part-17.png", letters) == drawn("part-17.png", PLAIN)).all()


@pytest.mark.parametrize(
    ("shape", "picture"), [((2, 2000), (4, 4096)), ((2000, 2), (4096, 320)), ((3, 5000), (3, 5000))]
)
def test_a_thin_image_is_not_enlarged_beyond_all_measure(
    shape: tuple[int, int], picture: tuple[int, int]
) -> None:
    image, evidence = np.full((*shape, 3), 128, np.uint8), np.zeros(shape, np.float32)
    verdict = Verdict(Label.OK, 0.1, 0.5, Evidence(evidence))
    made = overlay(image, verdict, HeatScale(cold=0.1, hot=0.9), name="part-17.png", letters=PLAIN)
    height, width = picture
    below = 34 + 2 * max(28, min(width // 16, 48))
    assert made.shape == (height + below, width, 3)
    line = made[height + 34 : height + 34 + (below - 34) // 2]
    assert (line == name_line("part-17.png", PLAIN, width, len(line))).all() and (line < 200).any()
