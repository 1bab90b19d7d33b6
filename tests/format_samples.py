"""A small set of our own in every format that is imported: images, of which every other one is defective."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import drawn_sets
import tool_exports
from gainspect.data.importers.rle import encode_rle
from tool_exports import Sample, write_json

SIDE = drawn_sets.SIDE
"""Height and width of all images."""


def painted(count: int) -> list[tuple[Sample, NDArray[np.bool_]]]:
    """Images with their defects, of each kind as many: outlined, and as (40, 60) True in the defect."""
    found = []
    for number in range(2 * count):
        name = f"p{number:02}.png"
        defect = drawn_sets.blob(name) & (number % 2 == 1)
        image = np.random.default_rng(number).integers(90, 130, (*SIDE, 3), dtype=np.uint8)
        image[defect] //= 3
        outlines, _ = cv2.findContours(defect.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        rings = tuple([(x, y) for x, y in outline.reshape(-1, 2).tolist()] for outline in outlines)
        content = cv2.imencode(".png", image)[1].tobytes()
        found.append((Sample(name, content, *SIDE, rings), defect))
    return found


def _of_a_tool(write: Callable[[Sequence[Sample], Path], None], folder: Path, count: int) -> None:
    write([sample for sample, _ in painted(count)], folder)


def _segment_anything(folder: Path, count: int) -> None:
    for number, (sample, defect) in enumerate(painted(count)):
        tool_exports.put([sample], folder)
        image = {"image_id": number, "file_name": sample.name, "height": SIDE[0], "width": SIDE[1]}
        drawn = [{"id": 1, "segmentation": encode_rle(defect.astype(np.uint8))}] if defect.any() else []
        content = {"image": image, "annotations": drawn}
        write_json((folder / sample.name).with_suffix(".json"), content)


def _folder_layout(folder: Path, count: int) -> None:
    for sample, defect in painted(count):
        kind = "defective" if defect.any() else "normal"
        tool_exports.put([sample], folder / "images" / kind)
        if defect.any():
            drawn_sets.draw_mask(folder / "masks/defective" / sample.name, defect)


def _manifest(folder: Path, count: int) -> None:
    rows = [("image", "label", "mask", "defect_type")]
    for sample, defect in painted(count):
        tool_exports.put([sample], folder / "parts")
        bad = bool(defect.any())
        if bad:
            drawn_sets.draw_mask(folder / "marks" / sample.name, defect)
        mask, kind = (f"marks/{sample.name}", "dent") if bad else ("", "")
        rows.append((f"parts/{sample.name}", "ng" if bad else "ok", mask, kind))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@dataclass(frozen=True)
class FormatSample:
    """How the sample of a format is made, and what an import of it has to be told."""

    write: Callable[[Path, int], object]
    """Makes it in a folder, with a number of images of each kind."""
    inside: str = ""
    """The folder below that one which is imported."""
    defect: tuple[str, ...] = ()
    """Classes that are defects."""


SAMPLES: Mapping[str, FormatSample] = {
    "manifest": FormatSample(_manifest),
    "folder": FormatSample(_folder_layout),
    "segment-anything": FormatSample(_segment_anything, defect=("segment",)),
    **{name: FormatSample(partial(_of_a_tool, write)) for name, write in tool_exports.TOOLS.items()},
    **{name: FormatSample(make, drawn_sets.INSIDE.get(name, "")) for name, make in drawn_sets.SETS.items()},
}
"""By the name of the format."""
