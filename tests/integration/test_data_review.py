"""From a sheet of the data over a review of their labels to corrected data that pass the check."""

from pathlib import Path

from command_line import Run
from gainspect.data.importers import load_manifest
from gainspect.types import Label


def test_sheet_correct_and_check(run: Run, parts_folder: Path, tmp_path: Path) -> None:
    sheet = run("data", "sheet", parts_folder, "--out", tmp_path / "sheet", "--per-cell", "3", "--lang", "ko")
    assert sheet.returncode == 0
    assert [line.partition(" (")[0] for line in sheet.stdout.splitlines()] == [
        f"Saved: {tmp_path / 'sheet' / name}" for name in ("sheet.html", "sheet.png")
    ]
    manifest = load_manifest(parts_folder)
    wrong = next(manifest.key(part) for part in manifest.parts if part.label is Label.NG)
    (tmp_path / "c.csv").write_text(f"image,label,correction,score,note\n{wrong},ng,ok,0.01,clean\n")
    done = run("data", "correct", parts_folder, tmp_path / "c.csv", "--out", tmp_path / "new.csv")
    assert (
        done.returncode == 0 and f"1 image now OK, without mask and type of defect: {wrong}." in done.stdout
    )
    corrected = load_manifest(tmp_path / "new.csv")
    assert sum(part.label is Label.NG for part in corrected.parts) == manifest.labels.sum() - 1
    assert run("data", "check", tmp_path / "new.csv", "--size", "64").returncode == 0


def test_what_cannot_be_done_is_a_sentence(run: Run, parts_folder: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("data", "sheet", parts_folder, "--out", tmp_path / "a.gif"), "cannot be written as .gif"),
        (("data", "review", parts_folder), "this is not a run folder"),
        (("data", "correct", parts_folder, tmp_path / "no.csv", "--out", tmp_path / "n.csv"), "no.csv"),
    ):
        ended = run(*arguments)
        assert ended.returncode == 2 and said in ended.stderr and not ended.stdout
    assert not list(tmp_path.iterdir())
