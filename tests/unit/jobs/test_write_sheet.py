"""The contact sheet of a set with Hangul names and planted faults, as page and as picture."""

import csv
import re
from collections import Counter
from html import unescape
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_letters import likeness
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.data.mask_values import MaskValues
from gainspect.errors import GainspectError
from gainspect.jobs.write_sheet import write_sheet
from gainspect.report.drawing import contact_sheet
from gainspect.report.drawing.heat import OUTLINE
from gainspect.report.drawing.lettering import lettering
from gainspect.report.drawing.marked_picture import IGNORED
from gainspect.types import Label

MEANINGS = MaskValues.parse("1=defect,255=ignore")
COUNT = 12


def write(path: Path, pixels: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve OK and twelve NG images: one unreadable, one OK with a marked defect, one NG without a mask."""
    root = tmp_path / "부품"
    root.mkdir()
    rng = np.random.default_rng(0)
    parts = []
    for index in range(2 * COUNT):
        ng = index >= COUNT
        image = write(root / f"판_{index:02}.png", rng.integers(90, 160, (60, 80), np.uint8))
        mask = np.zeros((60, 80), np.uint8)
        mask[20:30, 30:45], mask[:8] = 1, 255
        if index == 3:
            image.write_bytes(b"nothing")
        masked = (ng and index != COUNT + 1) or index == 5
        parts.append(
            Part(
                image,
                Label.NG if ng else Label.OK,
                write(root / f"마스크_{index:02}.png", mask) if masked else None,
                defect_type="긁힘" if ng else None,
                split="test" if index % 4 == 0 else "train",
            )
        )
    save_manifest(Manifest(root, tuple(parts)), root / "manifest.csv")
    return root


def page_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def shown_in(page: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'data-name="(.*?)"', page)]


def colored(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - color).sum(axis=2) < 90).sum())


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_counts_every_image_and_shows_doubtful_ones_first(
    data: Path, tmp_path: Path, language: str
) -> None:
    out = tmp_path / "sheet.html"
    options = {"language": language, "mask_values": MEANINGS}
    assert write_sheet(data, out, per_cell=4, **options) == [out]  # type: ignore[arg-type]
    page = page_of(out)
    names = shown_in(page)
    # Of 9 OK training images the unreadable one comes first, then the one with a marked defect.
    assert names[:2] == ["판_03.png", "판_05.png"]
    assert len(names) == 4 + 3 + 4 + 3
    cells = re.findall(r"<h3>(.*?) <span class=\"caption\">(.*?)</span></h3>", page)
    said = {
        "en": "9 images of 9 parts; 2 doubtful; 4 shown, 5 more",
        "ko": "이미지 9장, 부품 9개; 의심 2장; 4장 표시, 그 밖에 5장",
    }
    assert cells[0] == ({"en": "Training", "ko": "학습"}[language], said[language])
    assert page.count('<figure class="framed"') == 2 and page.count('class="unread"') == 1
    assert "http" not in re.sub(r"data:image/jpeg;base64,[^\"]+", "", page)


def test_the_table_counts_what_the_manifest_has(data: Path, tmp_path: Path) -> None:
    """Among the types is one without a name, and one that is called as such a one is."""
    rows = list(csv.DictReader((data / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    for place, row in enumerate(rows[COUNT:]):
        row["defect_type"] = ("", "unnamed", "긁힘")[place % 3]
    with (data / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    write_sheet(data, tmp_path / "sheet.html", per_cell=1, mask_values=MEANINGS)
    body = re.findall(r"<tbody>(.*?)</tbody>", page_of(tmp_path / "sheet.html"), re.S)[0]
    found = [
        (re.findall(r"<a [^>]*>(.*?)</a>", row)[0], *map(int, re.findall(r'<td class="n">(\d+)', row)))
        for row in body.split("</tr>")[:-1]
    ]
    count = Counter((row["label"], row["defect_type"], row["split"]) for row in rows)
    expected = [
        (name, count[label, kind, "train"], count[label, kind, "test"])
        for name, label, kind in (
            ("OK", "ok", ""),
            ("NG: unnamed", "ng", ""),
            ("NG: unnamed", "ng", "unnamed"),
            ("NG: 긁힘", "ng", "긁힘"),
        )
    ]
    assert found == [(*row, row[1] + row[2]) for row in expected]


def test_an_unmarked_defect_is_said_and_the_lines_are_in_the_picture(data: Path, tmp_path: Path) -> None:
    import base64

    write_sheet(data, tmp_path / "sheet.html", per_cell=20, mask_values=MEANINGS)
    page = page_of(tmp_path / "sheet.html")
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) == 2 * COUNT
    for figure in figures:
        name = re.findall(r'data-name="(.*?)"', figure)[0]
        uri = re.findall(r"base64,([^\"]+)", figure)
        if name == "판_03.png":
            assert not uri
            continue
        content = np.frombuffer(base64.b64decode(uri[0]), np.uint8)
        picture = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR))[:, :, ::-1]
        number = int(name[2:4])
        marked = number == 5 or (number >= COUNT and number != COUNT + 1)
        assert (colored(picture, OUTLINE) > 100) is marked and (colored(picture, IGNORED) > 100) is marked
        assert ("nothing marked" in figure) is (number == COUNT + 1)


def test_the_picture_has_the_names_in_hangul(data: Path, tmp_path: Path) -> None:
    letters = lettering(["판긁힘"])
    if letters.missing:
        pytest.skip("no font with Korean letters is installed")
    folder = tmp_path / "out"
    files = write_sheet(data, folder, per_cell=2, language="ko", mask_values=MEANINGS)
    assert [file.name for file in files] == ["sheet.html", "sheet.png"]
    sheet = np.asarray(cv2.imread(str(folder / "sheet.png")))[:, :, ::-1]
    grey = np.ascontiguousarray(sheet[:, :, 0])
    for letter in "판":  # below each picture, in a line of 24 px
        assert likeness(grey, letter, letters.fonts[1], 12, 72) > 0.84
    for letter in "긁힘":  # heading of 46 px
        assert likeness(grey, letter, letters.fonts[1], 23, 72) > 0.84
    assert likeness(grey, "뷁", letters.fonts[1], 23, 72) < 0.75
    assert colored(sheet, IGNORED) > 100


def test_a_long_sheet_goes_on_in_further_files(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sheet(data, tmp_path / "whole.png", per_cell=8, mask_values=MEANINGS)
    monkeypatch.setattr(contact_sheet, "_HIGHEST", 500)
    files = write_sheet(data, tmp_path / "sheet.png", per_cell=8, mask_values=MEANINGS)
    assert [file.name for file in files][:2] == ["sheet.png", "sheet-2.png"] and len(files) > 2
    pieces = [np.asarray(cv2.imread(str(file))) for file in files]
    assert all(len(piece) <= 500 + 24 for piece in pieces)
    together = np.vstack([piece[:-24] for piece in pieces])
    assert (together == np.asarray(cv2.imread(str(tmp_path / "whole.png")))[:-24]).all()


def test_without_the_check_only_listed_images_are_doubtful(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.html"
    listed = frozenset({"판_22.png"})
    write_sheet(data, out, per_cell=2, checks=False, doubtful=listed, mask_values=MEANINGS)
    page = page_of(out)
    assert page.count('<figure class="framed"') == 1 and "not checked" in page
    assert shown_in(page)[4] == "판_22.png"  # the first NG image of the training part


@pytest.mark.parametrize("checks", [True, False])
def test_the_order_of_the_rows_changes_nothing(data: Path, tmp_path: Path, checks: bool) -> None:
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    write_sheet(data, one, per_cell=3, checks=checks, mask_values=MEANINGS)
    head, *rows = (data / "manifest.csv").read_text(encoding="utf-8").splitlines()
    (data / "manifest.csv").write_text("\n".join([head, *rows[::-1]]) + "\n", encoding="utf-8")
    write_sheet(data, other, per_cell=3, checks=checks, mask_values=MEANINGS)
    assert page_of(one) == page_of(other)


def test_another_suffix_and_an_unknown_name_are_refused_before_anything_is_written(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(GainspectError, match=r"cannot be written as \.pdf.*FILE.html, FILE.png, or a folder"):
        write_sheet(data, tmp_path / "sheet.pdf", per_cell=3)
    with pytest.raises(GainspectError, match="doubtful labels names 1 image"):
        write_sheet(data, tmp_path / "out", per_cell=3, doubtful=frozenset({"x.png"}))
    assert not (tmp_path / "out").exists() and not (tmp_path / "sheet.pdf").exists()
