"""The journal: what was appended is kept, nothing is there twice or mixed, and one writes at a time."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gainspect.data.taken import SETTINGS, VERDICTS
from gainspect.errors import GainspectError
from gainspect.inspection.records.journal import Journal, line_of
from gainspect.inspection.records.verdict_key import Key, Settings, key_of
from gainspect.names import escaped, unescaped

SETTINGS_NOW = Settings("b" * 64, "c" * 64, "onnxruntime", "f32", check=True)
NAMES = ["lot/a.png", "lot/부품 1.png", escaped("lot/part\udcba\udcd2.png"), escaped("lot/x\ny.png"), "-"]


def record(image: str, sha256: str = "1" * 64, **more: Any) -> dict[str, Any]:
    return {"image": image, "sha256": sha256, "verdict": "ok", "error": None, "score": 0.1 + 0.2} | more


def written(folder: Path) -> list[dict[str, Any]]:
    """The lines, read as anything reads JSON lines."""
    content = (folder / VERDICTS).read_bytes().decode("utf-8")
    assert content == "" or content.endswith("\n")
    return [json.loads(line) for line in content.split("\n")[:-1]]


def test_a_key_names_what_was_judged_and_with_what() -> None:
    assert key_of("a.png", "p", "1", SETTINGS_NOW) == Key(
        "a.png", "p", "1", "b" * 64, "c" * 64, "onnxruntime", "f32", True
    )


def test_each_line_is_there_as_soon_as_it_was_appended(tmp_path: Path) -> None:
    records = [record(name) for name in NAMES]
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        for count, one in enumerate(records, start=1):
            journal.append(one)
            assert written(tmp_path) == records[:count]
    assert [unescaped(one["image"]) for one in written(tmp_path)][2:4] == [
        "lot/part\udcba\udcd2.png",
        "lot/x\ny.png",
    ]
    assert json.loads((tmp_path / SETTINGS).read_text()) == asdict(SETTINGS_NOW)


def test_a_lone_surrogate_anywhere_is_valid_utf_8_and_comes_back(tmp_path: Path) -> None:
    odd = record("a.png", part="\udcba", error="cannot read '\udcd2'")
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(odd)
        assert journal.record("a.png") == odd
    assert written(tmp_path) == [odd]


def test_cut_off_at_any_byte_the_whole_lines_remain_and_the_rest_can_be_appended(tmp_path: Path) -> None:
    records = [record(name) for name in NAMES]
    lines = [line_of(one) for one in records]
    content = b"".join(lines)
    with Journal(tmp_path, SETTINGS_NOW):
        pass
    for length in range(len(content) + 1):
        (tmp_path / VERDICTS).write_bytes(content[:length])
        whole = sum(len(b"".join(lines[:count])) <= length for count in range(1, len(lines) + 1))
        with Journal(tmp_path, SETTINGS_NOW) as journal:
            assert journal.images() == NAMES[:whole]
            for one in records[whole:]:
                assert journal.record(one["image"]) is None
                journal.append(one)
            assert [journal.record(name) for name in NAMES] == records
        assert (tmp_path / VERDICTS).read_bytes() == content


@pytest.mark.parametrize("tail", [b"\0" * 300, b'{"image": "b.png", "ver\n', b"\xff\xfe", b"[]\n", b"7"])
def test_what_a_power_cut_left_of_the_last_line_is_cut_off(tail: bytes, tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(record("a.png"))
    with (tmp_path / VERDICTS).open("ab") as file:
        file.write(tail)
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        assert journal.images() == ["a.png"]
    assert written(tmp_path) == [record("a.png")]


def test_damage_before_the_last_line_is_named_and_changes_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW):
        pass
    content = line_of(record("a.png")) + b"# a note\n" + line_of(record("b.png"))
    (tmp_path / VERDICTS).write_bytes(content)
    with pytest.raises(GainspectError, match=r"verdicts\.jsonl, line 2: this is no record of a verdict"):
        Journal(tmp_path, SETTINGS_NOW)
    assert (tmp_path / VERDICTS).read_bytes() == content


def test_of_two_lines_of_an_image_the_later_counts_and_the_earlier_goes(tmp_path: Path) -> None:
    changed = record("a.png", "2" * 64)
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        for one in (record("a.png"), record("b.png"), changed):
            journal.append(one)
        assert len(written(tmp_path)) == 3 and len(journal) == 2
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        assert journal.record("a.png") == changed
        assert journal.key("a.png") == key_of("a.png", None, "2" * 64, SETTINGS_NOW)
        journal.settle(["a.png", "b.png"])
    assert written(tmp_path) == [changed, record("b.png")]


def test_in_the_end_others_come_first_and_then_what_was_named_in_its_order(tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        for name in "fbdaec":
            journal.append(record(name))
        journal.settle(["a", "x", "b", "c", "a"])
    assert [one["image"] for one in written(tmp_path)] == ["f", "d", "e", "a", "b", "c"]


def test_what_is_in_order_is_left_as_it_is(tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        for name in "abc":
            journal.append(record(name))
        journal.append(record("b"))  # says nothing new
        before = (tmp_path / VERDICTS).stat()
        journal.settle("abc")
    after = (tmp_path / VERDICTS).stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert len(written(tmp_path)) == 3


def test_a_line_that_ctrl_c_left_without_its_entry_is_settled_too(tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(record("b"))
        with (tmp_path / VERDICTS).open("ab") as file:  # as if `append` had ended right after its write
            file.write(line_of(record("a")))
        journal.settle(["a", "b"])
    assert [one["image"] for one in written(tmp_path)] == ["a", "b"]


def test_an_error_is_no_verdict(tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(record("a.png", verdict=None, error="the file is empty"))
        assert journal.key("a.png") is None and journal.record("a.png") is not None
        assert journal.key("b.png") is None


OTHERS = {
    "bundle": ("d" * 64, "bundle bbbbbbbbbbbb…, now dddddddddddd…"),
    "policy_id": (None, "policy cccccccccccc…, now none"),
    "runtime": ("openvino", "runtime onnxruntime, now openvino"),
    "precision": ("bf16", "precision f32, now bf16"),
    "check": (False, "check of reasons on, now off"),
    "bits": (12, "bits of 16-bit images none, now 12"),
    "parts": (f"table {'e' * 64}", "parts none, now table eeeeeeeeeeee…"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_verdicts_of_other_settings_are_refused_and_left_alone(name: str, tmp_path: Path) -> None:
    value, words = OTHERS[name]
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(record("a.png"))
    with pytest.raises(GainspectError) as refused:
        Journal(tmp_path, replace(SETTINGS_NOW, **{name: value}))
    assert refused.value.what == f"these verdicts were made with other settings: {words}"
    assert refused.value.where == str(tmp_path / VERDICTS)
    assert refused.value.hint == "Choose another --out, or delete this file to judge its images again."
    assert written(tmp_path) == [record("a.png")]
    (tmp_path / VERDICTS).unlink()
    with Journal(tmp_path, replace(SETTINGS_NOW, **{name: value})) as journal:
        assert len(journal) == 0


def test_a_setting_that_a_later_version_adds_counts_where_it_says_something(tmp_path: Path) -> None:
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(record("a.png"))
    (tmp_path / SETTINGS).write_text(json.dumps(asdict(SETTINGS_NOW) | {"zoom": None}))
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        assert len(journal) == 1
    (tmp_path / SETTINGS).write_text(json.dumps(asdict(SETTINGS_NOW) | {"zoom": 2}))
    with pytest.raises(GainspectError, match="zoom 2, now none"):
        Journal(tmp_path, SETTINGS_NOW)


@pytest.mark.parametrize("settings", [None, "{", "[]"])
def test_verdicts_whose_settings_are_not_known_are_refused(settings: str | None, tmp_path: Path) -> None:
    (tmp_path / VERDICTS).write_bytes(line_of(record("a.png")))
    if settings is not None:
        (tmp_path / SETTINGS).write_text(settings)
    with pytest.raises(GainspectError, match="settings"):
        Journal(tmp_path, SETTINGS_NOW)
    assert written(tmp_path) == [record("a.png")]


def test_one_at_a_time(tmp_path: Path) -> None:
    with (
        Journal(tmp_path, SETTINGS_NOW) as journal,
        pytest.raises(GainspectError, match="another inspection is writing its verdicts into this folder"),
    ):
        journal.append(record("a.png"))
        Journal(tmp_path, SETTINGS_NOW)
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        assert len(journal) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from gainspect.inspection.records.journal import Journal
from gainspect.inspection.records.verdict_key import Settings

journal = Journal(Path(sys.argv[1]), Settings("b" * 64, "c" * 64, "onnxruntime", "f32", True))
journal.append({"image": "a.png", "sha256": "1", "verdict": "ok"})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_its_lines_and_no_lock(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], env=environment)
    assert done.returncode == -signal.SIGKILL
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        assert journal.images() == ["a.png"]


@contextmanager
def disk_that_takes(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes; what fits of a write is written, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_sentence_and_leaves_whole_lines(tmp_path: Path) -> None:
    first, second = record("a.png"), record("b.png")
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        journal.append(first)
        with (
            disk_that_takes(len(line_of(first)) + 10),
            pytest.raises(GainspectError, match=r"verdicts\.jsonl: cannot write \(.*the same command again"),
        ):
            journal.append(second)
        assert written(tmp_path) == [first]
        journal.append(second)
    assert written(tmp_path) == [first, second]


def test_a_disk_that_is_full_in_the_end_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    records = [record("b.png"), record("a.png")]
    with Journal(tmp_path, SETTINGS_NOW) as journal:
        for one in records:
            journal.append(one)
        with disk_that_takes(50), pytest.raises(GainspectError, match="cannot write"):
            journal.settle(["a.png", "b.png"])
    assert written(tmp_path) == records


def test_lines_reach_the_disk_once_a_second_and_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gainspect.inspection.records import journal as module

    synced: list[int] = []
    seconds = iter([0.0, 0.4, 0.9, 1.0, 1.9, 2.5])
    with monkeypatch.context() as patched:
        patched.setattr(module.time, "monotonic", lambda: next(seconds))
        with Journal(tmp_path, SETTINGS_NOW) as journal:
            patched.setattr(module.os, "fsync", lambda descriptor: synced.append(len(written(tmp_path))))
            for name in "abcde":
                journal.append(record(name))
    assert synced == [3, 5, 5]  # the lines that are there at 1.0 s, at 2.5 s, and at the end


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GainspectError, match="cannot write"):
        Journal(tmp_path / "file", SETTINGS_NOW)
    (tmp_path / "out" / VERDICTS).mkdir(parents=True)
    (tmp_path / "out" / SETTINGS).write_text(json.dumps(asdict(SETTINGS_NOW)))
    with pytest.raises(GainspectError, match="cannot write"):
        Journal(tmp_path / "out", SETTINGS_NOW)
