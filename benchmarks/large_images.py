"""Peak memory of `gainspect inspect` on large images, with and without overlays.

An untrained bundle judges synthetic images, in a process of its own for each case. Peak is that of the whole
process, less that of one that judges a single image of 0.1 megapixels; it is also told for each pixel of the
largest image, whose own pixels take 3 bytes. Reasons are not checked.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from results_table import markdown, save
from untrained import untrained_bundle

_CASES: tuple[tuple[int, int, int, tuple[str, ...]], ...] = (
    (1, 16384, 7812, ()),
    (16, 5120, 3906, ()),
    (1, 16384, 7812, ("--overlay",)),
    (16, 5120, 3906, ("--overlay",)),
    (1, 2, 5000, ("--overlay",)),
)
"""Number of images, width, height, options."""


_MEASURED = """
import sys
from pathlib import Path
from gainspect.cli import main
try:
    main()
finally:
    print(Path("/proc/self/status").read_text(), file=sys.stderr)
"""


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--scale", type=float, default=1.0, help="of the sides of the images")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        bundle = untrained_bundle(place / "large.gain", backbone=options.backbone, size=options.size).path
        least = peak_mib(bundle, lot(place / "small", 1, 320, 320), ())
        for index, (count, width, height, flags) in enumerate(_CASES):
            width, height = (max(2, round(options.scale * side)) for side in (width, height))
            peak = peak_mib(bundle, lot(place / str(index), count, width, height), flags) - least
            rows.append(
                {
                    "images": count,
                    "width × height": f"{width} × {height}",
                    "Mpx each": f"{width * height / 1e6:.1f}",
                    "options": " ".join(flags),
                    "peak MiB": f"{peak:.0f}",
                    "bytes a pixel": f"{peak * 2**20 / (width * height):.1f}",
                }
            )
            print(markdown(rows[-1:]), flush=True)
    base = f"A single image of 0.1 megapixels: {least:.0f} MiB.\n\n"
    text = f"{' '.join((__doc__ or '').split())}\n\n{base}{markdown(rows)}"
    print("Saved:", save("large_images", f"Large images: {options.backbone}, {options.size} px", text))


def lot(folder: Path, count: int, width: int, height: int) -> Path:
    """A folder of JPEGs: gray noise, enlarged, in which there is a dark spot."""
    folder.mkdir()
    for index in range(count):
        rng = np.random.default_rng(index)
        coarse = rng.integers(90, 160, (max(1, height // 64), max(1, width // 64)), dtype=np.uint8)
        image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
        cv2.circle(image, (width // 3, height // 2), max(1, min(width, height) // 20), 20, -1)
        if not cv2.imwrite(str(folder / f"part{index}.jpg"), image):
            raise RuntimeError(f"{folder / f'part{index}.jpg'} cannot be written")
    return folder


def peak_mib(bundle: Path, images: Path, flags: tuple[str, ...]) -> float:
    """Largest resident memory of an inspection, MiB.

    Raises:
        RuntimeError: the inspection failed.
    """
    out = images.parent / f"{images.name}-out"
    arguments = ["inspect", str(bundle), str(images), "--out", str(out), "--max-mpx", "200", *flags]
    done = subprocess.run([sys.executable, "-c", _MEASURED, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the inspection failed: {done.stderr}")
    return int(done.stderr.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
