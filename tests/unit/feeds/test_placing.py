"""Files are moved under free names, never over others, whatever the file system can."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gainspect.errors import GainspectError
from gainspect.feeds.placing import place, require_movable
from watched_folder import files_in


@pytest.fixture(params=["links", "no links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file system with hard links, and another one (or one without)."""
    if request.param == "no links":

        def link(*paths: Any, **settings: Any) -> NoReturn:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

        monkeypatch.setattr(os, "link", link)
    return str(request.param)


def written(path: Path, content: bytes, at: int = 10**18 + 123_456_789) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(at, at))
    return path


def test_a_taken_name_is_left_and_a_free_one_found(tmp_path: Path, links: str) -> None:
    done = tmp_path / "done"
    for content in (b"1", b"2", b"3"):
        place(
            written(tmp_path / "in" / "sub" / "a.b.png", content, int(content) * 10**18), done, "sub/a.b.png"
        )
    expected = {"sub/a.b.png": b"1", "sub/a.b (2).png": b"2", "sub/a.b (3).png": b"3"}
    assert files_in(done) == expected and not files_in(tmp_path / "in")
    assert not list(done.rglob(".*")), "nothing is left of a copy"
    assert (done / "sub/a.b.png").stat().st_mtime_ns == 10**18


def test_the_same_file_that_is_there_already_is_not_placed_twice(tmp_path: Path, links: str) -> None:
    """A kill came when the new name was there, and the old one still."""
    source = written(tmp_path / "in" / "a.png", b"x")
    shutil.copy2(source, written(tmp_path / "done" / "a.png", b""))
    assert place(source, tmp_path / "done", "a.png") == tmp_path / "done" / "a.png"
    assert files_in(tmp_path) == {"done/a.png": b"x"}


def test_the_same_content_of_another_time_is_another_file(tmp_path: Path, links: str) -> None:
    written(tmp_path / "done" / "a.png", b"x", 10**18 + 123_000_000)
    place(written(tmp_path / "in" / "a.png", b"x"), tmp_path / "done", "a.png")
    assert files_in(tmp_path) == {"done/a.png": b"x", "done/a (2).png": b"x"}


def test_a_copy_on_a_file_system_with_coarse_times_is_known_again(tmp_path: Path) -> None:
    source = written(tmp_path / "in" / "a.png", b"x", 10**18 + 1_900_000_000)
    written(tmp_path / "done" / "a.png", b"x", 10**18)
    place(source, tmp_path / "done", "a.png")
    assert files_in(tmp_path) == {"done/a.png": b"x"}


def test_a_link_or_a_folder_in_the_way_is_left(tmp_path: Path, links: str) -> None:
    done = tmp_path / "done"
    done.mkdir()
    source = written(tmp_path / "in" / "a.png", b"x")
    (done / "a.png").symlink_to(source)
    (done / "a (2).png").mkdir()
    assert place(source, done, "a.png") == done / "a (3).png"
    assert (done / "a.png").is_symlink() and (done / "a (3).png").read_bytes() == b"x"


def test_long_names_are_cut_where_something_is_added(tmp_path: Path) -> None:
    name = f"{'가' * 83}ab.png"
    assert len(name.encode()) == 255
    for at in (1, 2):
        moved = place(written(tmp_path / "in" / name, b"x", at * 10**18), tmp_path / "done", name, "because")
        assert moved.with_name(_cut(moved.name)).read_text() == "because\n"
    assert moved.name.endswith(" (2).png") and len(os.fsencode(moved.name)) <= 255


def _cut(name: str) -> str:
    stem = name
    while len(f"{stem}.txt".encode()) > 255:
        stem = stem[:-1]
    return f"{stem}.txt"


def test_what_cannot_be_moved_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path / "in" / "a.png", b"x")
    (tmp_path / "done").write_bytes(b"a file")
    with pytest.raises(GainspectError, match="cannot be moved"):
        place(source, tmp_path / "done", "a.png")
    (tmp_path / "done").unlink()
    monkeypatch.setattr(Path, "unlink", _denied)
    with pytest.raises(GainspectError, match="Permission denied"):
        place(source, tmp_path / "done", "a.png")
    monkeypatch.undo()
    assert files_in(tmp_path) == {"in/a.png": b"x", "done/a.png": b"x"}
    place(source, tmp_path / "done", "a.png")
    assert files_in(tmp_path) == {"done/a.png": b"x"}


def _denied(*arguments: Any, **settings: Any) -> NoReturn:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_whether_files_can_be_moved_is_tried_and_leaves_nothing(tmp_path: Path, links: str) -> None:
    (tmp_path / "in").mkdir()
    for _ in range(2):
        require_movable(tmp_path / "in", tmp_path / "done")
    assert [*(tmp_path / "in").iterdir(), *(tmp_path / "done").iterdir()] == []


def test_files_that_cannot_be_moved_are_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_bytes", _denied)
    with pytest.raises(GainspectError, match="cannot be moved out of it"):
        require_movable(tmp_path, tmp_path / "done")
