"""`gainspect inspect` goes on where it stopped: in the end all is as if it had never stopped."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from brightness import Brightness, loaded
from command_line import Run
from gainspect.data.taken import DECISIONS, OVERLAYS, SETTINGS, VERDICTS
from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.journal import Journal
from gainspect.inspection.records.resume import settings_of
from gainspect.jobs import overlay_files as module
from gainspect.jobs.inspection_summary import Inspection
from gainspect.jobs.run_inspection import run_inspection
from gainspect.names import unescaped

NAMES = ["a_1", "a_2", "b_1", "part\udcba\udcd2_1", "부품_1", "부품_2"]
PARTS = "([^/]+)_[0-9]"
OF_NAME = r"([^/]+)_[0-9]+\.png"
"""The same, found in no folder's name."""


class Wavering(Brightness):
    """The last bits of a score depend on how many images are in the batch, as in real networks."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        results = super().__call__(images)
        return results | {"score": results["score"] * (1 - len(images) * 2.0**-22)}


@pytest.fixture(autouse=True)
def any_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> Inspector:
        inspector = loaded()
        inspector.backend = Wavering()
        return inspector

    monkeypatch.setattr(Inspector, "load", load)


@pytest.fixture
def lot(tmp_path: Path) -> Path:
    (tmp_path / "lot").mkdir()
    for index, name in enumerate(NAMES):
        grey(tmp_path / "lot" / f"{name}.png", 40 * index)
    (tmp_path / "lot" / "b_2.png").write_bytes(b"no image")
    return tmp_path / "lot"


def grey(path: Path, level: int) -> None:
    path.write_bytes(cv2.imencode(".png", np.full((40, 40), level, np.uint8))[1].tobytes())


def judge(*paths: Path, out: Path, **given: Any) -> Inspection:
    return run_inspection(Path("x.gain"), list(map(str, paths)), **{"out": out, "parts": PARTS, **given})


def content(out: Path) -> dict[str, bytes]:
    """All that is in a folder, by its path there."""
    files = (file for file in out.rglob("*") if file.is_file())
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def written(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / VERDICTS).read_text(encoding="utf-8").splitlines()]


def stop_after(count: int) -> Callable[[dict[str, Any]], None]:
    """Ctrl-C as soon as so many images have been told."""
    told = []

    def on_record(record: dict[str, Any]) -> None:
        told.append(record)
        if len(told) == count and "part" in record and "verdict" in record:
            raise KeyboardInterrupt

    return on_record


@pytest.mark.parametrize("style", [None, "overlay"])
@pytest.mark.parametrize("count", range(1, 8))
def test_wherever_it_was_stopped_it_ends_with_the_same_bytes(
    count: int, style: Any, lot: Path, tmp_path: Path
) -> None:
    told: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    judge(lot, out=tmp_path / "whole", style=style, on_record=told.append)
    stopped = judge(lot, out=tmp_path / "out", style=style, on_record=stop_after(count))
    assert stopped.stopped and len(written(tmp_path / "out")) == stopped.verdicts.count == count
    result = judge(lot, out=tmp_path / "out", style=style, on_record=again.append)
    verdicts = [record for record in written(tmp_path / "out")[:count] if record["verdict"]]
    assert result.verdicts.before == len(verdicts)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert json.dumps(again) == json.dumps(told) and len(told) == 7 + 4
    assert len(written(tmp_path / "out")) == 7


def test_what_was_not_named_now_is_kept_and_decided_with_the_rest(lot: Path, tmp_path: Path) -> None:
    first, rest = [lot / "a_1.png", lot / "부품_1.png"], [lot / f"{name}.png" for name in ("a_2", "b_1")]
    judge(*first, out=tmp_path / "out")
    told: list[dict[str, Any]] = []
    result = judge(*rest, out=tmp_path / "out", on_record=told.append)
    assert [unescaped(record["image"]) for record in written(tmp_path / "out")] == list(
        map(str, first + rest)
    )
    decided = [json.loads(line) for line in (tmp_path / "out" / DECISIONS).read_text().splitlines()]
    assert [(record["part"], len(record["images"])) for record in decided] == [
        ("a", 2),
        ("부품", 1),
        ("b", 1),
    ]
    assert [record["part"] for record in told[2:]] == ["a", "b"]  # of this call
    assert result.kept_sentence == "verdicts.jsonl also keeps what was said before of 2 other images."


def test_a_picture_that_cannot_be_written_costs_no_verdict(run: Run, lot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / OVERLAYS).write_text("a file in the place of the folder")
    (lot / "b_2.png").unlink()
    command = ("inspect", "x.gain", lot, "--out", out, "--overlay")
    done = run(*command)
    assert done.returncode == 3
    assert "Not drawn 6 pictures in overlays: cannot write" in done.stderr
    assert [record["verdict"] for record in written(out)] == ["ok"] * 4 + ["ng"] * 2
    assert all(record["overlay_error"].startswith("cannot write (") for record in written(out))
    (out / OVERLAYS).unlink()
    mended = run(*command)
    assert mended.returncode == 0 and "Not drawn" not in mended.stderr
    run("inspect", "x.gain", lot, "--out", tmp_path / "whole", "--overlay")
    assert content(out) == content(tmp_path / "whole")


def test_a_picture_that_cannot_be_drawn_costs_no_other(
    lot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = module.overlay

    def failing(*arguments: Any, **given: Any) -> Any:
        if given["name"] == "a_2.png":
            raise MemoryError
        return draw(*arguments, **given)

    monkeypatch.setattr(module, "overlay", failing)
    result = judge(lot, out=tmp_path / "out", style="contour")
    assert result.not_drawn == {"it fails with MemoryError": 1}
    assert [record.get("overlay_error") is None for record in written(tmp_path / "out")] == [True, False] + [
        True
    ] * 5
    assert len(list((tmp_path / "out" / OVERLAYS).iterdir())) == 5


def test_pictures_that_are_asked_for_later_are_drawn_and_verdicts_stay(lot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    judge(lot, out=out)
    before, place = (out / VERDICTS).read_bytes(), (out / VERDICTS).stat().st_ino
    result = judge(lot, out=out, style="overlay")
    assert len(list((out / OVERLAYS).iterdir())) == 6 and result.verdicts.before == 0
    assert ((out / VERDICTS).read_bytes(), (out / VERDICTS).stat().st_ino) == (before, place)
    assert judge(lot, out=out, style="overlay").verdicts.before == 6


def test_a_picture_is_of_this_file_and_in_this_style(lot: Path, tmp_path: Path) -> None:
    """In another command, the picture of another image may have the name that this one's would have."""
    for name, level in (("0", 10), ("1", 90), ("2", 200)):
        (tmp_path / name).mkdir()
        grey(tmp_path / name / "x_1.png", level)
    (first, second, third), out = (tmp_path / name / "x_1.png" for name in "012"), tmp_path / "out"
    judge(second, third, out=out, style="overlay")
    judge(first, second, third, out=out, style="overlay")
    judge(first, second, third, out=tmp_path / "whole", style="overlay")
    assert pictures(out) == pictures(tmp_path / "whole")
    judge(first, second, third, out=out, style="contour")
    assert not set(pictures(out).values()) & set(pictures(tmp_path / "whole").values())
    grey(second, 30)
    judge(first, second, third, out=out)
    judge(first, second, third, out=out, style="overlay")
    judge(first, second, third, out=tmp_path / "changed", style="overlay")
    assert pictures(out) == pictures(tmp_path / "changed")


def pictures(out: Path) -> dict[str, bytes]:
    return {name: data for name, data in content(out).items() if name.startswith(OVERLAYS)}


def test_stopping_a_command_that_had_ended_before_takes_no_decision_away(lot: Path, tmp_path: Path) -> None:
    judge(lot, out=tmp_path / "out")
    before = content(tmp_path / "out")
    assert judge(lot, out=tmp_path / "out", on_record=stop_after(1)).stopped
    assert content(tmp_path / "out") == before


def test_an_image_under_two_names_is_one_view(
    lot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(lot, out=tmp_path / "out", parts=OF_NAME)
    before = decisions(tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    judge(Path("lot"), out=tmp_path / "out", parts=OF_NAME)
    assert len(written(tmp_path / "out")) == 14  # two lines of each file, by its two names
    after = decisions(tmp_path / "out")
    assert {name: len(record["images"]) for name, record in after.items()} == {
        name: len(record["images"]) for name, record in before.items()
    }
    assert all(str(image).startswith("lot") for record in after.values() for image in record["images"])


def decisions(out: Path) -> dict[str, dict[str, Any]]:
    lines = (out / DECISIONS).read_text(encoding="utf-8").splitlines()
    return {record["part"]: record for record in map(json.loads, lines)}


def test_a_part_that_grows_beyond_what_is_decided_together_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lot").mkdir()
    for index in range(60):
        grey(tmp_path / "lot" / f"{'ab'[index % 2]}_{index}.png", index)
    first, second = (sorted((tmp_path / "lot").glob(f"{name}_*")) for name in "ab")
    judge(*first, out=tmp_path / "out", parts=OF_NAME)
    for file in second:
        file.rename(file.with_name("a" + file.name[1:]))
    for index in range(50):
        grey(tmp_path / "lot" / f"a_9{index}9.png", index)
    before = content(tmp_path / "out")
    others = [file for file in (tmp_path / "lot").iterdir() if file not in first]
    with pytest.raises(GainspectError, match="part 'a' has 110 images, more than 100"):
        judge(*others, out=tmp_path / "out", parts=OF_NAME)
    assert content(tmp_path / "out") == before


def test_a_reader_that_goes_away_costs_no_file(lot: Path, tmp_path: Path) -> None:
    def gone(record: dict[str, Any]) -> None:
        if "decision" in record:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        judge(lot, out=tmp_path / "out", on_record=gone)
    judge(lot, out=tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_model_that_fails_on_every_image_ends_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the device is lost")

    (tmp_path / "lot").mkdir()
    for index in range(50):
        grey(tmp_path / "lot" / f"{index:02}.png", index)
    with monkeypatch.context() as patched:
        patched.setattr(Wavering, "__call__", broken)
        failed = run("inspect", "x.gain", tmp_path / "lot", "--out", tmp_path / "out")
    assert failed.returncode == 2
    assert "the model fails on 32 images in a row (it fails with RuntimeError: the device" in failed.stderr
    assert len(written(tmp_path / "out")) == 32
    assert run("inspect", "x.gain", tmp_path / "lot", "--out", tmp_path / "out").returncode == 0
    assert [record["error"] for record in written(tmp_path / "out")] == [None] * 50


def test_of_many_images_without_verdict_the_first_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lot").mkdir()
    for index in range(45):
        (tmp_path / "lot" / f"{index:02}.png").write_bytes(b"no image")
    done = run("inspect", "x.gain", tmp_path / "lot", "--out", tmp_path / "out")
    assert done.returncode == 3
    assert done.stderr.count("Not judged ") == 41
    assert "Not judged either: 5 further images." in done.stderr


def test_a_file_that_is_named_twice_is_judged_once(lot: Path, tmp_path: Path) -> None:
    result = judge(lot / "a_1.png", lot, lot / "a_1.png", out=tmp_path / "out", style="overlay")
    assert len(result.sources) == len(written(tmp_path / "out")) == 7
    assert len(list((tmp_path / "out" / OVERLAYS).iterdir())) == 6


def test_the_command_says_what_was_there_before(run: Run, lot: Path, tmp_path: Path) -> None:
    command = ("inspect", "x.gain", "--out", tmp_path / "out")
    run(*command, lot / "a_1.png", lot / "a_2.png")
    again = run(*command, lot / "a_2.png", lot / "b_1.png")
    assert again.returncode == 0
    others = "verdicts.jsonl also keeps what was said before of 1 other image."
    assert f"1 of 2 images had been judged before. {others}" in again.stdout
    as_json = run(*command, lot / "b_1.png", lot / "a_2.png", "--jsonl")
    assert [json.loads(line)["image"] for line in as_json.stdout.splitlines()] == [
        str(lot / "b_1.png"),
        str(lot / "a_2.png"),
    ]
    assert "2 of 2 images had been judged before." in as_json.stderr


def test_ctrl_c_says_how_to_go_on(
    run: Run, lot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, appended = Journal.append, []

    def stopping(journal: Journal, record: dict[str, Any]) -> None:
        append(journal, record)
        appended.append(record)
        if len(appended) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "append", stopping)
    command = ("inspect", "x.gain", lot, "--out", tmp_path / "out")
    stopped = run(*command)
    assert stopped.returncode == 130
    assert "of 7 images. The same command goes on there." in stopped.stderr
    assert len(written(tmp_path / "out")) == 2
    rest = run(*command)
    assert rest.returncode == 3 and "2 of 7 images had been judged before." in rest.stdout
    assert len(appended) == len(written(tmp_path / "out")) == 7


def test_other_settings_and_unknown_verdicts_are_refused(run: Run, lot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("inspect", "x.gain", lot, "--out", out)
    before = content(out)
    refused = run("inspect", "x.gain", lot, "--out", out, "--parts", PARTS)
    assert refused.returncode == 2
    assert f"parts none, now {PARTS}" in refused.stderr and "Choose another --out" in refused.stderr
    assert content(out) == before
    (out / SETTINGS).unlink()
    refused = run("inspect", "x.gain", lot, "--out", out)
    assert refused.returncode == 2 and "is not known (verdicts.settings.json is missing)" in refused.stderr


def test_a_table_of_parts_is_told_from_another_by_its_content(lot: Path, tmp_path: Path, run: Run) -> None:
    table = tmp_path / "parts.csv"
    table.write_text("image,part\na_1.png,a\na_2.png,a\n")
    command = (
        "inspect",
        "x.gain",
        lot / "a_1.png",
        lot / "a_2.png",
        "--out",
        tmp_path / "out",
        "--parts",
        table,
    )
    assert run(*command).returncode == 0
    os.utime(table, (1, 1))
    assert "2 of 2 images had been judged before." in run(*command).stdout
    table.write_text("image,part\na_1.png,a\na_2.png,b\n")
    refused = run(*command)
    assert refused.returncode == 2 and "made with other settings: parts table " in refused.stderr


def test_two_inspections_do_not_write_into_one_folder(run: Run, lot: Path, tmp_path: Path) -> None:
    with Journal(tmp_path / "out", settings_of(loaded(), None)):
        refused = run("inspect", "x.gain", lot, "--out", tmp_path / "out")
    assert refused.returncode == 2 and "another inspection is writing" in refused.stderr
    assert run("inspect", "x.gain", lot, "--out", tmp_path / "out").returncode == 3


def test_its_own_files_are_no_images_that_were_not_taken(run: Run, lot: Path) -> None:
    (lot / "b_2.png").unlink()
    for _ in range(2):
        done = run("inspect", "x.gain", lot, "--out", lot, "--overlay")
        assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "6 judged, 4 not taken: output of gainspect 4"
