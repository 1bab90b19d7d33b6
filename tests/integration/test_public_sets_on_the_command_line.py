"""Public sets on the command line: what is asked and said, and the way on to others' formats."""

from pathlib import Path

import drawn_sets
from command_line import Run
from gainspect.data.importers import load_manifest


def test_a_one_class_set_is_said_and_divided_anew(run: Run, tmp_path: Path) -> None:
    drawn_sets.mvtec_ad(tmp_path / "set")
    done = run("data", "import", tmp_path / "set", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "--resplit (in other commands: --import resplit=yes) divides the set anew" in done.stdout
    done = run("data", "import", tmp_path / "set", "--out", tmp_path / "out", "--resplit")
    assert "do not compare with published ones" in done.stdout
    shown = run("data", "check", tmp_path / "set", "--import", "resplit=yes")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    refused = run("data", "check", tmp_path / "set", "--import", "resplit=maybe")
    assert refused.returncode == 2
    assert "neither yes nor no" in refused.stderr
    trained = run("train", "--data", tmp_path / "set", "--out", tmp_path / "run", "--weights", "none")
    assert trained.returncode == 2
    assert "--import resplit=yes" in " ".join(trained.stdout.split())


def test_of_several_products_one_is_asked(run: Run, tmp_path: Path) -> None:
    for category in ("nut", "bolt"):
        drawn_sets.mvtec_ad(tmp_path / "set", category=category)
    asked = run("data", "import", tmp_path / "set", "--out", tmp_path / "out")
    assert asked.returncode == 2
    assert "2 products (bolt, nut)" in asked.stderr
    assert "set/bolt" in asked.stderr
    assert not (tmp_path / "out").exists()


def test_a_set_of_a_tool_is_exported(run: Run, tmp_path: Path) -> None:
    sample = drawn_sets.kolektor(tmp_path / "set")
    done = run("data", "export", tmp_path / "set", "--format", "coco", "--out", tmp_path / "coco")
    assert done.returncode == 0, done.stderr
    assert f"Exported {len(sample)} images" in done.stdout
    done = run("data", "export", tmp_path / "coco", "--format", "folder", "--out", tmp_path / "folder")
    assert done.returncode == 0, done.stderr
    manifest = load_manifest(tmp_path / "folder")
    assert len(manifest.parts) == len(sample)
    assert {part.group for part in manifest.parts} == {expected.group for expected in sample.values()}
    assert run("data", "export", tmp_path / "set", "--format", "voc", "--out", tmp_path / "x").returncode == 2
    again = run("data", "export", tmp_path / "set", "--format", "coco", "--out", tmp_path / "coco")
    assert again.returncode == 2
    assert "something already" in again.stderr
