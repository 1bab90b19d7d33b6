"""Lines that are on the disk when they are said to be, marks, and the part at hand."""

import errno
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.feeds.claim import Claim, drop_claim, read_claim, write_claim
from gainspect.feeds.line_file import LineFile
from gainspect.feeds.marks import Mark, Marks
from gainspect.feeds.settled import FileState

ODD = ["a.png", "부품.png", "line\nfeed.png", "part\udcba.png", "x\u2028y.png"]


@given(st.lists(st.text(max_size=300), max_size=12), st.binary(max_size=20), st.sampled_from([1, 7, 2**16]))
def test_lines_come_back_from_the_last_to_the_first_and_a_torn_one_is_cut(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], torn: bytes, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gainspect.feeds.line_file._CHUNK", chunk)
        with LineFile(path) as lines:
            for name in names:
                lines.append([{"name": name}])
        whole = path.read_bytes()
        path.write_bytes(whole + torn.replace(b"\n", b""))
        with LineFile(path) as lines:
            found = list(lines.backwards())
        assert path.read_bytes() == whole
    assert [record["name"] for _, record in found] == names[::-1]
    assert [json.loads(whole[begin:].split(b"\n")[0]) for begin, _ in found] == [line for _, line in found]


def test_a_full_disk_leaves_nothing_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LineFile(tmp_path / "a.jsonl") as lines:
        lines.append([{"a": 1}])

        def full(descriptor: int) -> NoReturn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(GainspectError, match="No space left"):
            lines.append([{"a": 2}, {"a": 3}])
        monkeypatch.undo()
        assert (tmp_path / "a.jsonl").read_bytes() == b'{"a": 1}\n'
        lines.append([{"a": 4}])
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"a": 1}\n{"a": 4}\n'


@pytest.mark.parametrize("line", [b"no json", b"[1]", b"\xff"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n' + line + b"\n")
    with LineFile(tmp_path / "a.jsonl") as lines, pytest.raises(GainspectError, match="byte 9"):
        list(lines.backwards())


def test_marks_stay_until_the_file_is_another_or_gone(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    marks = {}
    for name in ODD:
        (folder / name).write_bytes(b"x")
        status = (folder / name).stat()
        marks[name] = Mark(name, status.st_size, status.st_mtime_ns, "ok")
    path = tmp_path / "marks.jsonl"
    with Marks(path, folder) as kept:
        kept.add(list(marks.values()))
        kept.remove(marks["a.png"])
        assert not kept.has("a.png", marks["a.png"].state) and kept.has("부품.png", marks["부품.png"].state)
        assert not kept.has("부품.png", FileState(1, 1))
    (folder / ODD[1]).unlink()
    (folder / ODD[2]).write_bytes(b"other")
    with Marks(path, folder) as kept:
        assert {mark.name for mark in kept.all()} == set(ODD[3:])
    assert len(path.read_bytes().splitlines()) == 2, "what is forgotten takes no room"


def test_a_file_that_cannot_be_looked_at_stays_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Marks(tmp_path / "marks.jsonl", tmp_path) as kept:
        kept.add([Mark("sub/a.png", 1, 2, "ok")])

    def away(path: Path) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "lstat", away)
    with Marks(tmp_path / "marks.jsonl", tmp_path) as kept:
        assert kept.has("sub/a.png", FileState(1, 2))


def test_the_part_at_hand_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "at-hand.json"
    assert read_claim(path) is None
    claim = Claim("k", tuple(Mark(name, 1, 2, "failed", "why") for name in ODD))
    write_claim(path, claim)
    assert read_claim(path) == claim
    drop_claim(path)
    drop_claim(path)
    assert read_claim(path) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"key": "k", "files": [{"name": 1}]}', b'{"key": "k"}'])
def test_a_damaged_note_of_the_part_at_hand_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "at-hand.json").write_bytes(content)
    with pytest.raises(GainspectError, match="Move the file elsewhere"):
        read_claim(tmp_path / "at-hand.json")
