"""Seeded synthetic parts with exact masks: two materials, five kinds of defects, and spurious cues.

They are for the demo, the tests, and experiments with a known truth: a cue such as a stamp can indicate NG in
one split and say nothing in another.
"""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gainspect.data.importers.folder import import_folder
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.types import Image, Mask

Material = Literal["brushed", "cast"]
Defect = Literal["scratch", "pit", "stain", "crack", "chip"]
Cue = Literal["none", "stamp", "touching_stamp", "corner_shadow", "blur"]
MATERIALS: tuple[Material, ...] = get_args(Material)
DEFECTS: tuple[Defect, ...] = get_args(Defect)

_Gray = NDArray[np.float32]
_BACKGROUND, _PLATE, _MARGIN = 28.0, 150.0, 0.07
_GRAIN = ((0.8, 7.0), (2.5, 7.0), (9.0, 5.0))
"""Grain of the cast material: pairs of blur (pixels) and contrast."""


class CueRates(BaseModel):
    """How often the cue is on NG and on OK parts of one split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ng: float = Field(ge=0, le=1)
    ok: float = Field(ge=0, le=1)


class SyntheticSpec(BaseModel):
    """Everything that determines a synthetic data set; the same spec gives the same bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 1
    size: int = Field(default=256, ge=64, le=2048)
    """Side of the images, pixels."""
    parts: Mapping[Literal["train", "test"], int] = {"train": 120, "test": 40}
    """Number of physical parts in each split."""
    views: int = Field(default=2, ge=1)
    """Number of images of each part, with different light, position and noise."""
    ng_fraction: float = Field(default=0.5, gt=0, lt=1)
    materials: tuple[Material, ...] = MATERIALS
    defects: tuple[Defect, ...] = DEFECTS
    cue: Cue = "none"
    cue_rates: Mapping[Literal["train", "test"], CueRates] = {
        "train": CueRates(ng=0.95, ok=0.05),
        "test": CueRates(ng=0.5, ok=0.5),
    }


def generate(spec: SyntheticSpec, out: Path, *, on_part: Callable[[], None] | None = None) -> Manifest:
    """Write a data set in the folder layout, with split.csv (its free column `cue` is 0 or 1) and spec.json.

    Args:
        spec: the specification of the data set.
        out: folder to create; it appears only when it is complete.
        on_part: called after each part.

    Raises:
        GainspectError: the folder exists and is not empty, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GainspectError("the folder is not empty", where=out, hint="Choose a new folder.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
            whole = Path(temporary) / "data"
            _write(spec, whole, on_part)
            if out.exists():
                out.rmdir()
            shutil.move(whole, out)
    except OSError as error:
        raise GainspectError(f"cannot write the data set ({error.strerror or error})", where=out) from error
    return import_folder(out)


def _write(spec: SyntheticSpec, root: Path, on_part: Callable[[], None] | None) -> None:
    rows = []
    for split, count in spec.parts.items():
        for index in range(count):
            rng = np.random.default_rng((spec.seed, len(split), split == "test", index))
            defect = (
                spec.defects[index % len(spec.defects)] if index < round(count * spec.ng_fraction) else None
            )
            rate = spec.cue_rates[split].ok if defect is None else spec.cue_rates[split].ng
            cue = spec.cue if rng.random() < rate else "none"
            plate, mask = render_part(
                rng,
                material=spec.materials[index % len(spec.materials)],
                defect=defect,
                cue=cue,
                size=spec.size,
            )
            group = f"{split}{index:04d}"
            for view in range(spec.views):
                name = f"{group}-{view}.png"
                image, seen = photograph(rng, plate, mask)
                place = Path(split) / ("normal" if defect is None else "defective")
                _save(root / "images" / place / name, image)
                if defect is not None:
                    _save(root / "masks" / place / name, seen * np.uint8(255))
                label = "OK" if defect is None else "NG"
                rows.append((name, label, defect or "", group, split, int(cue != "none")))
            if on_part is not None:
                on_part()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "label", "defect_type", "group", "split", "cue"))
    writer.writerows(rows)
    (root / "split.csv").write_text(text.getvalue(), encoding="utf-8")
    (root / "spec.json").write_text(
        json.dumps(spec.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8"
    )


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, encoded = cv2.imencode(".png", pixels)
    assert done  # a uint8 array always encodes
    path.write_bytes(encoded.tobytes())


def render_part(
    rng: np.random.Generator, *, material: Material, defect: Defect | None, cue: Cue, size: int
) -> tuple[_Gray, Mask]:
    """One physical part: gray plate (size, size) in 0…255 on a dark background, and its exact defect mask.

    The cue is never part of the mask, and a stamp does not overlap the defect; the touching one is right
    beside it, and on a part without a defect it is anywhere.
    """
    shape = _plate_shape(size)
    plate = np.where(shape > 0, _texture(rng, material, size), _BACKGROUND).astype(np.float32)
    plate += 18 * (shape - cv2.GaussianBlur(shape, (0, 0), size / 90)).astype(np.float32)  # lit edge
    mask = np.zeros((size, size), np.uint8)
    if cue == "stamp":
        _engrave(plate, _text(rng, size, left=round(rng.uniform(0.16, 0.5) * size), base=round(0.245 * size)))
    if defect is not None:
        mask = _PAINTERS[defect](rng, plate, shape)
    if cue == "touching_stamp":
        _engrave(plate, _touching_text(rng, mask))
    elif cue == "corner_shadow":
        plate *= _corner_shadow(size)
    elif cue == "blur":
        plate = np.asarray(cv2.GaussianBlur(plate, (0, 0), size / 85), np.float32)
    return np.clip(plate, 0, 255), mask


def probe_frames(size: int) -> NDArray[np.uint8]:
    """Fixed (N, size, size, 3) frames for comparing runtimes: black, white, noise, parts with each defect."""
    rng = np.random.default_rng(0)
    frames = [np.full((size, size, 3), level, np.uint8) for level in (0, 255)]
    frames.append(rng.integers(0, 256, (size, size, 3), np.uint8))
    for index, defect in enumerate((*DEFECTS, None)):
        material = MATERIALS[index % len(MATERIALS)]
        plate, mask = render_part(rng, material=material, defect=defect, cue="none", size=size)
        frames.append(photograph(rng, plate, mask)[0])
    return np.stack(frames)


def photograph(rng: np.random.Generator, plate: _Gray, mask: Mask) -> tuple[Image, Mask]:
    """One view of a part: slightly shifted, unevenly lit, with sensor noise; the mask is shifted as well."""
    size = plate.shape[0]
    dx, dy = rng.integers(-(size // 40), size // 40 + 1, 2)
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(plate, move, (size, size), borderValue=_BACKGROUND)
    seen = cv2.warpAffine(mask, move, (size, size), flags=cv2.INTER_NEAREST)
    across, down = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    light = rng.uniform(0.85, 1.1) + rng.uniform(-0.12, 0.12) * across + rng.uniform(-0.12, 0.12) * down
    pixels = np.clip(np.rint(moved * light + rng.normal(0, 2.5, moved.shape)), 0, 255).astype(np.uint8)
    return np.repeat(pixels[:, :, None], 3, axis=2), seen.astype(np.uint8)


def _plate_shape(size: int) -> _Gray:
    """1 on the plate, a square with rounded corners inside a margin; 0 elsewhere."""
    margin, radius = round(_MARGIN * size), round(0.05 * size)
    shape = np.zeros((size, size), np.float32)
    cv2.rectangle(shape, (margin + radius, margin + radius), (size - margin - radius,) * 2, 1.0, -1)
    return np.asarray(cv2.dilate(shape, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)))


def _texture(rng: np.random.Generator, material: Material, size: int) -> _Gray:
    noise = rng.standard_normal((size, size), dtype=np.float32)
    if material == "brushed":
        fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=size / 8, sigmaY=0.6)
        broad = cv2.GaussianBlur(noise, (0, 0), sigmaX=size / 4, sigmaY=size / 60)
        return _PLATE + 13 * _unit(fine) + 5 * _unit(broad)
    grain = [weight * _unit(cv2.GaussianBlur(noise, (0, 0), sigma)) for sigma, weight in _GRAIN]
    return np.asarray(_PLATE - 25 + np.sum(grain, axis=0), np.float32)


def _unit(values: NDArray[Any]) -> _Gray:
    return np.asarray((values - values.mean()) / values.std(), np.float32)


def _place(rng: np.random.Generator, size: int) -> tuple[float, float]:
    """A random point well inside the plate and outside the strip at the top where a stamp can be."""
    return float(rng.uniform(0.22, 0.78) * size), float(rng.uniform(0.36, 0.80) * size)


def _scratch(rng: np.random.Generator, plate: _Gray, shape: _Gray) -> Mask:
    size = plate.shape[0]
    x, y = _place(rng, size)
    angle, length, bend = rng.uniform(0, np.pi), rng.uniform(0.18, 0.4) * size, rng.uniform(-0.5, 0.5)
    along = np.linspace(-0.5, 0.5, 24) * length
    turn = angle + bend * along / length
    points = np.stack([x + along * np.cos(turn), y + along * np.sin(turn)], axis=1)
    mask = _stroke(points, size, max(1, round(size / 64)))
    mask &= shape > 0.5
    glint = rng.choice([-1, 1]) * rng.uniform(50, 75)
    plate += glint * _soft(mask)
    return mask


def _crack(rng: np.random.Generator, plate: _Gray, shape: _Gray) -> Mask:
    size = plate.shape[0]
    mask = np.zeros((size, size), np.uint8)
    x, y = _place(rng, size)
    heading = rng.uniform(0, 2 * np.pi)
    for _ in range(int(rng.integers(1, 3))):
        steps = int(rng.integers(14, 26))
        headings = heading + np.cumsum(rng.normal(0, 0.35, steps))
        steps_taken = np.stack([np.cos(headings), np.sin(headings)], axis=1) * size / 75
        walk = np.array([x, y]) + np.cumsum(steps_taken, axis=0)
        mask |= _stroke(walk, size, max(1, round(size / 85)))
        heading += rng.choice([-1, 1]) * rng.uniform(0.6, 1.1)
    mask &= shape > 0.5
    plate -= rng.uniform(60, 85) * _soft(mask)
    return mask


def _pit(rng: np.random.Generator, plate: _Gray, shape: _Gray) -> Mask:
    size = plate.shape[0]
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        x, y = _place(rng, size)
        axes = (round(rng.uniform(0.02, 0.035) * size), round(rng.uniform(0.02, 0.035) * size))
        cv2.ellipse(mask, (round(x), round(y)), axes, rng.uniform(0, 180), 0, 360, 1, -1)
    mask &= shape > 0.5
    depth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), size / 150)
    plate -= rng.uniform(55, 80) * depth
    # The far rim of a pit catches the light.
    plate += 40 * np.clip(np.roll(depth, (2, 2), (0, 1)) - depth, 0, None)
    return mask


def _stain(rng: np.random.Generator, plate: _Gray, shape: _Gray) -> Mask:
    size = plate.shape[0]
    x, y = _place(rng, size)
    down, across = np.mgrid[:size, :size]
    radius = rng.uniform(0.08, 0.15) * size
    wobble = _unit(cv2.GaussianBlur(rng.standard_normal((size, size), dtype=np.float32), (0, 0), size / 28))
    distance = np.hypot(across - x, (down - y) * rng.uniform(0.8, 1.5)) / radius
    mask: Mask = ((distance + 0.28 * wobble < 1) & (shape > 0.5)).astype(np.uint8)
    tint = rng.choice([-1, 1]) * rng.uniform(28, 42)
    plate += tint * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), size / 120)
    return mask


def _chip(rng: np.random.Generator, plate: _Gray, shape: _Gray) -> Mask:
    """A piece of material broken out of the left, right or lower edge."""
    size = plate.shape[0]
    edge, along = _MARGIN * size, rng.uniform(0.3, 0.75) * size
    center = [(edge, along), (size - edge, along), (along, size - edge)][int(rng.integers(3))]
    angles = np.sort(rng.uniform(0, 2 * np.pi, 11))
    radii = rng.uniform(0.035, 0.075, 11) * size
    corners = np.stack([center[0] + radii * np.cos(angles), center[1] + radii * np.sin(angles)], axis=1)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
    mask &= shape > 0.5
    broken = _BACKGROUND + 22 + 8 * _unit(rng.standard_normal((size, size), dtype=np.float32))
    plate[mask > 0] = broken[mask > 0]
    return mask


_PAINTERS: Mapping[Defect, Callable[[np.random.Generator, _Gray, _Gray], Mask]] = {
    "scratch": _scratch,
    "pit": _pit,
    "stain": _stain,
    "crack": _crack,
    "chip": _chip,
}


def _stroke(points: NDArray[np.floating], size: int, thickness: int) -> Mask:
    mask = np.zeros((size, size), np.uint8)
    cv2.polylines(mask, [np.rint(points).astype(np.int32)], False, 1, thickness)
    return mask


def _soft(mask: Mask) -> _Gray:
    """1 on the mask, fading to 0 within about a pixel."""
    hard = mask.astype(np.float32)
    return np.asarray(np.maximum(hard, cv2.GaussianBlur(hard, (0, 0), 0.7)))


def _text(rng: np.random.Generator, size: int, left: int, base: int) -> Mask:
    """The ink of a batch mark: a letter and a digit that stand on `base`."""
    ink = np.zeros((size, size), np.uint8)
    scale = size / 256
    text = f"{'ABKM'[int(rng.integers(4))]}{int(rng.integers(10))}"
    cv2.putText(ink, text, (left, base), cv2.FONT_HERSHEY_DUPLEX, 1.15 * scale, 1, max(1, round(2 * scale)))
    return ink


def _touching_text(rng: np.random.Generator, mask: Mask) -> Mask:
    """Ink that comes from the middle of the plate towards a defect until it touches it, and leaves it free.

    Without a defect it touches a point where one could have been.
    """
    size = mask.shape[0]
    ink = _text(rng, size, left=round(0.42 * size), base=round(0.55 * size))
    x, y = _place(rng, size)
    marked = np.argwhere(mask)
    if len(marked):
        y, x = marked[int(rng.integers(len(marked)))]
    near = mask.copy()
    near[int(y), int(x)] = 1
    near = np.asarray(cv2.dilate(near, np.ones((3, 3), np.uint8)), np.uint8)
    for share in np.linspace(0, 1, size):
        move = np.array([[1, 0, share * (x - size / 2)], [0, 1, share * (y - size / 2)]], np.float32)
        moved = np.asarray(cv2.warpAffine(ink, move, (size, size), flags=cv2.INTER_NEAREST), np.uint8)
        if (moved & near).any():
            break
    return np.where(mask > 0, 0, moved).astype(np.uint8)


def _engrave(plate: _Gray, ink: Mask) -> None:
    """Cut the ink into the plate, with a lit rim."""
    cut = cv2.GaussianBlur(ink.astype(np.float32), (0, 0), 0.6)
    plate -= 55 * cut
    plate += 35 * np.clip(np.roll(cut, (1, 1), (0, 1)) - cut, 0, None)


def _corner_shadow(size: int) -> _Gray:
    down, across = np.mgrid[:size, :size] / size
    return np.asarray(1 - 0.55 * np.exp(-((across**2 + down**2) / 0.06)), np.float32)
