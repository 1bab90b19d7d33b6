"""Make the pictures of the README that the demo's inspectors draw: docs/readme/{follows,why}.jpg.

make demo && .venv/bin/python docs/readme/pictures.py gainspect-demo
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from gainspect.data.importers import load_manifest
from gainspect.jobs.explain_image import explain_image
from gainspect.jobs.run_comparison import picture
from gainspect.jobs.run_demo import STRATEGIES
from gainspect.training.run_folder import RunFolder

FOLDER = Path(__file__).parent
FOLLOWED = ("test0002-0.png", "test0001-0.png", "test0050-0.png")
"""A stain without the stamp, a pit with it, and a good part with it."""
EXPLAINED = "test0003-0.png"
"""A crack."""
WIDTH, QUALITY = 900, 88
"""Of a picture: its file stays small."""


def main() -> None:
    """Make both."""
    demo = Path(sys.argv[1])
    manifest = load_manifest(demo / "data").split("test")
    images = {part.image.name: part for part in manifest.parts}
    runs = {name: RunFolder(demo / f"{name}-seed1") for name in STRATEGIES}
    with tempfile.TemporaryDirectory() as folder:
        follows, why = Path(folder) / "follows.png", Path(folder) / "why.png"
        picture(runs, replace(manifest, parts=tuple(images[name] for name in FOLLOWED)), follows)
        explain_image(runs["S9"].bundle_file, images[EXPLAINED].image, out=why)
        for drawn in (follows, why):
            keep(drawn)


def keep(drawn: Path) -> None:
    """Save a picture at its width in the README."""
    image = Image.open(drawn).convert("RGB")
    height = round(image.height * WIDTH / image.width)
    path = FOLDER / f"{drawn.stem}.jpg"
    image.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path, quality=QUALITY, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
