"""What a look at a folder finds, and what it leaves alone."""

import os
import unicodedata
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.feeds.listing import LINK, SUBFOLDER, list_folder
from watched_folder import png

NFC = unicodedata.normalize("NFC", "부품")
NFD = unicodedata.normalize("NFD", "부품")


def test_images_are_taken_and_all_else_is_named_once_for_its_kind(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    names = ["a.PNG", "b.tiff", f"{NFC}.png", f"{NFD}.png", "line\nfeed.png", os.fsdecode(b"\xba\xd2.png")]
    for name in [*names, "sub/c.png", ".hidden/d.png"]:
        (folder / name).write_bytes(png(1))
    for name in ["e.txt", "f.txt", "README", ".g.png", "h.png.part", "i.tmp", "j.png~", "Thumbs.db"]:
        (folder / name).write_bytes(b"x")
    (tmp_path / "outside.png").write_bytes(png(2))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.png")
    found = list_folder(folder, recursive=False)
    assert set(found.images) == set(names)
    assert found.left == {
        ".txt": "e.txt",
        "without suffix": "README",
        LINK: "folder",
        SUBFOLDER: "sub",
        "no files": "pipe.png",
    }
    assert len(found.temporary) == 5
    inode, state = found.images["a.PNG"]
    status = (folder / "a.PNG").stat()
    assert (inode, *state) == (status.st_ino, status.st_size, status.st_mtime_ns)
    assert set(list_folder(folder, recursive=True).images) == {*names, "sub/c.png"}


def test_a_folder_that_is_away_is_an_error_to_wait_for(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="cannot be read"):
        list_folder(tmp_path / "gone", recursive=False)
