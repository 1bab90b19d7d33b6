"""Lists of images with doubtful labels."""

from pathlib import Path

import pytest

from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.evaluation.doubtful import read_doubtful, require_known, resolve
from gainspect.types import Label


def test_doubtful_images_are_read_by_file_name(tmp_path):
    (tmp_path / "list.csv").write_text("group,file\ng1,a.png\ng3,d.png\n,\n")
    assert read_doubtful(tmp_path / "list.csv") == {"a.png", "d.png"}


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"name\na.png\n", "column 'file' is missing"), (b"\xff\xfe\x00", "cannot read"), (None, "cannot read")],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path, content, why):
    if content is not None:
        (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(GainspectError, match=why):
        read_doubtful(tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["b.png"], None),
        (["ok/a.png", "ng/a.png"], None),
        (["c.png"], "names 1 image that the data do not have, such as 'c.png'"),
        (["a.png"], r"'a\.png' could be ng/a\.png or ok/a\.png"),
    ],
)
def test_a_name_must_stand_for_one_image_of_the_data(names, message):
    root = Path("/data")
    images = ("ok/a.png", "ng/a.png", "ng/b.png")
    manifest = Manifest(root, tuple(Part(root / image, Label.OK) for image in images))
    if message is None:
        require_known(names, manifest)
        return
    with pytest.raises(GainspectError, match=message):
        require_known(names, manifest)


def test_a_decomposed_name_stands_for_its_image_under_the_name_in_tables():
    assert resolve(frozenset({"\u00e9.png"}), ["ng/e\u0301.png"]) == {"ng/e\u0301.png"}
