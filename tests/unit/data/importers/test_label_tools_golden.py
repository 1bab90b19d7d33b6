"""What other programs wrote and decoded; see tests/reference/label_tools.py for how it was made."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drawn_labels import imported
from gainspect.data.importers.brush import decode_brush
from gainspect.errors import GainspectError

_GOLDEN = json.loads((Path(__file__).parents[3] / "golden/label_tools.json").read_text())
_SET = _GOLDEN["datumaro"]["made"]


def _mask(rows: list[str]) -> NDArray[np.uint8]:
    return np.array([[int(value) for value in row] for row in rows], np.uint8)


@pytest.mark.parametrize("package", ["label-studio-converter", "label-studio-sdk"])
def test_brushes_are_decoded_as_label_studio_does(package: str) -> None:
    for brush in _GOLDEN[package]["made"]:
        expected = _mask(brush["mask"])
        assert (decode_brush(brush["rle"], *expected.shape, "a.json") == expected).all()


def _unpacked(kind: str, folder: Path) -> Path:
    for name, content in _SET["sets"][kind].items():
        file = folder / kind / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(content))
    return folder / kind


@pytest.mark.parametrize("kind", ["voc", "cvat"])
def test_masks_that_datumaro_wrote_are_those_that_it_was_given(kind: str, tmp_path: Path) -> None:
    _check(kind, tmp_path, dict.fromkeys(_SET["truth"], ("scratch", "dent")))


@pytest.mark.parametrize("kind", ["yolo", "yolo_ultralytics"])
def test_boxes_that_datumaro_wrote_as_yolo(kind: str, tmp_path: Path) -> None:
    _check(kind, tmp_path, {"part3": ("scratch",)})


def _check(kind: str, folder: Path, shown: dict[str, tuple[str, ...]]) -> None:
    """Each class alone, the other as background; `shown` are the classes that the format holds, by image."""
    source = _unpacked(kind, folder)
    for defect, other in (("scratch", "dent"), ("dent", "scratch")):
        done, manifest = imported(source, folder / f"out_{defect}", defect=[defect], background=[other])
        assert done.record["format"] == kind.partition("_")[0]
        assert done.record["outcome"]["left"] == {}
        assert {p.image.stem for p in manifest.parts} == set(_SET["truth"])
        for part in manifest.parts:
            truth: dict[str, Any] = _SET["truth"][part.image.stem]
            mask = manifest.mask(part)
            drawn = defect in shown.get(part.image.stem, ()) and defect in truth
            expected = _mask(truth[defect]) if drawn else None
            assert (mask is None) == (expected is None)
            assert mask is None or (mask == expected).all()
            assert part.split == truth["split"]


_BRUSH = _GOLDEN["label-studio-sdk"]["made"][1]


@pytest.mark.parametrize(
    "numbers",
    [None, "abc", [1, 2, -3], [256], [True], [], _BRUSH["rle"][:-2], _BRUSH["rle"][:9], [255] * 60],
)
def test_damaged_brushes_are_refused_with_their_place(numbers: Any) -> None:
    with pytest.raises(GainspectError, match=r"a\.json, result 1"):
        decode_brush(numbers, 5, 7, "a.json, result 1")


def test_a_brush_of_another_size_is_refused() -> None:
    with pytest.raises(GainspectError, match=r"of 140 values of 8 bits, its size is 8×5"):
        decode_brush(_BRUSH["rle"], 5, 8, "a.json")
