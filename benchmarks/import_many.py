"""How long an import of many images takes, its peak memory, and the same again when nothing has changed.

Each import is a `gainspect data import` in a process of its own. Half of the images show a defect, one
outline of 24 corners (in the folder layout a mask). The images are a few pictures of 640 × 480 px as JPEG,
each with a comment of its own: no two files are equal, but many are of one length, so that all are hashed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from results_table import markdown, save

_IMPORT = r"""
import re, sys
from pathlib import Path
from gainspect.cli import main
try:
    main()
finally:
    print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""
"""Runs a command, and prints the peak of its memory, KiB. (That of `wait4` may be the parent's own.)"""
HEIGHT, WIDTH = 480, 640
PICTURES, CORNERS = 8, 24
CLASS = "scratch"


class Image(NamedTuple):
    """An image, and the outline of its defect."""

    file: Path
    outline: NDArray[np.float64] | None
    """(CORNERS, 2) positions x, y; None: it is good."""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    mib: float
    """The most memory that its process had."""


def images(folder: Path, count: int) -> list[Image]:
    """Write images, every other one of a defective part."""
    rng = np.random.default_rng(1)
    encoded = []
    for _ in range(PICTURES):
        coarse = rng.integers(60, 200, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        encoded.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    folder.mkdir(parents=True)
    found = []
    for number in range(count):
        file = folder / f"part_{number:06}.jpg"
        file.write_bytes(_commented(encoded[number % PICTURES], f"{number:06}"))
        found.append(Image(file, _outline(rng) if number % 2 else None))
    return found


def _commented(jpeg: bytes, text: str) -> bytes:
    """A JPEG with a comment behind its first marker."""
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2) + text.encode() + jpeg[2:]


def _outline(rng: np.random.Generator) -> NDArray[np.float64]:
    """A star of a place and size that is drawn."""
    center = rng.uniform((80, 80), (WIDTH - 80, HEIGHT - 80))
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radius = rng.uniform(8, 70, CORNERS)[:, None]
    return np.round(center + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1), 2)


def _link(images: Sequence[Image], folder: Path) -> None:
    folder.mkdir(parents=True)
    for image in images:
        os.link(image.file, folder / image.file.name)


def coco(images: Sequence[Image], folder: Path) -> None:
    """One JSON beside the folder of images."""
    _link(images, folder / "images")
    drawn = [(n, image.outline) for n, image in enumerate(images) if image.outline is not None]
    content = {
        "categories": [{"id": 1, "name": CLASS}],
        "images": [
            {"id": n, "file_name": image.file.name, "height": HEIGHT, "width": WIDTH}
            for n, image in enumerate(images)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "iscrowd": 0,
                "segmentation": [outline.ravel().tolist()],
            }
            for n, outline in drawn
        ],
    }
    (folder / "labels.json").write_text(json.dumps(content))


def yolo(images: Sequence[Image], folder: Path) -> None:
    """A text file an image."""
    _link(images, folder / "images")
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text(f"names: [{CLASS}]\n")
    for image in images:
        shares = [] if image.outline is None else (image.outline / (WIDTH, HEIGHT)).ravel().tolist()
        row = " ".join(["0", *(f"{share:.6f}" for share in shares)]) if shares else ""
        (folder / "labels" / image.file.name).with_suffix(".txt").write_text(row)


def cvat(images: Sequence[Image], folder: Path) -> None:
    """One XML beside the folder of images."""
    _link(images, folder / "images")

    def lines() -> Iterator[str]:
        yield "<annotations><version>1.1</version>"
        for number, image in enumerate(images):
            yield f'<image id="{number}" name="{image.file.name}" width="{WIDTH}" height="{HEIGHT}">'
            if image.outline is not None:
                points = ";".join(f"{x},{y}" for x, y in image.outline.tolist())
                yield f'<polygon label="{CLASS}" occluded="0" points="{points}" z_order="0"/>'
            yield "</image>"
        yield "</annotations>"

    (folder / "annotations.xml").write_text("\n".join(lines()))


def folder_layout(images: Sequence[Image], folder: Path) -> None:
    """Folders for good and defective parts, and ready-made masks."""
    _link([image for image in images if image.outline is None], folder / "images/normal")
    _link([image for image in images if image.outline is not None], folder / "images/defective")
    (folder / "masks/defective").mkdir(parents=True)
    for image in images:
        if image.outline is not None:
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.fillPoly(mask, [image.outline.round().astype(np.int32)], 255)
            cv2.imwrite(str((folder / "masks/defective" / image.file.name).with_suffix(".png")), mask)


LAYOUTS: dict[str, Callable[[Sequence[Image], Path], None]] = {
    "coco": coco,
    "yolo": yolo,
    "cvat": cvat,
    "folder": folder_layout,
}


def imported(source: Path, out: Path) -> Cost:
    """Import in a new process, on one thread."""
    command = [sys.executable, "-c", _IMPORT, "data", "import", str(source), "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    begun = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr)
    return Cost(seconds, int(done.stderr.splitlines()[-1]) / 1024)


def main() -> None:
    """Write the sets, import each twice, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="2000,20000", help="numbers of images")
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--work", type=Path, help="where the images are for the time")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for count in map(int, options.images.split(",")):
        with tempfile.TemporaryDirectory(dir=options.work) as temporary:
            folder = Path(temporary)
            (folder / "out").mkdir()
            written = images(folder / "pictures", count)
            for name in options.layouts.split(","):
                LAYOUTS[name](written, folder / name)
                first, again = (imported(folder / name, folder / "out" / name) for _ in range(2))
                rows.append(
                    {
                        "--format": name,
                        "images": f"{count:,}",
                        "s": f"{first.seconds:.1f}",
                        "MiB": f"{first.mib:.0f}",
                        "unchanged: s": f"{again.seconds:.1f}",
                        "unchanged: MiB": f"{again.mib:.0f}",
                    }
                )
                print(rows[-1], file=sys.stderr)
    text = f"{' '.join((__doc__ or '').split())}\n\n{markdown(rows)}"
    print(text)
    print("Saved:", save("import_many", "Importing many images", text))


if __name__ == "__main__":
    main()
