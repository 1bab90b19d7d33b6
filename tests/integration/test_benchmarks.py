"""The benchmark scripts run, on a tiny scale, and print the tables they promise."""

import csv
import json
import re
import runpy
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gainspect.config import RunConfig, load_config
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.training.settle import complete_split

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Runs a script of the folder; what it saves goes to `tmp_path`."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import results_table

    monkeypatch.setattr(results_table, "RESULTS", tmp_path / "results")

    def call(script: str, *arguments: str | Path) -> None:
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(str(FOLDER / script), run_name="__main__")

    return call


@pytest.mark.parametrize(("minutes", "begun"), [(0, ""), (0.05, "ab"), (0.2, "abcd"), (9, "abcdef")])
def test_work_stops_before_the_next_part_might_take_too_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], minutes: float, begun: str
) -> None:
    """Parts of 1, 2, 3, … seconds: after b 3 s have passed, and another 2 s would be too many of 3."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import stop_in_time

    now = 0.0
    monkeypatch.setattr(stop_in_time, "time", SimpleNamespace(monotonic=lambda: now))
    done = ""
    for seconds, name in enumerate(stop_in_time.in_time("abcdef", minutes), start=1):
        now += seconds
        done += name
    assert done == begun
    assert ("Time is over before" in capsys.readouterr().out) == (done != "abcdef")


@pytest.mark.slow
def test_gpu_mt_on_a_tiny_configuration(
    run: Callable[..., None], parts_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    arguments = [
        "--data",
        parts_folder,
        "--work",
        tmp_path / "work",
        "--strategies",
        "S1,S6",
        "--seeds",
        "1,2",
    ]
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8")
    text = (tmp_path / "results" / "gpu_mt.md").read_text()
    assert "`python benchmarks/gpu_mt.py --data data --work work " in text  # no path of this machine
    figures, goals = text.split("## Goals (S1)\n")
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in figures.splitlines() if "|" in line}
    assert [cell.strip() for cell in rows["figure"]] == ["S1", "S6"]
    (low,) = re.findall(r"(\d+) of \d+ defective parts:", text) or ["0"]
    with (tmp_path / "work/S1-seed1/evaluation/test/predictions.csv").open(newline="") as file:
        unsure = {r["group"] for r in csv.DictReader(file) if r["label"] == "ng" and float(r["score"]) < 0.5}
    assert (
        int(low) == len(unsure) == sum(any(group in label for group in unsure) for label in text.splitlines())
    )
    assert all("±" in cell for cell in rows["recall"])
    assert all(float(cell) > 0 for cell in rows["images/s in training (with validation)"])
    records = json.loads((tmp_path / "results" / "gpu_mt.json").read_text())
    assert [(row["strategy"], row["seed"]) for row in records] == [("S1", 1), ("S1", 2), ("S6", 1), ("S6", 2)]
    for row in records:
        folder = tmp_path / "work" / f"{row['strategy']}-seed{row['seed']}" / "evaluation" / "test"
        with (folder / "predictions.csv").open(newline="") as file:
            judged = list(csv.DictReader(file))
        right = [line["verdict"] == line["label"] for line in judged]
        assert row["all labels"]["accuracy"] == pytest.approx(sum(right) / len(right))
    assert (tmp_path / "results" / "gpu_mt.png").stat().st_size > 0
    run("reliance.py", "--work", tmp_path / "work", "--data", parts_folder, "--strategies", "S1,S6")
    table = (tmp_path / "results" / "reliance.md").read_text()
    right = next(line for line in table.splitlines() if line.startswith("| verdict right, reason right"))
    wrong = next(line for line in table.splitlines() if line.startswith("| verdict wrong, reason wrong"))
    assert len(right.split("|")) == 5 and "/" in wrong
    reached = {row[""]: row for row in _table(goals[: goals.index("## ")])}
    assert list(reached) == list(runpy.run_path(str(FOLDER / "mt.py"))["GOALS"])
    assert reached["recall"]["all labels"] == f"{records[0]['all labels']['recall']:.3f}"
    assert reached["loc_iou"]["all labels"] == "–"  # S1 has no localization
    capsys.readouterr()
    # No time left: nothing is trained anew, and the script says so.
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8", "--minutes", "0")
    assert "Time is over before 'S1'" in capsys.readouterr().out
    assert (tmp_path / "results" / "gpu_mt.md").read_text() == text


@pytest.mark.slow
def test_step_time_prints_ratios_to_the_base(
    run: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        "step_time.py",
        "--backbone",
        "test_efficientnet",
        "--size",
        "64",
        "--batch-size",
        "2",
        "--rounds",
        "2",
    )
    text = capsys.readouterr().out
    base = next(line for line in text.splitlines() if line.startswith("| S1 |"))
    assert [cell.strip() for cell in base.split("|")[3:6]] == ["1.000"] * 3
    assert "bare timm backbone" in (tmp_path / "results" / "step_time.md").read_text()


def test_the_variants_of_a_question_differ_also_from_what_the_strategy_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from ablations import CONFIG, QUESTIONS

    for question, variants in QUESTIONS.items():
        asked = [load_config(CONFIG, settings).resolved() for settings in variants.values()]
        assert all(one != other for one, other in combinations(asked, 2)), question


@pytest.mark.slow
def test_an_ablation_on_a_tiny_configuration(
    run: Callable[..., None], parts_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text("training: {target_recall: 0.9}\n", encoding="utf-8")
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    arguments = ["--data", parts_folder, "--work", tmp_path / "work", "--config", config, *tiny]
    run("ablations.py", "attention_loss", *arguments)
    text = (tmp_path / "results" / "ablation_attention_loss.md").read_text()
    rows = {row[""]: row for row in _table(text)}
    assert list(rows) == ["BCE + Dice + IoU", "energy", "L1"]
    assert "target_recall: 0.9" in text
    folders = {
        re.findall(r"attention_loss: (\w+)", (folder / "config.yaml").read_text())[0]: folder
        for folder in (tmp_path / "work").iterdir()
    }
    for label, loss in (("BCE + Dice + IoU", "overlap"), ("energy", "energy"), ("L1", "l1")):
        with (folders[loss] / "evaluation" / "test" / "predictions.csv").open(newline="") as file:
            defective = [row for row in csv.DictReader(file) if row["label"] == "ng"]
        caught = sum(row["verdict"] == "ng" for row in defective)
        assert rows[label]["recall"].removesuffix(" *") == f"{caught / len(defective):.3f}"
    assert "*" not in "".join(rows["BCE + Dice + IoU"].values())
    trained = (folders["overlap"] / "training.json").stat().st_mtime_ns
    capsys.readouterr()
    run("ablations.py", "masks", *arguments, "--minutes", "0")
    assert "Time is over before 'all masks'" in capsys.readouterr().out
    run("ablations.py", "attention_loss", *arguments)
    assert (folders["overlap"] / "training.json").stat().st_mtime_ns == trained


@pytest.mark.slow
def test_cross_validation_judges_each_image_once_and_no_test_image(
    run: Callable[..., None], parts: Manifest, parts_folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text("training: {target_recall: 0.9}\n", encoding="utf-8")
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    arguments = ["--data", parts_folder, "--work", tmp_path / "work", "--config", config, *tiny]
    run("ablations.py", "attention_loss", *arguments, "--folds", "2", "--minutes", "0.001")
    text = (tmp_path / "results" / "folds_attention_loss.md").read_text()
    (row,) = _table(text)
    judged: list[dict[str, str]] = []
    for folder in (tmp_path / "work").iterdir():
        with (folder / "evaluation" / "val" / "predictions.csv").open(newline="") as file:
            judged += csv.DictReader(file)
    known = complete_split(load_config(config), parts)
    assert sorted(r["image"] for r in judged) == sorted(
        known.key(p) for p in known.parts if p.split != "test"
    )
    for group in {r["group"] for r in judged}:
        assert len({r["threshold"] for r in judged if r["group"] == group}) == 1  # judged by one of the two
    right = [r["verdict"] == r["label"] for r in judged]
    assert row["accuracy"] == f"{sum(right) / len(right):.3f}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "size"), [("U-Net,FPN", 64), ("SuperSimpleNet", 256)]
)  # its noise needs that
def test_peers_on_a_tiny_configuration(
    run: Callable[..., None],
    parts_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kinds: str,
    size: int,
) -> None:
    config = tmp_path / "tiny.yaml"
    settings = f"data: {{size: {size}}}\nmodel: {{weights: none}}\ntraining: {{epochs: 1, batch_size: 8}}\n"
    config.write_text(settings, encoding="utf-8")
    arguments = ["--data", parts_folder, "--work", tmp_path / "work", "--config", config]
    run("peers.py", *arguments, "--peers", kinds, "--backbone", "test_efficientnet")
    printed = capsys.readouterr().out
    rows = json.loads((tmp_path / "results" / "peers.json").read_text())
    assert ",".join(row["peer"] for row in rows) == kinds
    for row in rows:
        with (tmp_path / "work" / f"peer-{row['peer']}" / "predictions.csv").open(newline="") as file:
            judged = list(csv.DictReader(file))
        right = [line["verdict"] == line["label"] for line in judged]
        assert row["figures"]["all labels"]["accuracy"] == pytest.approx(sum(right) / len(right))
        assert f"{row['peer']}: score = {row['score']}, epoch 1." in printed
    with pytest.raises(GainspectError, match="a peer of another configuration lies here"):
        run("peers.py", *arguments, "--peers", kinds, "--backbone", "test_resnet")


@pytest.mark.slow
def test_a_peer_trains_the_backbone_that_timm_knows_and_averages_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from peer_networks import PEERS

    config = RunConfig.model_validate({"model": {"backbone": "test_efficientnet", "weights": "none"}})
    for kind, build in PEERS.items():
        peer = build(config)
        own = {id(parameter) for parameter in peer.parameters()}
        stages = list(peer.donor[0].net.blocks.parameters())
        assert stages and all(id(parameter) in own for parameter in stages), kind
        places = [tensor.data_ptr() for tensor in peer.state_dict().values() if tensor.numel()]
        assert len(places) == len(set(places)), kind


def _table(text: str) -> list[dict[str, str]]:
    """The rows of the last Markdown table of a text."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


@pytest.mark.slow
def test_latency_names_every_step_beside_the_bare_backbone(run: Callable[..., None], tmp_path: Path) -> None:
    tiny = ["--backbone", "test_efficientnet", "--sizes", "64", "--batches", "1,2", "--image", "100"]
    run("latency.py", *tiny, "--rounds", "2", "--strategies", "S9", "--runtimes", "onnxruntime,openvino bf16")
    rows = _table((tmp_path / "results" / "latency.md").read_text())
    cases = [(row["batch"], row["runtime"], row[""]) for row in rows]
    runtimes = ("onnxruntime", "openvino bf16")
    subjects = ("bare backbone", "S9")
    assert cases == [(batch, runtime, name) for batch in "12" for runtime in runtimes for name in subjects]
    for bare, whole in zip(rows[::2], rows[1::2], strict=True):
        assert bare["graph / bare"] == bare["whole / bare"] == "1.000"
        ratio = float(whole["graph"]) / float(bare["graph"])
        assert float(whole["graph / bare"]) == pytest.approx(ratio, rel=0.01)
        assert float(whole["whole / bare"]) > 0
        # Without torch: an inspecting process is a small one.
        assert 30 < float(bare["peak MiB"]) < 500


@pytest.mark.slow
def test_soak_finds_every_result_equal(run: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        run("soak.py", "--inspections", "200", "--runtimes", "onnxruntime")
    assert not ended.value.code
    (row,) = _table((tmp_path / "results" / "soak.md").read_text())
    assert (row["inspections"], row["results that differ"]) == ("200", "0")


@pytest.mark.slow
def test_soak_sees_a_result_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from soak import mixed_images, soak

    class Drifting:
        """A backend whose answers change with every call after the first round."""

        size, runtime, precision, calls = 64, "fake", "f32", 0

        def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
            self.calls += 1
            score = 0.5 + 1e-6 * (self.calls > len(mixed_images()))
            maps = np.zeros((len(images), 4, 4), np.float32)
            return {"score": np.full(len(images), score, np.float32), "evidence": maps}

    row = soak(Inspector(Drifting(), threshold=0.5), 40, threads=4)
    assert row["results that differ"] == 40
