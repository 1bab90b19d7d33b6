"""Watching a folder: each part decided once, its files moved or marked, whatever is killed, full or away."""

import errno
import json
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import Run
from gainspect.errors import GainspectError
from gainspect.feeds.line_file import LineFile
from gainspect.feeds.watch import Waits
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.jobs.run_watch import WatchPlace, WatchPlan, run_watch
from gainspect.jobs.watch_loop import CLAIM, STATE, Watched
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.verification import verify
from report_parts import Spots, bundle
from watched_folder import Hours, files_in, png

PARTS = "([a-z]+)_[0-9][.]png"
WAITS = Waits(settle_s=1, give_up_s=8, part_s=4)
LEVELS = {"a_1.png": 30, "a_2.png": 60, "b_1.png": 90, "b_2.png": 200}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def inspector() -> Inspector:
    made = Inspector(Spots(), threshold=0.999, region_threshold=0.1)
    made.bundle = bundle()
    return made


class Watch:
    """Runs watches of one folder, and keeps what they say."""

    def __init__(self, folder: Path, *, keep: bool = False, ledger: bool = False, **plan: Any) -> None:
        base = folder.parent
        self.folder, self.done = folder, base / "done"
        self.ledger = LedgerPlace(str(base / "line.ledger"), station="line 3") if ledger else None
        out = None if ledger else base / "out"
        self.place = WatchPlace(folder, None if keep else self.done, self.ledger, out)
        self.plan = WatchPlan(waits=WAITS, once=True, **plan)
        self.records: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.hours = Hours()
        self.load: Callable[[], Inspector] = inspector

    def run(self) -> Watched:
        return run_watch(
            self.load,
            self.place,
            self.plan,
            stop=self.hours.stop,
            on_decision=self.records.append,
            tell=self.told.append,
        )

    def decisions(self) -> list[dict[str, Any]]:
        """What is recorded: part, names and hashes of its images, and the label."""
        if self.ledger is not None:
            with open_ledger(self.ledger.url, create=False) as ledger:
                assert not verify(ledger).faults
                found = [entry.record for entry in ledger.records()]
            return [
                {
                    "key": one.key,
                    "part": one.part,
                    "label": str(one.label),
                    "fired": list(one.fired),
                    "images": [(image.image, image.sha256) for image in one.images],
                }
                for one in found
                if isinstance(one, Decision)
            ]
        assert self.place.out is not None
        return [
            {
                "key": line["key"],
                "part": line["part"],
                "label": line["decision"],
                "fired": line["fired"],
                "images": list(zip(line["images"], line["sha256"], strict=True)),
            }
            for line in map(json.loads, (self.place.out / "decisions.jsonl").read_bytes().splitlines())
        ]

    def lines(self) -> list[dict[str, Any]]:
        assert self.place.out is not None
        return [json.loads(line) for line in (self.place.out / "verdicts.jsonl").read_bytes().splitlines()]


def write(folder: Path, name: str, content: bytes, at: int | None = None) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    if at is not None:
        os.utime(path, ns=(at, at))


def labels(watch: Watch) -> dict[str, str]:
    return {Path(one["part"]).name: one["label"] for one in watch.decisions()}


def test_each_image_is_decided_as_an_inspection_does_and_moved(folder: Path, run: Run) -> None:
    """Beside `run_inspection` over the same images."""
    from gainspect.jobs.run_inspection import run_inspection

    for at, (name, level) in enumerate(LEVELS.items()):
        write(folder, name, png(level), at)
    expected: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Inspector, "load", lambda *arguments, **settings: inspector())
        run_inspection(Path("x.gain"), [str(folder)], on_record=expected.append, batch_size=1)
    watch = Watch(folder)
    assert watch.run() == Watched(parts=4, failed=0)
    lines = watch.lines()
    own = {"part", "key"}
    assert [{key: line[key] for key in line.keys() - own} for line in lines] == json.loads(
        json.dumps(expected)
    )
    assert [line["key"] for line in lines] == [record["key"] for record in watch.records]
    moved = {f"{line['verdict']}/{Path(line['image']).name}" for line in lines}
    assert set(files_in(watch.done)) == moved and not files_in(folder)
    told = {path for record in watch.records for path in record["files"]}
    assert told == {str(watch.done / name) for name in moved}


def test_decisions_go_into_the_ledger_with_their_pictures(folder: Path) -> None:
    for name, level in LEVELS.items():
        write(folder, name, png(level))
    watch = Watch(folder, ledger=True, parts=PARTS, views=2)
    watch.run()
    assert watch.ledger is not None
    with open_ledger(watch.ledger.url, create=False) as ledger:
        assert not verify(ledger).faults
        records = [entry.record for entry in ledger.records()]
        for record in records:
            assert isinstance(record, Decision) and record.station == "line 3"
            assert record.seconds is not None and record.seconds >= 0
            assert record.made_with.bundle == bundle().sha256
            for image in record.images:
                assert image.stored and ledger.pictures is not None and image.sha256 is not None
                assert ledger.pictures.read(image.sha256) == png(LEVELS[Path(image.image).name])
        assert [(record.key, record.part) for record in records] == [
            (record["key"], record["part"]) for record in watch.records
        ]
    assert [record["part"] for record in watch.records] == ["a", "b"]
    assert len(files_in(watch.done)) == 4


def test_an_image_that_does_not_come_makes_its_part_review(folder: Path) -> None:
    write(folder, "a_1.png", png(30))
    watch = Watch(folder, ledger=True, parts=PARTS, views=3)
    watch.run()
    (found,) = watch.decisions()
    assert found["label"] == "review" and "unreadable" in found["fired"]
    names = [image for image, _ in found["images"]]
    assert names == [str(folder / "a_1.png"), "a: image 2 of 3", "a: image 3 of 3"]
    assert files_in(watch.done) == {"review/a_1.png": png(30)}
    assert watch.hours.now >= WAITS.part_s


@pytest.mark.parametrize("keep", [False, True])
def test_what_cannot_be_read_is_review_and_keeps_nothing_else_from_being_decided(
    folder: Path, keep: bool
) -> None:
    write(folder, "a.png", b"no image", 1)
    write(folder, "b.png", png(30), 2)
    watch = Watch(folder, keep=keep)
    assert watch.run() == Watched(parts=2, failed=1)
    assert [Path(one["part"]).name for one in watch.decisions()] == ["b.png", "a.png"], "a.png was waited for"
    assert labels(watch)["a.png"] == "review"
    (error,) = [line["error"] for line in watch.lines() if line["verdict"] is None]
    if not keep:
        assert set(files_in(watch.done)) == {"failed/a.png", "failed/a.png.txt", "ok/b.png"}
        assert (watch.done / "failed/a.png.txt").read_text() == f"{error}\n"
    assert watch.hours.now >= WAITS.give_up_s


def test_a_file_that_is_still_written_is_left_until_it_is_whole(folder: Path) -> None:
    """It rests for longer than a file has to in order to be read, but what is there is no whole image."""
    whole = png(30)
    write(folder, "a.png", whole[: len(whole) // 2])
    watch = Watch(folder)
    watch.hours.at(3, lambda: write(folder, "a.png", whole))
    watch.plan = WatchPlan(waits=WAITS)
    watch.hours.at(7, watch.hours.stop.ask)
    watch.run()
    assert labels(watch) == {"a.png": "ok"} and files_in(watch.done) == {"ok/a.png": whole}


def test_once_leaves_what_comes_later_and_what_is_still_changing(folder: Path) -> None:
    write(folder, "a.png", png(30))
    write(folder, "growing.png", b"")
    watch = Watch(folder)
    for tenth in range(1, 100):
        watch.hours.at(tenth / 10, lambda: write(folder, "growing.png", png(60)))
    watch.hours.at(0.9, lambda: write(folder, "later.png", png(60)))
    watch.run()
    assert labels(watch) == {"a.png": "ok"}
    assert set(files_in(folder)) == {"growing.png", "later.png"}


def test_a_name_that_comes_again_is_a_new_part_and_so_is_a_frame_that_does(folder: Path) -> None:
    watch = Watch(folder, ledger=True)
    sent = [("a.png", 30, 1), ("a.png", 60, 2), ("a.png", 60, 3), ("b.png", 60, 3)]
    for name, level, at in sent:
        write(folder, name, png(level), at * 10**9 + 5000)
        watch.run()
    assert len({one["key"] for one in watch.decisions()}) == len(watch.decisions()) == 4
    assert len(files_in(watch.done)) == 4
    write(folder, "a.png", png(60), 3 * 10**9 + 5000)
    watch.run()
    assert len(watch.decisions()) == 4, "the same file, found again, is no other part"
    assert not files_in(folder) and len(files_in(watch.done)) == 4


def test_kept_files_are_decided_once_and_again_when_they_change(folder: Path) -> None:
    watch = Watch(folder, keep=True)
    for name in ("a.png", "b.png"):
        write(folder, name, png(30), 1)
    assert watch.run().parts == 2 and watch.run().parts == 0
    write(folder, "a.png", png(60), 2)
    assert watch.run().parts == 1
    assert [Path(line["image"]).name for line in watch.lines()] == ["a.png", "b.png", "a.png"]
    assert set(files_in(folder)) == {"a.png", "b.png"}


def test_what_was_kept_is_moved_once_it_is_to_be(folder: Path) -> None:
    write(folder, "a.png", png(30))
    Watch(folder, keep=True).run()
    watch = Watch(folder)
    assert watch.run().parts == 0 and files_in(watch.done) == {"ok/a.png": png(30)}


def test_odd_names_are_decided_and_moved_as_they_are(folder: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "부품.png") for form in ("NFC", "NFD"))
    names = [nfc, nfd, "line\nfeed.png", os.fsdecode(b"\xba\xd2.png"), "=cmd|'calc'!A0.png"]
    for level, name in enumerate(names):
        write(folder, name, png(level))
    watch = Watch(folder, ledger=True)
    assert watch.run() == Watched(parts=5, failed=0)
    assert files_in(watch.done) == {f"ok/{name}": png(level) for level, name in enumerate(names)}


def test_subfolders_stay_apart_in_the_target(folder: Path) -> None:
    for name in ("one/a.png", "two/a.png", "a.png"):
        write(folder, name, png(30))
    watch = Watch(folder)
    watch.run()
    assert set(files_in(watch.done)) == {"ok/a.png"} and any("subfolders" in told for told in watch.told)
    watch.plan = WatchPlan(waits=WAITS, once=True, recursive=True)
    watch.run()
    assert set(files_in(watch.done)) == {"ok/a.png", "ok/one/a.png", "ok/two/a.png"}


def test_what_is_left_alone_is_told_once_for_its_kind(folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        write(folder, name, b"x")
    watch = Watch(folder)
    watch.plan = WatchPlan(waits=WAITS)
    watch.hours.at(3, watch.hours.stop.ask)
    watch.run()
    assert [told for told in watch.told if "alone" in told] == ["Left alone: .txt, such as a.txt."]


def test_a_ledger_that_is_away_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is moved before the record is on the disk, and the record has the time of the judging."""
    write(folder, "a.png", png(30))
    watch, append = Watch(folder, ledger=True), Ledger.append

    def refuse(*arguments: Any, **settings: Any) -> Any:
        assert files_in(folder) and not files_in(watch.done)
        raise GainspectError("the disk is full")

    monkeypatch.setattr(Ledger, "append", refuse)
    watch.hours.at(100, lambda: monkeypatch.setattr(Ledger, "append", append))
    watch.run()
    assert [told for told in watch.told if "alone" not in told] == [
        *[told for told in watch.told if "figures" in told],
        "Waiting, nothing is lost: the disk is full.",
        "It works again.",
    ]
    assert labels(watch) == {"a.png": "ok"} and files_in(watch.done) == {"ok/a.png": png(30)}


def test_stopped_while_it_waits_it_goes_on_the_next_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "a.png", png(30))
    watch = Watch(folder, ledger=True)

    def refuse(*arguments: Any, **settings: Any) -> Any:
        raise GainspectError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "append", refuse)
        watch.hours.at(50, watch.hours.stop.ask)
        assert watch.run() == Watched()
    assert (folder / STATE / CLAIM).exists() and files_in(folder) == {"a.png": png(30)}
    watch = Watch(folder, ledger=True)
    watch.run()
    assert labels(watch) == {"a.png": "ok"} and not (folder / STATE / CLAIM).exists()


def test_it_stops_after_the_part_at_hand(folder: Path) -> None:
    for name in LEVELS:
        write(folder, name, png(30))
    watch = Watch(folder)
    stop = watch.hours.stop
    watch.records = type("Stopping", (list,), {"append": lambda self, record: stop.ask()})()
    assert watch.run().parts == 1
    assert len(files_in(folder)) == 3 and len(files_in(watch.done)) == 1


def test_a_folder_that_is_away_is_waited_for_and_nothing_is_decided_anew(folder: Path) -> None:
    """A share that is not mounted leaves an empty folder."""
    write(folder, "a.png", png(30))
    watch = Watch(folder, keep=True)
    watch.plan = WatchPlan(waits=WAITS)
    away = folder.with_name("away")
    watch.hours.at(5, lambda: (folder.rename(away), folder.mkdir()))
    watch.hours.at(20, lambda: (folder.rmdir(), away.rename(folder)))
    watch.hours.at(90, watch.hours.stop.ask)
    watch.run()
    assert len(watch.decisions()) == 1
    assert (
        "Check that the disk or the share is there" in watch.told[-2] and watch.told[-1] == "It works again."
    )


def test_a_file_that_cannot_be_moved_keeps_nothing_waiting_and_is_moved_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, name in enumerate(("a.png", "b.png")):
        write(folder, name, png(30), at)
    watch, unlink = Watch(folder), Path.unlink

    def deny(path: Path, missing_ok: bool = False) -> None:
        if path == folder / "a.png" and watch.hours.now < 20:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", deny)
    watch.plan = WatchPlan(waits=WAITS)
    watch.hours.at(10, lambda: seen.update(files_in(folder)))
    watch.hours.at(60, watch.hours.stop.ask)
    seen: dict[str, bytes] = {}
    watch.run()
    assert set(seen) == {"a.png"} and len(watch.decisions()) == 2
    assert files_in(watch.done) == {"ok/a.png": png(30), "ok/b.png": png(30)} and not files_in(folder)
    assert sum("stays where it is" in told for told in watch.told) == 1


def test_a_model_that_fails_on_everything_ends_it(folder: Path) -> None:
    class Failing(Spots):
        def __call__(self, images: Any) -> Any:
            raise RuntimeError("no memory")

    for number in range(40):
        write(folder, f"{number:02d}.png", png(30))
    watch = Watch(folder)
    watch.load = lambda: _with(Failing())
    with pytest.raises(GainspectError, match="fails on 32 images in a row"):
        watch.run()
    assert {one["label"] for one in watch.decisions()} == {"review"} and len(files_in(folder)) == 8


def _with(backend: Any) -> Inspector:
    made = inspector()
    made.backend = backend
    return made


class Killed(BaseException):
    """The process is gone."""


def killed_at(event: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Let the given event be the last; before and after everything that the disk keeps is one."""
    seen: Counter[str] = Counter()

    def around(owner: Any, name: str) -> None:
        whole = getattr(owner, name)

        def watched(*arguments: Any, **settings: Any) -> Any:
            for work in (lambda: None, lambda: whole(*arguments, **settings)):
                given = work()
                seen[name] += 1
                if seen.total() == event:
                    raise Killed(name)
            return given

        monkeypatch.setattr(owner, name, watched)

    for owner, name in (
        (os, "link"),
        (Path, "unlink"),
        (Path, "replace"),
        (LineFile, "append"),
        (Ledger, "append"),
    ):
        around(owner, name)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(("keep", "ledger"), [(False, True), (False, False), (True, True), (True, False)])
def test_a_kill_at_any_moment_loses_and_doubles_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, keep: bool, ledger: bool
) -> None:
    """At each event of a watch of two parts, one with a file that is no image."""
    event, names = 0, Counter[str]()
    open_ledger(folder / "new.ledger").close()
    there = {"a_1.png": 30, "a_2.png": 60, "b_1.png": 200, "b_2.png": -1}
    while True:
        event += 1
        base = folder / str(event)
        (base / "in").mkdir(parents=True)
        shutil.copy(folder / "new.ledger", base / "line.ledger")
        for at, (name, level) in enumerate(there.items()):
            write(base / "in", name, png(level) if level >= 0 else b"no image", 10**18 + at)
        watch = Watch(base / "in", keep=keep, ledger=ledger, parts=PARTS, views=2)
        with monkeypatch.context() as patched:
            seen = killed_at(event, patched)
            try:
                watch.run()
                killed = False
            except Killed:
                killed = True
                names.update(seen.keys())
        if not killed:
            break
        write(base / "in", "c_1.png", png(10))
        write(base / "in", "c_2.png", png(20))
        watch = Watch(base / "in", keep=keep, ledger=ledger, parts=PARTS, views=2)
        watch.run()
        found = watch.decisions()
        shown = sorted(Path(image).name for one in found for image, _ in one["images"])
        assert shown == sorted([*there, "c_1.png", "c_2.png"]), event
        assert Counter(one["part"] for one in found) == dict.fromkeys("abc", 1)
        if not ledger:
            assert len(watch.lines()) == 6
        lies = files_in(base / "in" if keep else watch.done)
        assert sorted(Path(name).name for name in lies if not name.endswith(".txt")) == shown
        assert keep or not files_in(base / "in")
    expected = {"unlink", "replace", "append"} | (set() if keep else {"link"})
    assert names.keys() == expected and event > 25


def test_images_that_come_between_a_kill_and_the_next_start_are_no_part_of_what_was_at_hand(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of which one image did not come is recorded; the image comes before its file is moved."""
    write(folder, "a_1.png", png(30))
    watch = Watch(folder, ledger=True, parts=PARTS, views=2)

    def killed(*arguments: Any, **settings: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", killed)
        patched.setattr("gainspect.jobs.run_watch.require_movable", lambda *folders: None)
        with pytest.raises(Killed):
            watch.run()
    write(folder, "a_2.png", png(60))
    watch = Watch(folder, ledger=True, parts=PARTS, views=2)
    watch.run()
    images = [[Path(image).name for image, sha256 in one["images"] if sha256] for one in watch.decisions()]
    assert images == [["a_1.png"], ["a_2.png"]]
    assert len(files_in(watch.done)) == 2


def test_two_watchers_of_one_folder_are_refused(folder: Path) -> None:
    refused = []

    def load() -> Inspector:
        with pytest.raises(GainspectError, match="another watcher is at work") as error:
            Watch(folder).run()
        refused.append(error)
        return inspector()

    watch = Watch(folder)
    watch.load = load
    watch.run()
    assert refused


def test_lines_of_others_are_not_touched(folder: Path) -> None:
    out = folder.parent / "out"
    out.mkdir()
    for name, content in (("verdicts.settings.json", "{}"), ("decisions.jsonl", '{"part": "a"}\n')):
        (out / name).write_text(content)
        (out / "verdicts.jsonl").write_text('{"image": "a", "verdict": "ok"}\n')
        with pytest.raises(GainspectError, match="Choose another --out"):
            Watch(folder).run()
        assert (out / "verdicts.jsonl").read_text() == '{"image": "a", "verdict": "ok"}\n'
        (out / name).unlink()
    with pytest.raises(GainspectError, match="Choose another --out"):
        Watch(folder).run()


def test_what_cannot_be_watched_is_refused_at_once(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Inspector, "load", lambda *arguments, **settings: inspector())
    for arguments, said in (
        (["--done", folder / "done"], "lie in one another"),
        ([], "Give one of --done DIR and --keep"),
        (["--keep", "--done", "x"], "Give one of --done DIR and --keep"),
        (["--keep"], "decisions have to be recorded somewhere"),
        (["--keep", "--out", "x", "--lot", "7"], "Add --ledger FILE"),
        (["--keep", "--out", "x", "--ledger", "y"], "Give one of --ledger and --out"),
        (["--keep", "--ledger", folder.parent / "l", "--lot", ""], "--lot cannot be recorded"),
        (["--done", folder.parent / "d", "--views", "2"], "--parts"),
        (["--done", folder.parent / "d", "--parts", "a.csv"], "Give a pattern"),
        (["--done", folder.parent / "d", "--runtime", "x"], "runtime"),
    ):
        refused = run("watch", folder, "x.gain", "--once", *arguments)
        assert refused.returncode == 2 and said in refused.stderr, arguments
    refused = run("watch", folder / "gone", "x.gain", "--keep", "--out", "x")
    assert refused.returncode == 2 and "no such folder" in refused.stderr
    monkeypatch.undo()
    refused = run("watch", folder, folder.parent / "no.gain", "--done", folder.parent / "d")
    assert refused.returncode == 2 and "no.gain" in refused.stderr


def test_the_command_tells_each_decision(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inspector, "load", lambda *arguments, **settings: inspector())
    write(folder, "a.png", png(30), 1)
    write(folder, "b.png", b"", 2)
    waits = ["--settle", "0", "--give-up", "0", "--poll", "0.05"]
    done = run("watch", folder, "x.gain", "--once", "--keep", "--out", folder.parent / "o1", *waits)
    assert done.returncode == 3 and "2 parts decided, 1 image not judged." in done.stderr
    first, second = done.stdout.splitlines()
    assert first.split()[0] == "OK" and first.split()[2] == str(folder / "a.png")
    assert second.split() == ["REVIEW", "–", str(folder / "b.png"), "(unreadable)"]
    done = run("watch", folder, "x.gain", "--once", "--done", folder.parent / "d", "--jsonl", *waits)
    assert done.returncode == 0 and done.stdout == "", "they were decided, and now are moved"
    write(folder, "c.png", png(60))
    done = run("watch", folder, "x.gain", "--once", "--done", folder.parent / "d", "--jsonl", *waits)
    assert json.loads(done.stdout)["files"] == [str(folder.parent / "d" / "ok" / "c.png")]
