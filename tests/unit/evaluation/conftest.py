"""A data set of a few small parts, and backends that know their masks."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.data.manifest import Manifest, Part
from gainspect.inspection.inspector import Inspector
from gainspect.types import Label

SIZE = 64


@dataclass
class Planned:
    """A backend that answers what the test planned, image by image; images are as large as its frame."""

    answers: list[dict]
    size: int = SIZE
    seen: int = field(default=0, init=False)

    def __call__(self, images):
        batch = self.answers[self.seen : self.seen + len(images)]
        self.seen += len(images)
        return {name: np.stack([answer[name] for answer in batch]).astype(np.float32) for name in batch[0]}


@dataclass
class Parts:
    """Two OK parts, three NG with a mask, one NG without; two images of the group "g1"."""

    manifest: Manifest
    masks: list[np.ndarray | None]

    def inspector(self, scores, map_of, *, threshold=0.5, batch_size=4):
        """Judges with these scores; `map_of(mask)` gives the maps by name (zeros where there is no mask)."""
        empty = np.zeros((SIZE, SIZE), np.float32)
        answers = [
            {"score": np.float32(score)} | map_of(empty if mask is None else mask)
            for score, mask in zip(scores, self.masks, strict=True)
        ]
        return Inspector(Planned(answers), threshold=threshold, batch_size=batch_size)


PLAN = [  # name, label, group, type, box of the defect (y, x, height, width)
    ("ok/a.png", "ok", "g1", None, None),
    ("ok/b.png", "ok", "g2", None, None),
    ("ng/c.png", "ng", "g1", "pit", (4, 6, 8, 8)),
    ("ng/d.png", "ng", "g3", "pit", (30, 40, 4, 16)),
    ("ng/e.png", "ng", "g4", "scratch", (50, 10, 2, 32)),
    ("ng/f.png", "ng", "g5", "scratch", None),
]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    root = tmp_path / "data"
    rows, masks = [], []
    for name, label, group, kind, box in PLAN:
        image = root / name
        image.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(image), np.full((SIZE, SIZE, 3), 90, np.uint8))
        mask, file = None, None
        if box is not None:
            y, x, height, width = box
            mask = np.zeros((SIZE, SIZE), np.float32)
            mask[y : y + height, x : x + width] = 1
            file = root / "masks" / Path(name).name
            file.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(file), (255 * mask).astype(np.uint8))
        rows.append(Part(image, Label(label), file, group=group, defect_type=kind))
        masks.append(mask)
    return Parts(Manifest(root, tuple(rows)), masks)
