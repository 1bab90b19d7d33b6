"""The same outlines, written as each tool writes them, are the same masks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from drawn_labels import agrees, imported, photo
from gainspect.data.importers.registry import IMPORTERS, recognized
from gainspect.data.importers.source import Source
from gainspect.types import Label
from tool_exports import CLASS, OUTLINES, TOOLS, Sample

_STAR = [
    (round(30 + 17.3 * np.cos(a) * r, 2), round(20 + 16.2 * np.sin(a) * r, 2))
    for a, r in zip(np.linspace(0, 6, 12).tolist(), [1, 0.4] * 6, strict=True)
]
_RINGS = {
    "triangle.png": [[(5.3, 4.2), (40.7, 9.1), (12.9, 33.6)]],
    "star.png": [_STAR, [(50.2, 30.1), (57.9, 30.1), (57.9, 38.3), (50.2, 38.3)]],
    "none.png": [],
}


@pytest.fixture
def samples(tmp_path: Path) -> Sequence[Sample]:
    return [
        Sample(name, photo(tmp_path / "photos" / name).read_bytes(), 40, 60, tuple(rings))
        for name, rings in _RINGS.items()
    ]


@pytest.mark.parametrize("tool", OUTLINES)
def test_outlines_are_the_pixels_whose_centers_they_hold(
    tool: str, samples: Sequence[Sample], tmp_path: Path
) -> None:
    OUTLINES[tool](samples, tmp_path / "set")
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert done.record["format"] == tool
    assert done.record["outcome"]["left"] == {}
    assert len(manifest.parts) == len(_RINGS)
    for part in manifest.parts:
        rings, mask = _RINGS[part.image.name], manifest.mask(part)
        assert part.label is (Label.NG if rings else Label.OK)
        assert part.defect_type == (CLASS if rings else None)
        assert (mask is None) == (not rings)
        assert mask is None or agrees(mask, rings)


@pytest.mark.parametrize("tool", TOOLS)
def test_each_format_is_recognized_as_no_other(tool: str, samples: Sequence[Sample], tmp_path: Path) -> None:
    TOOLS[tool](samples, tmp_path / "set")
    assert [importer.name for importer, _ in recognized(Source(tmp_path / "set"))] == [tool]


def test_a_file_of_another_kind_is_recognized_as_none(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    for name in ("a.json", "a.xml", "a.txt", "a.yaml"):
        (tmp_path / name).write_text("{[<")
    assert recognized(Source(tmp_path)) == []
    for importer in IMPORTERS:
        assert importer.recognize(Source(tmp_path / "a.txt")) is None
