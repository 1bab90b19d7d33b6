"""Images that a model has seen: found again by their bytes and by their pixels, and by nothing else."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.data.manifest import Manifest, Part, Split
from gainspect.data.seen import SeenImages, pixel_sha256, require_unseen
from gainspect.errors import GainspectError
from gainspect.types import Label

RNG = np.random.default_rng(0)


def picture(path: Path) -> Path:
    cv2.imwrite(str(path), RNG.integers(0, 256, (12, 16, 3), np.uint8))
    return path


def part(image: Path, split: Split) -> Part:
    return Part(image, Label.OK, group=image.stem, split=split)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    names: list[tuple[str, Split]] = [
        ("a", "train"),
        ("b", "train"),
        ("c", "val"),
        ("d", "test"),
        ("e", "test"),
    ]
    return Manifest(tmp_path, tuple(part(picture(tmp_path / f"{name}.png"), split) for name, split in names))


def test_a_test_part_of_its_own_was_not_seen(manifest: Manifest) -> None:
    seen = SeenImages.of(manifest)
    assert (len(seen.files), len(seen.pixels)) == (3, 3)
    assert seen.among(manifest.split("test")) == {}
    assert seen.among(manifest) == {"a.png": "train", "b.png": "train", "c.png": "val"}


def test_hashes_are_those_of_file_and_pixels(manifest: Manifest) -> None:
    seen = SeenImages.of(manifest)
    content = (manifest.root / "a.png").read_bytes()
    assert seen.files[hashlib.sha256(content).hexdigest()] == "train"
    rgb = cv2.imread(str(manifest.root / "a.png"))[:, :, ::-1]
    assert seen.pixels[hashlib.sha256(b"12 16 " + rgb.tobytes()).hexdigest()] == "train"


def copied(image: Path, to: Path) -> None:
    shutil.copy(image, to)


def saved_again(image: Path, to: Path) -> None:
    cv2.imwrite(str(to), cv2.imread(str(image)), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert to.read_bytes() != image.read_bytes()


def as_bmp(image: Path, to: Path) -> None:
    to.write_bytes(cv2.imencode(".bmp", cv2.imread(str(image)))[1].tobytes())


@pytest.mark.parametrize("copy", [copied, saved_again, as_bmp])
@pytest.mark.parametrize("source", ["a", "c"])
def test_a_copy_under_another_name_or_format_was_seen(manifest: Manifest, copy, source: str) -> None:  # type: ignore[no-untyped-def]
    to = manifest.root / "renamed.png"
    copy(manifest.root / f"{source}.png", to)
    tested = replace(manifest.split("test"), parts=(*manifest.split("test").parts, part(to, "test")))
    expected = "train" if source == "a" else "val"
    assert SeenImages.of(manifest).among(tested) == {"renamed.png": expected}


def test_one_grey_value_makes_another_image(manifest: Manifest) -> None:
    image = cv2.imread(str(manifest.root / "a.png"))
    image[3, 4, 1] ^= 1
    cv2.imwrite(str(manifest.root / "f.png"), image)
    assert (
        SeenImages.of(manifest).among(Manifest(manifest.root, (part(manifest.root / "f.png", "test"),))) == {}
    )


def test_the_same_bytes_in_another_shape_are_another_image() -> None:
    image = RNG.integers(0, 256, (12, 16, 3), np.uint8)
    assert pixel_sha256(image) != pixel_sha256(image.reshape(16, 12, 3))
    assert pixel_sha256(image[:, ::-1]) == pixel_sha256(image[:, ::-1].copy())


def test_what_is_written_is_read_and_names_nothing(manifest: Manifest) -> None:
    seen = SeenImages.of(manifest)
    content = seen.to_json()
    assert SeenImages.from_json(content, "x") == seen
    assert b".png" not in content
    assert all(
        values == sorted(values)
        for kind in ("files", "pixels")
        for values in json.loads(content)[kind].values()
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b'{"version": 2}', b'{"version": 1, "files": {"train": []}}', b"[" * 9999],
)
def test_a_list_that_cannot_be_read_is_a_sentence(content: bytes) -> None:
    with pytest.raises(GainspectError, match=r"part\.gain: cannot read the hashes"):
        SeenImages.from_json(content, "part.gain")


def test_seen_images_are_named() -> None:
    require_unseen({}, 5, what="the test part", where=Path("data"))
    with pytest.raises(
        GainspectError, match=r"2 of 5 images of the test part .*: a\.png \(train\), b\.png \(val\)"
    ):
        require_unseen({"a.png": "train", "b.png": "val"}, 5, what="the test part", where=Path("data"))
    with pytest.raises(GainspectError, match=r"19\.png \(val\) and 5 more\. .*--seen allow"):
        require_unseen({f"{n}.png": "val" for n in range(25)}, 30, what="the test part", where=Path("data"))
