from pathlib import Path

import cv2
import numpy as np

from gainspect.data.held_out import HeldOut, stem_of
from gainspect.data.manifest import Manifest, Part
from gainspect.data.seen import picture_sha256
from gainspect.types import Label
from loop_ledger import drawn_picture, sha256


def test_an_image_is_known_by_its_file_and_by_its_pixels_in_another_format(tmp_path: Path) -> None:
    png = drawn_picture(1)
    (tmp_path / "a.png").write_bytes(png)
    held = HeldOut.of(Manifest(tmp_path, (Part(tmp_path / "a.png", Label.OK, group="g", part="p"),)))
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    bmp = cv2.imencode(".bmp", pixels)[1].tobytes()
    assert held.has_image(sha256(png), "") and held.has_image("", picture_sha256(bmp, "a.bmp"))
    other = drawn_picture(2)
    assert not held.has_image(sha256(other), picture_sha256(other, "b.png"))
    assert held.has_group(["x", "g"]) and held.has_group(["p"]) and not held.has_group(["a"])
    both = held | HeldOut(groups=frozenset({"a"}))
    assert both.has_group(["a"]) and both.has_image(sha256(png), "")


def test_groups_are_compared_whatever_the_form_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(drawn_picture(1))
    held = HeldOut.of_files([tmp_path / "a.png"], {stem_of("in/덮개.png")})
    assert held.has_group(["덮개"])
