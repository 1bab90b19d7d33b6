"""The picture of a comparison names each part."""

from pathlib import Path

import pytest

from gainspect.data.manifest import Manifest, Part
from gainspect.jobs.run_comparison import _title
from gainspect.types import Label


@pytest.mark.parametrize(
    ("group", "kind", "lines"),
    [
        ("부품-7", "긁힘", ["긁힘", "부품-7", "불량 1.png"]),
        ("부품-7", None, ["NG", "부품-7", "불량 1.png"]),
        ("불량 1", "긁힘", ["긁힘", "불량 1.png"]),  # the image is its own part
    ],
)
def test_a_row_says_what_it_is_which_part_and_which_file(
    group: str, kind: str | None, lines: list[str]
) -> None:
    part = Part(Path("data/불량 1.png"), Label.NG, group=group, defect_type=kind)
    assert _title(Manifest(Path("data"), (part,)), part) == lines
