"""Files appear whole or not at all: after errors, a full disk, a kill, and with several writers."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gainspect.errors import GainspectError
from gainspect.files import atomic_path, locked, new_folder, write_json, write_text


def _full(*args: Any, **kwargs: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_and_json_come_back_and_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "folder" / "a.txt", "α = ½\n")
    assert (tmp_path / "new" / "folder" / "a.txt").read_bytes() == "α = ½\n".encode()
    write_json(tmp_path / "a.json", {"recall": 0.95, "name": "Prüfung", "best": None})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n  "recall": 0.95,\n  "name": "Prüfung",\n  "best": null\n}\n'
    assert _names(tmp_path) == ["a.json", "new"]


def test_a_new_file_replaces_the_old_one_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "a long old text")
    write_text(file, "new")
    assert file.read_text() == "new"


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "new" / "folder"
    with pytest.raises(GainspectError, match="No space left"), new_folder(place) as folder:
        write_text(folder / "a.txt", "half")
        _full()
    assert _names(place.parent) == []
    with new_folder(place) as folder:
        write_text(folder / "a.txt", "whole")
        assert not place.exists()
    assert _names(place.parent) == ["folder"] and _names(place) == ["a.txt"]
    with pytest.raises(GainspectError, match="already such a file"), new_folder(place):
        pass
    assert _names(place) == ["a.txt"]


def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").touch()
    write_text(tmp_path / "a.txt", "a")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_an_exception_leaves_the_old_file_and_no_rest(tmp_path: Path, error: BaseException) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(type(error)), atomic_path(file) as temporary:
        temporary.write_text("half a n")
        raise error
    assert file.read_text() == "old"
    assert _names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("where", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    if where == "write":
        monkeypatch.setattr(Path, "write_text", _full)
    else:
        monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(
        GainspectError, match=r"a\.txt: cannot write \(No space left on device\).*is not full"
    ):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert _names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_that_is_really_full_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with (
        pytest.raises(GainspectError, match="No space left on device"),
        atomic_path(file) as temporary,
        Path("/dev/full").open("w") as full,
    ):
        temporary.touch()
        full.write("x" * 100_000)
    assert _names(tmp_path) == []


def test_a_place_that_cannot_be_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(GainspectError, match=r"b\.txt: cannot write"):
        write_text(tmp_path / "file" / "b.txt", "b")
    (tmp_path / "folder").mkdir()
    with pytest.raises(GainspectError, match=r"folder: cannot write \(Is a directory\)"):
        write_text(tmp_path / "folder", "b")
    assert _names(tmp_path) == ["file", "folder"]


def test_an_unwritable_folder_is_named() -> None:
    """In /sys not even root makes a file; in a container it is also mounted so."""
    why = r"\((Permission denied|Read-only file system)\)"
    with pytest.raises(GainspectError, match=rf"^/sys/a\.txt: cannot write {why}.*folder is writable"):
        write_text(Path("/sys/a.txt"), "a")


@pytest.mark.parametrize("at", ["mkdir", "touch"])
def test_a_refused_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, at, refuse)
    with pytest.raises(
        GainspectError, match=r"a\.txt: cannot write \(Permission denied\).*folder is writable"
    ):
        write_text(tmp_path / "a.txt", "a")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [1.0, float("-inf")]}])
def test_json_refuses_what_json_does_not_have(tmp_path: Path, value: Any) -> None:
    file = tmp_path / "a.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(file, value)
    assert file.read_text() == "{}"
    assert _names(tmp_path) == ["a.json"]


def test_a_reader_never_sees_a_mixture_of_several_writers(tmp_path: Path) -> None:
    """Each writes until the reader has read a hundred times."""
    file = tmp_path / "a.json"
    texts = {letter: letter * 200_000 for letter in "abc"}
    write_json(file, texts["a"])
    umask = os.umask(0o022)
    os.umask(umask)
    enough = threading.Event()
    begun = threading.Barrier(len(texts) + 1)
    failures: list[BaseException] = []

    def write(letter: str) -> None:
        try:
            write_json(file, texts[letter])
            begun.wait()
            while not enough.is_set():
                write_json(file, texts[letter])
        except BaseException as error:
            failures.append(error)
            begun.abort()

    writers = [threading.Thread(target=write, args=(letter,)) for letter in texts]
    for writer in writers:
        writer.start()
    try:
        begun.wait()
        seen = [json.loads(file.read_text()) for _ in range(100)]
    finally:
        enough.set()
        for writer in writers:
            writer.join()
    assert failures == []
    assert all(text in texts.values() for text in seen)
    assert _names(tmp_path) == ["a.json"]
    assert os.umask(umask) == umask  # nothing that belongs to the whole process was touched


def test_a_kill_in_the_middle_leaves_the_old_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from gainspect.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary, temporary.open('w') as writing:\n"
        "    writing.write('half a n')\n"
        "    writing.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(file)], check=False)
    assert ended.returncode == -9
    assert file.read_text() == "old"
    write_text(file, "new")  # what the kill left behind does not stand in the way
    assert file.read_text() == "new"


def test_a_lock_is_held_by_one_and_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".lock"
    for _ in range(2):
        with (
            locked(path, busy="it is in use", hint="Wait."),
            pytest.raises(GainspectError, match=r"new: it is in use\. Wait\."),
            locked(path, busy="it is in use", hint="Wait."),
        ):
            raise AssertionError("two hold it")
    assert path.read_bytes() == b""


def test_a_file_system_without_locks_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with (
        pytest.raises(GainspectError, match=r"cannot lock \(No locks available\)"),
        locked(tmp_path / ".lock", busy="it is in use", hint="Wait."),
    ):
        raise AssertionError("nothing was locked")
