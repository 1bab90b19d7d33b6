"""Small public sets of our own making, each in the layout that it is published in."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import Label

SIDE = (40, 60)
"""Height and width of all images."""


class Expected(NamedTuple):
    """What an import should make of an image."""

    label: Label
    mask: NDArray[np.bool_] | None = None
    split: str | None = None
    defect_type: str | None = None
    group: str = ""


Sample = dict[str, Expected]
"""By the image's path in the set, without a leading images/."""


def blob(name: str) -> NDArray[np.bool_]:
    """(40, 60) an L of a place and size that the name gives."""
    rng = np.random.default_rng(list(name.encode()))
    top, left = rng.integers(2, 20), rng.integers(2, 35)
    mask = np.zeros(SIDE, np.bool_)
    mask[top : top + 12, left : left + 5] = True
    mask[top + 8 : top + 12, left : left + rng.integers(8, 20)] = True
    return mask


def draw_mask(path: Path, mask: NDArray[np.bool_], value: int = 255) -> Path:
    """A mask file with one value where it marks something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), mask.astype(np.uint8) * np.uint8(value))
    return path


def part(path: Path, mask: NDArray[np.bool_] | None = None) -> Path:
    """An image, dark where it is defective, so that a network has something to learn."""
    rng = np.random.default_rng(list("/".join(path.parts[-4:]).encode()))
    image = rng.integers(90, 130, (*SIDE, 3), dtype=np.uint8)
    if mask is not None:
        image[mask] //= 3
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def mvtec_ad(root: Path, count: int = 8, *, category: str = "nut", mask: str = "{}_mask.png") -> Sample:
    """Good parts in train and test, two types of defects in the test."""
    sample: Sample = {}
    for split in ("train", "test"):
        for number in range(count):
            name = f"{category}/{split}/good/{number:03}.png"
            part(root / name)
            sample[name] = Expected(Label.OK, split=split)
    for type_ in ("bent", "scratch_neck"):
        for number in range(count // 2):
            name = f"{category}/test/{type_}/{number:03}.png"
            drawn = blob(name)
            part(root / name, drawn)
            draw_mask(root / category / "ground_truth" / type_ / mask.format(f"{number:03}"), drawn)
            sample[name] = Expected(Label.NG, drawn, "test", type_)
    (root / category / "license.txt").write_text("of our own")
    return sample


def mvtec_loco(root: Path, count: int = 8) -> Sample:
    """A validation part, and a folder of masks with values of their own for each image."""
    sample: Sample = {}
    for folder, split in (("train", "train"), ("validation", "val"), ("test", "test")):
        for number in range(count):
            name = f"box/{folder}/good/{number:03}.png"
            part(root / name)
            sample[name] = Expected(Label.OK, split=split)
    for type_ in ("logical_anomalies", "structural_anomalies"):
        for number in range(count // 2):
            name = f"box/test/{type_}/{number:03}.png"
            drawn = [blob(f"{name}{k}") for k in range(1 + number % 2)]
            part(root / name, np.any(drawn, axis=0))
            for k, one in enumerate(drawn):
                draw_mask(root / f"box/ground_truth/{type_}/{number:03}/{k:03}.png", one, 200 + 11 * k)
            sample[name] = Expected(Label.NG, np.any(drawn, axis=0), "test", type_)
    (root / "box/defects_config.json").write_text("[]")
    return sample


def btad(root: Path, count: int = 8) -> Sample:
    """Names of its own for good and bad."""
    sample: Sample = {}
    for split in ("train", "test"):
        for number in range(count):
            name = f"01/{split}/ok/{number:04}.bmp"
            part(root / name)
            sample[name] = Expected(Label.OK, split=split)
    for number in range(count):
        name = f"01/test/ko/{number:04}.bmp"
        drawn = blob(name)
        part(root / name, drawn)
        draw_mask(root / f"01/ground_truth/ko/{number:04}.png", drawn)
        sample[name] = Expected(Label.NG, drawn, "test", "ko")
    return sample


def visa(root: Path, count: int = 8) -> Sample:
    """Masks of several small values; the kinds in one table, the split in another beside the objects."""
    sample: Sample = {}
    splits = ["object,split,label,image,mask"]
    kinds = ["image,label,mask"]
    for number in range(2 * count):
        name = f"candle/Data/Images/Normal/{number:04}.JPG"
        part(root / name)
        split = "train" if number < count else "test"
        splits.append(f"candle,{split},normal,{name},")
        kinds.append(f"{name},normal,")
        sample[name] = Expected(Label.OK, split=split)
    for number in range(count):
        name, mask = (f"candle/Data/{kind}/Anomaly/{number:03}" for kind in ("Images", "Masks"))
        drawn = blob(name)
        part(root / f"{name}.JPG", drawn)
        draw_mask(root / f"{mask}.png", drawn, 1 + number % 3)
        splits.append(f"candle,test,anomaly,{name}.JPG,{mask}.png")
        kind = "melt" if number % 2 else "chunk of wax missing,foreign particals"
        kinds.append(f'{name}.JPG,"{kind}",{mask}.png')
        sample[f"{name}.JPG"] = Expected(Label.NG, drawn, "test", kind)
    _write(root / "split_csv/1cls.csv", splits)
    _write(root / "candle/image_anno.csv", kinds)
    return {name.removeprefix("candle/"): expected for name, expected in sample.items()}


def kolektor(root: Path, count: int = 12) -> Sample:
    """A folder an item, a label of every image."""
    sample: Sample = {}
    for item in range(1, count + 1):
        for number in range(3):
            name = f"kos{item:02}/Part{number}.jpg"
            bad = number == 1 and item % 2 == 1
            drawn = blob(name) if bad else None
            part(root / name, drawn)
            draw_mask(root / f"kos{item:02}/Part{number}_label.bmp", blob(name) & bad)
            sample[name] = Expected(Label.NG if bad else Label.OK, drawn, None, None, f"kos{item:02}")
    return sample


def kolektor_2(root: Path, count: int = 8) -> Sample:
    """A split, a mask of every image beside it."""
    sample: Sample = {}
    for split, first in (("train", 10000), ("test", 20000)):
        for number in range(first, first + 2 * count):
            name = f"{split}/{number}.png"
            bad = number % 2 == 1
            drawn = blob(name) if bad else None
            part(root / name, drawn)
            draw_mask(root / f"{split}/{number}_GT.png", blob(name) & bad)
            sample[name] = Expected(Label.NG if bad else Label.OK, drawn, split)
    return sample


def dagm(root: Path, count: int = 8) -> Sample:
    """Masks of defective images only, and a table of all."""
    sample: Sample = {}
    for split in ("Train", "Test"):
        rows = ["1"]
        for number in range(1, 2 * count + 1):
            name = f"Class1/{split}/{number:04}.PNG"
            bad = number % 2 == 0
            drawn = blob(name) if bad else None
            part(root / name, drawn)
            label = f"{number:04}_label.PNG"
            if drawn is not None:
                draw_mask(root / f"Class1/{split}/Label/{label}", drawn)
            rows.append(f"{number}\t{int(bad)}\t{number:04}.PNG\t0\t{label if bad else 0}")
            sample[name] = Expected(Label.NG if bad else Label.OK, drawn, split.lower())
        _write(root / f"Class1/{split}/Label/Labels.txt", rows)
    return sample


def runs_by_columns(mask: NDArray[np.bool_]) -> str:
    """Starts, counted from 1 by columns, and lengths: pixel by pixel, without numpy's run lengths."""
    flat = mask.T.ravel().tolist()
    words: list[str] = []
    for place, inside in enumerate(flat):
        if inside and (place == 0 or not flat[place - 1]):
            length = next((n for n in range(place, len(flat)) if not flat[n]), len(flat)) - place
            words += [str(place + 1), str(length)]
    return " ".join(words)


def severstal(root: Path, count: int = 16) -> Sample:
    """Rows of defective images only."""
    rows, sample = ["ImageId,ClassId,EncodedPixels"], Sample()
    for number in range(2 * count):
        name = f"{number:05x}d8.jpg"
        drawn = blob(name) if number % 2 else None
        part(root / "train_images" / name, drawn)
        if drawn is not None:
            rows.append(f"{name},{1 + number // 2 % 2},{runs_by_columns(drawn)}")
        type_ = None if drawn is None else f"defect {1 + number // 2 % 2}"
        label = Label.OK if drawn is None else Label.NG
        sample[f"train_images/{name}"] = Expected(label, drawn, None, type_)
    _write(root / "train.csv", rows)
    return sample


def magnetic_tile(root: Path, count: int = 12) -> Sample:
    """A folder a kind of defect, masks beside the images."""
    sample: Sample = {}
    for kind in ("Free", "Blowhole", "Crack"):
        for number in range(count):
            name = f"MT_{kind}/Imgs/exp{number % 6 + 1}_num_{len(sample) * 37 + 461}.jpg"
            drawn = None if kind == "Free" else blob(name)
            part(root / name, drawn)
            draw_mask((root / name).with_suffix(".png"), blob(name) & (kind != "Free"))
            type_ = None if kind == "Free" else kind.lower()
            sample[name] = Expected(Label.OK if kind == "Free" else Label.NG, drawn, None, type_)
    return sample


def class_folders(root: Path, count: int = 8) -> Sample:
    """A folder a class, below a split."""
    sample: Sample = {}
    for folder, split in (("train", "train"), ("valid", "val"), ("test", "test")):
        for class_ in ("Good", "scratch"):
            for number in range(count):
                name = f"{folder}/{class_}/{split}{class_}{number}.png"
                bad = class_ != "Good"
                part(root / name, blob(name) if bad else None)
                sample[name] = Expected(Label.NG if bad else Label.OK, None, split, class_ if bad else None)
    return sample


def ok_and_ng(root: Path, count: int = 16) -> Sample:
    """Two folders, in Korean."""
    sample: Sample = {}
    for class_, label in (("양품", Label.OK), ("불량", Label.NG)):
        for number in range(count):
            name = f"{class_}/{label}{number}.png"
            part(root / name, blob(name) if label is Label.NG else None)
            sample[name] = Expected(label, None, None, class_ if label is Label.NG else None)
    return sample


def table(root: Path, count: int = 16) -> Sample:
    """Names and classes, and a serial number that two images share."""
    rows, sample = ["filename,label,serial"], Sample()
    for number in range(2 * count):
        name = f"p{number}.png"
        bad = number // 2 % 2 == 1
        part(root / "photos" / name, blob(name) if bad else None)
        rows.append(f"{name},{'dent' if bad else 'good'},S{number // 2}")
        sample[f"photos/{name}"] = Expected(
            Label.NG if bad else Label.OK, None, None, "dent" if bad else None
        )
    _write(root / "labels.csv", rows)
    return sample


SETS: dict[str, Callable[..., Sample]] = {
    "mvtec-ad": mvtec_ad,
    "mvtec-loco": mvtec_loco,
    "btad": btad,
    "visa": visa,
    "kolektorsdd": kolektor,
    "kolektorsdd2": kolektor_2,
    "dagm2007": dagm,
    "severstal": severstal,
    "magnetic-tile": magnetic_tile,
    "class-folders": class_folders,
    "table": table,
}
"""By the name of their format: make the set in a folder, with a number of images of each kind."""
INSIDE = {"visa": "candle"}
"""The folder below the root that is imported, where it is not the root."""


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
