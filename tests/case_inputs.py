"""Small data sets of the kinds that people have, for tests/cases."""

import os
from pathlib import Path

import numpy as np
from PIL import Image as Pillow


def grey(path: Path | str, level: int = 90) -> Path:
    """An image of 8 × 8 px, of the kind that its suffix says; noise, so that no two look alike."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by the name: hashes of text differ from run to run.
    rng = np.random.default_rng(list(os.fsencode(path.name)))
    pixels = np.clip(rng.normal(level, 20, (8, 8)), 0, 255).astype(np.uint8)
    kinds = {".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".jpe": "JPEG", ".bmp": "BMP", ".dib": "BMP"}
    kinds |= {".pgm": "PPM", ".ppm": "PPM", ".pnm": "PPM", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
    with path.open("wb") as file:
        Pillow.fromarray(pixels).save(file, format=kinds.get(path.suffix.lower(), "PNG"))
    return path


def mask(path: Path | str) -> Path:
    """A mask of 8 × 8 px with a defect of 3 × 3."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((8, 8), np.uint8)
    pixels[2:5, 2:5] = 255
    with path.open("wb") as file:
        Pillow.fromarray(pixels).save(file, format="BMP" if path.suffix.lower() == ".bmp" else "PNG")
    return path


def layout(root: Path, parts: int = 2) -> Path:
    """The folder layout: so many OK and NG parts, with masks, in train and in test."""
    for split in ("train", "test"):
        for index in range(parts):
            grey(root / f"images/{split}/normal/{split}-ok{index}.png")
            grey(root / f"images/{split}/defective/{split}-ng{index}.png")
            mask(root / f"masks/{split}/defective/{split}-ng{index}.png")
    return root


def listed(root: Path) -> list[tuple[str, ...]]:
    """Images and masks for a manifest, as rows of image, label, mask, group and split."""
    rows = []
    for split in ("train", "test"):
        grey(root / f"img/{split}-ok.png")
        grey(root / f"img/{split}-ng.png")
        mask(root / f"img/{split}-ng-m.png")
        rows.append((f"img/{split}-ok.png", "ok", "", f"{split}1", split))
        rows.append((f"img/{split}-ng.png", "ng", f"img/{split}-ng-m.png", f"{split}2", split))
    return rows


HEADER = ("image", "label", "mask", "group", "split")
