"""Counts of a contact sheet in words."""

import pytest

from gainspect.data.sheet_cells import SheetCell
from gainspect.report.sheet_tiles import cell_in_words
from gainspect.report.texts import Wording
from gainspect.types import Label


@pytest.mark.parametrize(
    ("images", "groups", "en", "ko"),
    [
        (1, 1, "1 image of 1 part", "이미지 1장, 부품 1개"),
        (3, 1, "3 images of 1 part", "이미지 3장, 부품 1개"),
        (3, 2, "3 images of 2 parts", "이미지 3장, 부품 2개"),
    ],
)
def test_a_cell_counts_in_singular_and_plural(images: int, groups: int, en: str, ko: str) -> None:
    cell = SheetCell(Label.OK, "", None, images, groups, doubtful=0, shown=())
    for language, said in (("en", en), ("ko", ko)):
        assert cell_in_words(cell, Wording(language)).partition(";")[0] == said.partition(";")[0]
