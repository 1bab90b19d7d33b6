"""The data check finds each kind of planted fault, and finds nothing on clean data."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.data.checks import Report, check
from gainspect.data.depth import FULL
from gainspect.data.findings import KINDS, SEVERITIES
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, Part
from gainspect.data.masks import read_mask
from gainspect.data.reading import Reading
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.errors import OtherSizeError


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean") / "data"
    generate(
        SyntheticSpec(size=96, parts={"train": 10, "test": 10}, views=1, defects=("stain", "chip")), root
    )
    return root


@pytest.fixture
def data(clean: Path, tmp_path: Path) -> Path:
    """A copy to plant faults in."""
    for file in clean.rglob("*"):
        if file.is_file():
            target = tmp_path / file.relative_to(clean)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return tmp_path


def _image(data: Path, split: str, label: str) -> Path:
    return sorted((data / "images" / split / label).iterdir())[0]


def _mask(data: Path) -> Path:
    return sorted((data / "masks/train/defective").iterdir())[0]


def _edit_table(data: Path, edit: Callable[[list[str]], list[str]]) -> None:
    table = data / "split.csv"
    table.write_text("\n".join(edit(table.read_text().splitlines())) + "\n")


def plant_corrupt_jpeg(data: Path) -> None:
    _image(data, "train", "normal").write_bytes(b"\xff\xd8\xff\xe0 not a jpeg \xff\xd9")


def plant_empty_file(data: Path) -> None:
    _image(data, "train", "normal").write_bytes(b"")


def plant_broken_mask(data: Path) -> None:
    _mask(data).write_bytes(b"nothing")


def plant_mask_of_wrong_size(data: Path) -> None:
    cv2.imwrite(str(_mask(data)), np.full((10, 10), 255, np.uint8))


def plant_empty_mask(data: Path) -> None:
    cv2.imwrite(str(_mask(data)), np.zeros((96, 96), np.uint8))


def plant_inverted_mask(data: Path) -> None:
    mask = cv2.imread(str(_mask(data)), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(_mask(data)), 255 - np.asarray(mask))


def plant_mask_of_another_value(data: Path) -> None:
    mask = cv2.imread(str(_mask(data)), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(_mask(data)), np.asarray(mask) // 255 * 3)


def plant_ng_without_mask(data: Path) -> None:
    _mask(data).unlink()


def plant_ok_with_defect(data: Path) -> None:
    name = _image(data, "train", "normal").name
    (data / "masks/train/normal").mkdir()
    cv2.imwrite(str(data / "masks/train/normal" / name), np.full((96, 96), 255, np.uint8))


def plant_near_duplicate(data: Path) -> None:
    image = cv2.imread(str(_image(data, "train", "normal")))
    assert image is not None
    cv2.imwrite(str(_image(data, "test", "normal")), np.clip(image.astype(int) + 3, 0, 255).astype(np.uint8))


def plant_group_on_two_sides(data: Path) -> None:
    _edit_table(data, lambda rows: [row.replace(",test0009,", ",train0009,") for row in rows])


def plant_imbalance(data: Path) -> None:
    (data / "split.csv").unlink()
    image = _image(data, "train", "normal")
    rng = np.random.default_rng(0)
    for index in range(60):
        noise = rng.integers(0, 255, (96, 96), dtype=np.uint8)
        cv2.imwrite(str(image.with_name(f"more{index}.png")), noise)


def plant_small_defect(data: Path) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[50, 50:52] = 255
    cv2.imwrite(str(_mask(data)), mask)


def plant_same_stem(data: Path) -> None:
    (data / "split.csv").unlink()
    image = _image(data, "train", "normal")
    (data / "images/test/normal" / image.name).write_bytes(_image(data, "test", "normal").read_bytes())


def _copy(data: Path, split: str, label: str) -> None:
    """The first good image of the training part once more, in another file format."""
    (data / "split.csv").unlink()
    pixels = cv2.imread(str(_image(data, "train", "normal")))
    assert pixels is not None
    cv2.imwrite(str(data / "images" / split / label / "copy.bmp"), pixels)


def plant_two_labels(data: Path) -> None:
    _copy(data, "train", "defective")


def plant_same_picture_in_two_splits(data: Path) -> None:
    _copy(data, "test", "normal")


def plant_same_picture_in_one_split(data: Path) -> None:
    _copy(data, "train", "normal")


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (plant_corrupt_jpeg, "unreadable"),
        (plant_empty_file, "unreadable"),
        (plant_broken_mask, "mask-unreadable"),
        (plant_mask_of_wrong_size, "mask-size"),
        (plant_empty_mask, "ng-empty-mask"),
        (plant_inverted_mask, "mask-covers-most"),
        (plant_mask_of_another_value, "mask-values"),
        (plant_ng_without_mask, "ng-without-mask"),
        (plant_ok_with_defect, "ok-with-defect"),
        (plant_near_duplicate, "near-duplicate"),
        (plant_group_on_two_sides, "group-on-two-sides"),
        (plant_imbalance, "imbalance"),
        (plant_small_defect, "small-defect"),
        (plant_same_stem, "same-stem"),
        (plant_two_labels, "two-labels"),
        (plant_same_picture_in_two_splits, "same-in-two-splits"),
        (plant_same_picture_in_one_split, "same-in-one-split"),
    ],
)
def test_each_planted_fault_is_found_and_named(plant: Callable[[Path], None], code: str, data: Path) -> None:
    plant(data)
    report = check(load_manifest(data), size=96)
    found = {finding.code: finding for finding in report.findings}
    assert code in found
    assert found[code].where
    assert found[code].hint
    serious = {
        "unreadable",
        "mask-unreadable",
        "mask-values",
        "mask-size",
        "ok-with-defect",
        "group-on-two-sides",
        "two-labels",
        "same-in-two-splits",
    }
    assert report.has_errors == bool(serious & set(found))


def test_one_16_bit_image_of_another_depth_is_named(data: Path) -> None:
    """Three of 16 bits, and one of 12: its values are a sixteenth of what they would be."""
    images = sorted((data / "images/train/normal").iterdir())[:4]
    for image, factor in zip(images, (257, 257, 16, 257), strict=True):
        gray = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        cv2.imwrite(str(image), gray.astype(np.uint16) * factor)
    manifest = replace(load_manifest(data), reading=Reading(FULL))
    (found,) = (f for f in check(manifest, size=96).findings if f.code == "dark-16-bit")
    assert len(found.where) == 1 and found.where[0].startswith(
        f"{manifest.key(part_of(manifest, images[2]))} ("
    )
    unknown = check(load_manifest(data), size=96)
    assert {f.code: len(f.where) for f in unknown.findings}["unreadable"] == 4


def part_of(manifest: Manifest, image: Path) -> Part:
    return next(part for part in manifest.parts if part.image == image)


def test_clean_data_has_no_findings(clean: Path) -> None:
    assert check(load_manifest(clean), size=128).findings == ()


def test_one_broken_image_does_not_hide_the_next(data: Path) -> None:
    plant_empty_file(data)
    plant_mask_of_wrong_size(data)
    assert {f.code for f in check(load_manifest(data), size=96).findings} >= {"unreadable", "mask-size"}


def test_a_data_set_without_one_readable_image_is_still_reported(data: Path) -> None:
    for image in (data / "images").rglob("*.png"):
        image.write_bytes(b"")
    report: Report = check(load_manifest(data), size=96)
    assert len(report.findings[0].where) == report.images == 20


def test_the_defect_size_is_the_root_of_the_largest_regions_area(data: Path) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[10:26, 10:26] = 255  # 16 × 16
    mask[60:64, 60:64] = 255
    cv2.imwrite(str(_mask(data)), mask)
    manifest = load_manifest(data)
    part = next(p for p in manifest.parts if p.mask == _mask(data))
    report = check(Manifest(data, (part,)), size=48)
    assert report.contents[0].defect_px_median == pytest.approx(8.0)


def test_each_place_names_its_images(data: Path) -> None:
    plant_near_duplicate(data)
    plant_group_on_two_sides(data)
    sorted((data / "images/train/normal").iterdir())[1].write_bytes(b"")
    manifest = load_manifest(data)
    keys = {manifest.key(part) for part in manifest.parts}
    report = check(manifest, size=96)
    found = {finding.code: finding for finding in report.findings}
    assert {"unreadable", "near-duplicate", "group-on-two-sides"} <= found.keys()
    for finding in report.findings:
        assert len(finding.images) == len(finding.where)
        for text, images in zip(finding.where, finding.images, strict=True):
            assert set(images) <= keys
            if finding.code in {"unreadable", "near-duplicate"}:
                assert images and all(image in text for image in images)
    (group,) = found["group-on-two-sides"].images
    assert len({part.group for part in manifest.parts if manifest.key(part) in group}) == 1


def test_the_report_is_json(clean: Path) -> None:
    report = json.loads(json.dumps(check(load_manifest(clean), size=96).to_json()))
    assert sum(row["images"] for row in report["contents"]) == 20


def test_one_picture_under_two_labels_names_both_and_is_told_once(data: Path) -> None:
    plant_two_labels(data)
    found = {finding.code: finding for finding in check(load_manifest(data), size=96).findings}
    (place,) = found["two-labels"].where
    first = _image(data, "train", "normal").name
    assert set(place.split(" = ")) == {
        f"images/train/normal/{first} (OK)",
        "images/train/defective/copy.bmp (NG)",
    }
    assert not {"same-in-two-splits", "same-in-one-split", "near-duplicate"} & set(found)


def test_near_duplicates_are_counted_by_images_and_name_the_earlier_split(data: Path) -> None:
    plant_near_duplicate(data)
    found = {finding.code: finding for finding in check(load_manifest(data), size=96).findings}
    one, other = _image(data, "test", "normal").name, _image(data, "train", "normal").name
    assert found["near-duplicate"].where == (f"images/test/normal/{one} ~ images/train/normal/{other}",)
    assert found["near-duplicate"].what.startswith("1 image has a near duplicate")


def test_findings_are_listed_by_severity() -> None:
    order = [SEVERITIES.index(kind.severity) for kind in KINDS.values()]
    assert order == sorted(order)


def test_a_mask_of_another_size_is_known_by_the_kind_of_its_error(data: Path) -> None:
    plant_mask_of_wrong_size(data)
    with pytest.raises(OtherSizeError):
        read_mask(_mask(data), (96, 96))
