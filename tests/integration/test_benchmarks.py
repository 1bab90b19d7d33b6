"""The benchmark scripts run, on a tiny scale, and print the tables they promise."""

import csv
import json
import random
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torchvision.transforms.functional import gaussian_blur

from clocks import Ticking
from gainspect.config import RunConfig, load_config
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.errors import GainspectError
from gainspect.evaluation.saved_verdicts import FIGURE_COLUMNS, SavedVerdicts
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdict,
    ValidationVerdicts,
    save_validation_verdicts,
)
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.run_comparison import compare_strategies
from gainspect.training.launch import train
from gainspect.training.run_folder import RunFolder
from gainspect.types import Label

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
def test_ranks_train_what_one_process_trains(run: Callable[..., None], tmp_path: Path) -> None:
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--batch-size", "4"]
    run("ranks.py", *tiny, "--parts", "20", "--epochs", "2", "--rounds", "1", "--strategies", "S9")
    text = (tmp_path / "results" / "ranks.md").read_text()
    found = re.findall(r"\| S9 \| (\w+) \| 6 \| (\S+) \| \S+ \| (\S+) \|", text)
    apart = {arithmetic: float(largest) for arithmetic, largest, _ in found}
    assert 0 < apart["float64"] < 1e-13 < apart["float32"] < 1e-5
    assert all(float(moved) > 1e-4 for *_, moved in found)
    assert re.search(r"\| one process \| \S+ \| 1\.000 \|", text) and "| 2 ranks | " in text


def test_drift_of_a_small_set(run: Callable[..., None], parts: Manifest, tmp_path: Path) -> None:
    """Every watch notices a quarter of the exposure, which is far beyond what the set varies by."""
    scores = tmp_path / "predictions.csv"
    chances = [place / 1000 + 0.8 * (part.label is Label.NG) for place, part in enumerate(parts.parts)]
    rows = [f"{parts.key(part)},{score}" for part, score in zip(parts.parts, chances, strict=True)]
    scores.write_text("\n".join(["image,score", *rows]))
    few = ["--watches", "4", "--changed", "3", "--length", "30"]
    run("drift.py", "--set", "small", parts.root, scores, *few)
    text = (tmp_path / "results" / "drift.md").read_text()
    assert "| 1% | 4 | 0 | 0.0% | 0.0% to 60.2% |" in text
    assert re.search(r"\| exposure × 0.25 \| 3 of 3 \| \d \| \d+ \|", text)
    assert "| exchangeable | 0 of 4 | 0 of 4 |" in text


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
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8", "--minutes", "inf")
    # What was trained is not trained again; the table tells of the time that is recorded.
    trained = {name: [tmp_path / "work" / f"{name}-seed{seed}" for seed in (1, 2)] for name in ("S1", "S6")}
    for folder, seconds in zip([*trained["S1"], *trained["S6"]], [0.0, 0.0, 2.5, 2.5], strict=True):
        result = json.loads((folder / "training.json").read_text())
        (folder / "training.json").write_text(json.dumps(result | {"seconds": seconds}))
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8", "--minutes", "inf")
    text = (tmp_path / "results" / "gpu_mt.md").read_text()
    assert "`python benchmarks/gpu_mt.py --data data --work work " in text  # no path of this machine
    figures, goals = text.split("## Goals (S1)\n")
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in figures.splitlines() if "|" in line}
    assert [cell.strip() for cell in rows["figure"]] == ["S1", "S6"]
    missed = text[text.index("## Defective parts with images under 0.5 (S1)") :]
    with (tmp_path / "work/S1-seed1/evaluation/test/predictions.csv").open(newline="") as file:
        defective = [row for row in csv.DictReader(file) if row["label"] == "ng"]
    unsure = {row["group"] for row in defective if float(row["score"]) < 0.5}
    if unsure:
        assert f"{len(unsure)} of {len({row['group'] for row in defective})} defective parts:" in missed
        assert {row["part"].split()[-1] for row in _table(missed)} == unsure
    else:
        assert "None." in missed
    assert all("±" in cell for cell in rows["recall"])
    with (tmp_path / "work/S1-seed1/split.csv").open(newline="") as file:
        images = sum(row["split"] == "train" for row in csv.DictReader(file))
    speed = [cell.strip() for cell in rows["images/s in training (with validation)"]]
    assert speed == ["–", f"{images / 2.5:.1f}"]
    records = json.loads((tmp_path / "results" / "gpu_mt.json").read_text())
    told = [(row["strategy"], row["seed"], row["seconds"]) for row in records]
    assert told == [("S1", 1, 0.0), ("S1", 2, 0.0), ("S6", 1, 2.5), ("S6", 2, 2.5)]
    for row in records:
        folder = tmp_path / "work" / f"{row['strategy']}-seed{row['seed']}" / "evaluation" / "test"
        with (folder / "predictions.csv").open(newline="") as file:
            judged = list(csv.DictReader(file))
        right = [line["verdict"] == line["label"] for line in judged]
        assert row["all labels"]["accuracy"] == pytest.approx(sum(right) / len(right))
    assert (tmp_path / "results" / "gpu_mt.png").read_bytes() == (tmp_path / "work/compare.png").read_bytes()
    reached = {row[""]: row for row in _table(goals[: goals.index("## ")])}
    assert list(reached) == list(runpy.run_path(str(FOLDER / "mt.py"))["GOALS"])
    assert reached["recall"]["all labels"] == f"{records[0]['all labels']['recall']:.3f}"
    assert reached["loc_iou"]["all labels"] == "–"  # S1 has no localization
    capsys.readouterr()
    # No time left: nothing is trained anew, and the script says so.
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8", "--minutes", "0")
    assert "Time is over before 'S1'" in capsys.readouterr().out
    assert (tmp_path / "results" / "gpu_mt.md").read_text() == text


def test_a_training_step_is_compared_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that becomes slower S9 takes three times as long as S1; no time at all has no ratio."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import step_time

    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now
    monkeypatch.setattr(step_time, "time", clock)
    done: list[str] = []

    def work(name: str, seconds: float) -> Callable[[], None]:
        def step() -> None:
            done.append(name)
            clock.now += seconds * done.count(name)

        return step

    steps = {"S1": work("S1", 2.0), "S9": work("S9", 6.0), "nothing": work("nothing", 0.0)}
    seconds = step_time._in_turns(steps, 3)
    assert done == ["S1", "S9", "nothing"] * 4  # the first turn warms up
    assert seconds == {"S1": [4.0, 6.0, 8.0], "S9": [12.0, 18.0, 24.0], "nothing": [0.0] * 3}
    columns = ("median s", "ratio to S1 (median)", "min ratio", "max ratio")
    rows = _table(step_time._table("step", seconds, "S1"))
    assert [rows[1][name] for name in columns] == ["18.000", "3.000", "3.000", "3.000"]
    rows = _table(step_time._table("step", seconds, "nothing"))
    assert [list(row.values())[1:] for row in rows] == [[f"{s:.3f}", "–", "–", "–"] for s in (6, 18, 0)]


@pytest.mark.slow
def test_step_time_measures_training_and_inference_of_each_strategy(
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
    text = (tmp_path / "results" / "step_time.md").read_text()
    assert text[text.index("| training step") :] in capsys.readouterr().out
    training, inference = text.split("| inference")
    names = ["S1", "S3", "S4", "S6", "S9"]
    steps = [*names, *(f"{name}, frozen up to stride 8" for name in ("S9", "U-Net"))]
    assert [row["training step"] for row in _table(training)] == steps
    judged = [row["inference"] for row in _table("| inference" + inference)]
    assert judged == ["bare timm backbone", *(f"{name} inference" for name in [*names, "U-Net"])]


def test_the_variants_of_a_question_differ_also_from_what_the_strategy_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from recipe_questions import PEER, QUESTIONS

    common = {"data.size": 192, "training.epochs": 12}
    for question, variants in QUESTIONS.items():
        own = [settings for settings in variants.values() if PEER not in settings]
        asked = [load_config(None, common | settings).resolved() for settings in own]
        assert all(one != other for one, other in combinations(asked, 2)), question


@pytest.mark.parametrize(("epochs", "expected"), [(12, 5), ("auto", 25)])
def test_a_peer_can_be_taught_for_a_share_of_the_epochs(
    parts: Manifest, monkeypatch: pytest.MonkeyPatch, epochs: object, expected: int
) -> None:
    """By the times of their steps, 1.009 / 2.429; of such a small set `auto` are 60 epochs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import recipe

    asked = ["recipe.py", "peers", "--test", "--data", f"small={parts.root}", "--work", "none"]
    monkeypatch.setattr("sys.argv", [*asked, "--epochs", str(epochs)])
    options = recipe._options()
    variants = recipe.QUESTIONS["peers"]
    (equal,) = recipe._folds(options, "U-Net", variants["U-Net, as many seconds"], parts.root)
    assert equal.peer == "U-Net" and equal.config.training.epochs == expected
    (whole,) = recipe._folds(options, "U-Net", variants["U-Net"], parts.root)
    assert whole.config.training.epochs == epochs and whole.path != equal.path


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
    with pytest.raises(GainspectError, match="contains a peer of another configuration"):
        run("peers.py", *arguments, "--peers", kinds, "--backbone", "test_resnet")


def test_patchcore_is_as_far_as_the_nearest_patches_of_ok_parts(
    parts: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By scikit-learn, torch's pooling and the formulas (6) and (7) of Roth et al., CVPR 2022."""
    monkeypatch.syspath_prepend(str(FOLDER))
    from sklearn.model_selection import GroupKFold

    import patchcore

    told = {"data": {"size": 64}, "model": {"backbone": "test_efficientnet", "weights": "none"}}
    config = RunConfig.model_validate(told).resolved()
    peer = patchcore.PatchCore(config).learn(parts)
    images = np.concatenate([peer._framed(parts, part) for part in parts.split("test").parts])
    with torch.inference_mode():
        donor = peer.net.feature_extractor.backbone
        pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - donor.mean) / donor.std
        _, (_, fine, coarse, _) = donor.net.forward_intermediates(pixels, indices=donor.indices)
        fine, coarse = (nn.functional.avg_pool2d(of, 3, 1, 1) for of in (fine, coarse))
        coarse = nn.functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear")
        patches = torch.cat([fine, coarse], 1).flatten(2).transpose(1, 2).numpy()
    memory = peer.net.memory_bank.numpy()
    good = [part for part in parts.split("train").parts if part.label is Label.OK]
    groups = [part.group for part in good]
    folds = GroupKFold(min(len({*groups}), patchcore.HELD_OUT), shuffle=True, random_state=peer.seed)
    known, held_out = next(folds.split(good, groups=groups))
    assert len(memory) == int(len(known) * patches.shape[1] * patchcore.KEPT)
    said = [peer(peer._framed(parts, good[index]))["score"][0] for index in held_out]
    assert np.quantile(np.array(said) / (1 - np.array(said)), 0.95) == pytest.approx(1, rel=1e-4)
    nearest = NearestNeighbors(n_neighbors=9).fit(memory)
    distances, index = (found[..., 0] for found in nearest.kneighbors(patches.reshape(-1, memory.shape[1])))
    scores = []
    for own, near, neighbor in zip(
        patches, distances.reshape(len(images), -1), index.reshape(len(images), -1), strict=True
    ):
        farthest = near.argmax()
        around = memory[nearest.kneighbors(memory[neighbor[farthest]][None])[1][0]]
        weights = np.exp(np.linalg.norm(own[farthest] - around, axis=1))
        scores.append(near[farthest] * (1 - weights[0] / weights.sum()))
    found = peer(images)
    expected = np.array(scores) / (np.array(scores) + peer.reference)
    np.testing.assert_allclose(found["score"], expected, rtol=1e-3)
    assert found["evidence"].shape == (len(images), 64, 64) and found["evidence"].min() == 0
    side = round(patches.shape[1] ** 0.5)
    coarse_map = torch.from_numpy(distances.reshape(len(images), 1, side, side))
    larger = nn.functional.interpolate(coarse_map, size=(64, 64), mode="nearest")
    blurred = gaussian_blur(larger, 33, 4.0).squeeze(1).numpy() - peer.usual
    expected = blurred.clip(0) / (blurred.clip(0) + peer.reference)
    np.testing.assert_allclose(found["evidence"], expected, atol=1e-3)
    np.testing.assert_array_equal(peer.learn(parts)(images)["score"], found["score"])  # it is seeded


def test_reasons_are_checked_where_it_is_asked_for(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from last_networks import is_judged, judge
    from reliance_table import side_by_side

    class Sees:
        """Its evidence is one place of each image; all are NG, the more so the darker they are."""

        size, runtime, precision = 64, "none", "f32"

        def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
            evidence = np.zeros(images.shape[:3], np.float32)
            evidence[:, 24:36, 24:36] = 0.9
            dark = 1 - images.mean(axis=(1, 2, 3), dtype=np.float32) / 255
            return {"evidence": evidence, "score": 0.5 + dark / 2}

    config = RunConfig.model_validate({"data": {"size": 64}})
    tested, taught = parts.split("test"), parts.split("train")
    for name, checks in (("checked", True), ("not", False)):
        judge(Sees(), tested, config, tmp_path / name, taught, checks=checks)
    assert is_judged(tmp_path / "not") and not is_judged(tmp_path / "not", checks=True)
    assert is_judged(tmp_path / "checked", checks=True)
    (row, *_) = _table(side_by_side({name: tmp_path / name for name in ("checked", "not")}))
    assert list(row) == ["figure", "checked"]
    kept = json.loads((tmp_path / "checked" / "reliance.json").read_text())
    assert kept["figures"]["evidence_drop"]["n"] > 0
    without = replace(parts, parts=tuple(replace(part, mask=None) for part in taught.parts))
    judge(Sees(), tested, config, tmp_path / "no masks", without, checks=True)
    kept = json.loads((tmp_path / "no masks" / "reliance.json").read_text())
    assert kept["figures"]["evidence_drop"]["n"] == 0
    assert kept["figures"]["mask_drop"]["n"] > 0


@pytest.mark.slow
def test_a_peer_trains_the_backbone_that_timm_knows_and_averages_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from peer_networks import PEERS

    config = RunConfig.model_validate(
        {
            "model": {"backbone": "test_efficientnet", "weights": "none"},
            "training": {"frozen_stages": 2},  # the stem and the first block
        }
    )
    for kind, build in PEERS.items():
        peer = build(config)
        if kind != "SuperSimpleNet":  # whose features are frozen altogether, in its own way
            peer.train()
            blocks = peer.donor[0].net.blocks
            learning = [
                {norm.training for norm in block.modules() if isinstance(norm, nn.BatchNorm2d)}
                for block in blocks[:2]
            ]
            assert learning == [{False}, {True}], kind
            assert [p.requires_grad for block in blocks[:2] for p in block.parameters()] == [
                *(False for _ in blocks[0].parameters()),
                *(True for _ in blocks[1].parameters()),
            ], kind
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
    tiny = ["--backbone", "test_efficientnet", "--sizes", "64", "--batches", "2", "--image", "100"]
    asked = ["--rounds", "2", "--strategies", "S9", "--peers", "U-Net", "--runtimes", "torch,openvino bf16"]
    run("latency.py", *tiny, *asked)
    rows = _table((tmp_path / "results" / "latency.md").read_text())
    assert [(row["batch"], row["runtime"], row[""]) for row in rows] == [
        ("2", "torch", "bare backbone"),
        ("2", "torch", "S9"),
        ("2", "openvino bf16", "bare backbone"),
        ("2", "openvino bf16", "S9"),
        ("2", "openvino bf16", "U-Net"),
    ]
    for row in rows:
        steps = ("preprocessing", "evidence and regions")
        known = [name for name in ("graph", *steps, "whole median", "whole p95", "peak MiB") if row[name]]
        assert all(np.isfinite(float(row[name])) for name in known)
        assert row["graph"] and set(steps) & set(known) == (set(steps) if row[""] == "S9" else set())


def test_latency_is_told_beside_the_bare_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    import latency

    measured = {
        latency.BARE: {"graph": [0.001, 0.002, 0.003]},
        "S9": {
            "graph": [0.003, 0.003, 0.009],
            "preprocessing": [0.004],
            "evidence and regions": [0.005],
            "inspector": [0.010, 0.020, 0.030],
        },
    }
    peaks = {latency.BARE: 80.4, "S9": 120.6}

    def of(case: dict[str, Any]) -> dict[str, Any]:
        names = list(case["bundles"])
        assert case["rounds"] == (30 if len(names) > 1 else 3)  # the peak needs no more
        return {"seconds": measured, "peak_mib": peaks[names[0]]}

    monkeypatch.setattr(latency, "_run", of)
    bundles = {name: f"{name}.gain" for name in measured}
    bare, whole = latency._rows({"rounds": 30}, bundles, {"px": 64})
    assert (bare["graph / bare"], bare["whole / bare"], bare["peak MiB"]) == ("1.000", "1.000", 80)
    # Turn by turn: 3, 1.5 and 3; the medians alone would give 1.5.
    assert (whole["graph / bare"], whole["whole / bare"], whole["peak MiB"]) == ("3.000", "10.000", 121)
    assert [whole[name] for name in ("graph", "preprocessing", "evidence and regions", "whole median")] == (
        pytest.approx([3, 4, 5, 20])
    )
    assert whole["whole p95"] == pytest.approx(29)  # between 20 and 30 ms, linear
    measured[latency.BARE]["graph"] = [0.0] * 3
    bare, whole = latency._rows({"rounds": 30}, bundles, {"px": 64})
    assert {row[f"{name} / bare"] for row in (bare, whole) for name in ("graph", "whole")} == {"–"}


def test_latency_is_timed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    import latency_case

    monkeypatch.setattr(latency_case, "time", Ticking(0.5))
    done: list[str] = []
    work = {name: {step: lambda s=name + step: done.append(s) for step in "xy"} for name in "ab"}
    assert latency_case.in_turns(work, 2) == {name: {step: [0.5, 0.5] for step in "xy"} for name in "ab"}
    assert done == ["ax", "ay", "bx", "by"] * 3  # the first turn warms up


def test_peak_memory_counts_what_was_given_back() -> None:
    code = (
        "from latency_case import peak_mib\n"
        "import numpy as np\n"
        "before = peak_mib()\n"
        "np.ones(400 * 2**20, np.uint8)\n"
        "print(peak_mib() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(400, abs=100)  # the imports before may have taken more, once


@pytest.mark.slow
def test_a_process_whose_memory_is_measured_has_no_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from untrained import BareGraph, untrained_bundle

    common = {"backbone": "test_efficientnet", "size": 64, "formats": ("onnx", "openvino")}
    bundles = {
        name: str(untrained_bundle(tmp_path / f"{name}.gain", alone=alone, **common).path)
        for name, alone in (("bare", BareGraph), ("S9", None))
    }
    case = {"batch": 1, "image": 100, "rounds": 1, "alone": ["bare"], "precision": "f32", "bundles": bundles}
    code = "import sys; sys.modules['torch'] = None; from latency_case import main; main()"
    for runtime in ("onnxruntime", "openvino"):
        command = [sys.executable, "-c", code, json.dumps(case | {"runtime": runtime})]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        steps = {name: list(steps) for name, steps in json.loads(done.stdout)["seconds"].items()}
        assert steps == {
            "bare": ["graph"],
            "S9": ["graph", "preprocessing", "evidence and regions", "inspector"],
        }


@pytest.mark.slow
def test_soak_finds_every_result_equal(run: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        run("soak.py", "--inspections", "200", "--runtimes", "onnxruntime")
    assert not ended.value.code
    (row,) = _table((tmp_path / "results" / "soak.md").read_text())
    assert (row["inspections"], row["results that differ"]) == ("200", "0")


@pytest.mark.slow
def test_kills_of_an_inspection_lose_and_double_nothing(run: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments = ["--kills", "2", "--worker-kills", "1", "--images", "12"]
        run("kill_inspect.py", *arguments, "--engines", "local", "pool")
    assert not ended.value.code
    rows = _table((tmp_path / "results" / "kill_inspect.md").read_text())
    told = [(row["engine"], row["killed"], row["kills"]) for row in rows]
    assert told == [("local", "all", "2"), ("pool", "all", "2"), ("pool", "a worker", "1")]
    lost = ("lines lost", "lines doubled", "lines that differ", "folders that differ")
    assert [row[name] for row in rows for name in lost] == ["0"] * 12


@pytest.mark.slow
def test_what_archives_cost_follows_from_what_was_measured(run: Callable[..., None], tmp_path: Path) -> None:
    tiny = [
        "--backbone",
        "test_efficientnet",
        "--size",
        "64",
        "--images",
        "40",
        "--few",
        "8",
        "--rounds",
        "1",
    ]
    run("archive.py", *tiny, "--runtimes", "onnxruntime", "--engines", "pool", "--price", "0.5")
    runtimes, engines, killed = _tables((tmp_path / "results" / "archive.md").read_text())
    (cost,) = runtimes
    cpu_s = float(cost["CPU ms an image"]) / 1000
    hourly, hours = (float(cost[name].replace(",", "")) for name in ("images per core-hour", "core-hours"))
    assert hourly == pytest.approx(3600 / cpu_s, rel=0.01)
    assert hours == pytest.approx(1e7 * cpu_s / 3600, abs=1)
    assert float(cost["price"].replace(",", "")) == pytest.approx(0.5 * hours, abs=0.5)
    assert [(row["engine"], row["workers"], row["x of pool"]) for row in engines] == [
        ("pool", "1", "1.000"),
        ("pool", "2", "1.000"),
    ]
    assert {row["records as of one process"] for row in engines} == {"True"}
    assert [(row["records"], row["as without a kill"]) for row in killed] == [("40", "True")]


def test_kills_are_seen_to_lose_double_and_change_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Starts that are made up: one line is lost, one is there twice, one differs, and so does the folder."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import kill_inspect

    a, b, c, other = (f'{{"image": "{name}"}}\n'.encode() for name in "abcd")
    starts = iter([([a, b, c], False), ([a, b], True), ([a, a, other], False)])

    def started(arguments: list[str], out: Path, kill_at: int | None, delay: float) -> Any:
        lines, killed = next(starts)
        out.mkdir(exist_ok=True)
        (out / "verdicts.jsonl").write_bytes(b"".join(lines))
        return kill_inspect.Round(killed, lines, killed)

    monkeypatch.setattr(kill_inspect, "started", started)
    row = kill_inspect.killed_again_and_again([], tmp_path, 1, random.Random(0))
    assert row == {
        "kills": 1,
        "folders": 1,
        "lines when killed": 2,
        "torn lines": 1,
        "lines lost": 1,
        "lines doubled": 1,
        "lines that differ": 1,
        "folders that differ": 1,
    }


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


@pytest.mark.slow
def test_same_runs_finds_what_differs_and_nothing_else(
    run: Callable[..., None], parts: Manifest, tmp_path: Path
) -> None:
    config = RunConfig.model_validate(
        {
            "data": {"size": 64},
            "model": {"backbone": "test_efficientnet", "weights": "none"},
            "training": {"epochs": 1, "batch_size": 8},
        }
    )
    one, other = tmp_path / "one", tmp_path / "other"
    compare_strategies(config, parts, ["S1"], [1], one)
    shutil.copytree(one, other)
    log = other / "S1-seed1" / "log.csv"
    log.write_text(re.sub(r"[\d.]+$", "999", log.read_text().rstrip()) + "\n")  # its last column is seconds

    def found() -> dict[str, str]:
        with pytest.raises(SystemExit) as ended:
            run("same_runs.py", one, other)
        rows = {row["what"]: row["found"] for row in _table((tmp_path / "results/same_runs.md").read_text())}
        assert bool(ended.value.code) == ("differ" in rows.values())
        return rows

    same = found()
    assert same["compare.csv"] == same["S1-seed1: predictions.csv"] == "the same bytes"
    assert same["S1-seed1: log.csv"] == same["S1-seed1: weights"] == "the same values"
    assert "differ" not in same.values()
    predictions = other / "S1-seed1" / "evaluation" / "test" / "predictions.csv"
    predictions.write_text(predictions.read_text().replace(",ok,", ",ng,", 1))
    assert [what for what, how in found().items() if how == "differ"] == ["S1-seed1: predictions.csv"]


def test_rules_for_a_threshold_are_compared_on_families_and_on_real_scores(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    rows = [("ng", rng.uniform(0.4, 1)) for _ in range(12)] + [("ok", rng.uniform(0, 0.5)) for _ in range(30)]
    lines = [f"{n}.png,{label},{score},g{n // 2},{label}" for n, (label, score) in enumerate(rows)]
    header = "image,label,score,group,verdict,right_reason"
    columns = ",".join(FIGURE_COLUMNS[name] for name in FIGURE_COLUMNS if name != "right_reason_rate")
    blanks = "," * (1 + columns.count(",") + 1)
    (tmp_path / "real.csv").write_text(
        "\n".join([f"{header},{columns}", *(line + blanks for line in lines)]), encoding="utf-8"
    )
    run("operating_point.py", "--repeats", "1", "--scores", f"real={tmp_path / 'real.csv'}")
    saved = (tmp_path / "results" / "operating_point.md").read_text(encoding="utf-8")
    assert "32 synthetic families, 1 samples of each, and 1 sets of real scores" in saved
    # At two shares of NG parts, over the families and over the real scores.
    assert saved.count("| recall 0.98, as before |") == 4 and "| real |" in saved
    assert saved.split("\n\n", 2)[2].strip() in capsys.readouterr().out


def test_thresholds_of_folds_are_tried_on_the_fold_that_is_left_out(
    run: Callable[..., None], tmp_path: Path
) -> None:
    """Folds whose networks differ by a shift, each classes apart: carried over, all is right."""
    for number, shift in enumerate((-2.0, 0.0, 2.0), start=1):
        logits = shift + np.concatenate([np.linspace(3, 5, 5), np.linspace(-5, -3, 20)])
        images = tuple(
            ValidationVerdict(
                image=f"{number}/{index}.png",
                label=Label.NG if index < 5 else Label.OK,
                group=f"{number}/{index}",
                score=float(1 / (1 + np.exp(-logit))),
                evidence_peak=1.0,
                points_at_defect=None,
                drop=1.0,
                control_drop=0.0,
                agreement=None,
                gap=None,
            )
            for index, logit in enumerate(logits)
        )
        verdicts = ValidationVerdicts(
            map_thresholds={}, region_threshold=0.1 * number, controls=2, seed=0, images=images
        )
        save_validation_verdicts(verdicts, tmp_path / "run" / "folds" / str(number) / "validation.json")
    run("carry_over.py", "--repeats", "0", "--run", tmp_path / "run")
    saved = (tmp_path / "results" / "carry_over.md").read_text(encoding="utf-8")
    assert "The folds' own verdicts at their end" in saved
    (row,) = (row for row in saved.splitlines() if row.startswith("| platt") and "| pooled |" in row)
    assert row.split(" | ")[3:] == ["15", "15", "0", "0", "60", "0", "0", "0", "0 |"]
    assert saved.count("| folds left out |") == 3


@pytest.mark.slow
def test_the_recipe_judges_each_image_once_and_no_test_image(
    run: Callable[..., None], parts: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    asked = ["seed", "--data", f"small={parts.root}", "--work", tmp_path / "work", "--folds", "2", *tiny]
    run("recipe.py", *asked, "--only", "S9 as it is")
    (row,) = _table((tmp_path / "results" / "recipe_seed.md").read_text())
    (folder,) = (tmp_path / "work" / parts.root.name).iterdir()
    judged: list[dict[str, str]] = []
    repaired: list[tuple[str, float, float | None, float | None]] = []
    for fold in ("1of2", "2of2"):
        with (folder / f"{fold}-tta2" / "predictions.csv").open(newline="") as file:
            judged += csv.DictReader(file)
        repaired += json.loads((folder / f"{fold}-tta2" / "repaired.json").read_text())
    known = [part for part in parts.parts if part.split != "test"]
    assert sorted(r["image"] for r in judged) == sorted(map(parts.key, known))
    assert sorted((r["label"], r["score"]) for r in judged) == sorted((r[0], str(r[1])) for r in repaired)
    ng, scores = [r["label"] == "ng" for r in judged], [float(r["score"]) for r in judged]
    assert row["auroc"] == f"{roc_auc_score(ng, scores):.3f}"
    rises = [moved - score for label, score, _, moved in repaired if label == "ok" and moved is not None]
    assert rises and row["OK repaired: P(NG) rises"] == f"{np.mean(rises):.3f}"
    trained = (folder / "1of2" / "run" / "log.csv").stat().st_mtime_ns
    run("recipe.py", *asked)  # the other variant is trained, this one is not trained again
    assert len(_table((tmp_path / "results" / "recipe_seed.md").read_text())) == 2
    assert (folder / "1of2" / "run" / "log.csv").stat().st_mtime_ns == trained
    run("recipe.py", "tta", "--only", "without test-time augmentation", *asked[1:])  # nothing is trained
    whole, single = _table((tmp_path / "results" / "recipe_tta.md").read_text())
    assert whole["auroc"] == row["auroc"] and float(whole["GFLOP"]) > float(single["GFLOP"])
    said = [(folder / f"1of2{tta}" / "predictions.csv").read_text() for tta in ("", "-tta2")]
    assert said[0] != said[1]
    assert (folder / "1of2" / "run" / "log.csv").stat().st_mtime_ns == trained


@pytest.mark.slow
def test_the_recipe_judges_the_test_part_with_a_network_that_saw_none_of_it(
    run: Callable[..., None], parts: Manifest, tmp_path: Path
) -> None:
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    given = ["--data", f"small={parts.root}", "--work", tmp_path / "work", "--set", "training.batch_size=4"]
    run("recipe.py", "peers", "--only", "plain classifier", "--test", *given, *tiny)
    (folder,) = (tmp_path / "work" / parts.root.name).glob("S1-*/test")
    taught = RunFolder(folder / "run")
    assert taught.config().training.batch_size == 4
    held_out = {parts.key(part): part.group for part in parts.split("test").parts}
    known = taught.manifest()
    assert {known.key(part) for part in known.parts} == {*map(parts.key, parts.parts)} - {*held_out}
    with (folder / "predictions.csv").open(newline="") as file:
        judged = sorted(csv.DictReader(file), key=lambda row: row["group"])
    assert {row["image"] for row in judged} == {*held_out}
    repaired = json.loads((folder / "repaired.json").read_text())
    text = (tmp_path / "results" / "recipe_peers_test.md").read_text()
    first, with_intervals, alike, by_type, relied = _tables(text)
    labels, scores, groups = (
        np.array([row["label"] == "ng" for row in judged]),
        np.array([float(row["score"]) for row in judged]),
        np.array([row["group"] for row in judged]),
    )
    assert first[0]["auroc"] == f"{roc_auc_score(labels, scores):.3f}" and float(first[0]["GFLOP"]) > 0
    by_part = {group: (labels[groups == group].any(), scores[groups == group].mean()) for group in groups}
    expected = roc_auc_score(*zip(*by_part.values(), strict=True))
    assert with_intervals[0]["auroc, by part"].split(" ")[0] == f"{expected:.3f}"
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert alike[0]["caught, 5% false alarms"].split(" ")[0] == f"{true[false <= 0.05].max():.3f}"
    assert sum(int(row["images"]) for row in by_type) == labels.sum()
    said = {row["figure"]: row["plain classifier"] for row in relied}
    right = np.array([row["verdict"] == row["label"] for row in judged])
    for verdict, those in (("right", right), ("wrong", ~right)):
        reasons = [said[f"verdict {verdict}, reason {how} (NG / OK images)"] for how in ("right", "wrong")]
        counted = np.sum([[int(count) for count in cell.split(" / ")] for cell in reasons], axis=0)
        assert counted.tolist() == [sum(those & labels), sum(those & ~labels)]
    after = [(score, moved) for label, score, _, moved in repaired if label == "ok" and moved is not None]
    rises = said["OK images, random repair: mean change of P(NG)"]
    assert float(rises.split(" ")[0]) == pytest.approx(np.mean([b - a for a, b in after]), abs=5e-4)
    changed = said["OK images, random repair: verdicts that change"]
    assert changed.split(" ")[0] == f"{np.mean([(a < 0.5) != (b < 0.5) for a, b in after]):.3f}"


@pytest.mark.slow
def test_the_recipe_keeps_a_peer_and_judges_with_it_again(
    run: Callable[..., None], parts: Manifest, tmp_path: Path
) -> None:
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    asked = ["peers", "--only", "U-Net", "--test", "--data", f"small={parts.root}", "--work", tmp_path, *tiny]
    run("recipe.py", *asked)
    (folder,) = (tmp_path / parts.root.name).glob("U-Net-*/test")
    trained = (folder / "run" / "peer.safetensors").stat().st_mtime_ns
    said = (folder / "predictions.csv").read_text()
    (folder / "metrics.json").unlink()
    (folder / "predictions.csv").unlink()
    run("recipe.py", *asked)
    assert (folder / "predictions.csv").read_text() == said
    run("recipe.py", "peers", "--only", "U-Net, in 2 positions", *asked[3:])
    assert (folder.with_name("test-tta2") / "predictions.csv").read_text() != said
    assert (folder / "run" / "peer.safetensors").stat().st_mtime_ns == trained


def test_the_mean_of_all_positions_has_turned_the_maps_back_and_is_the_same_in_each_position(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from positions import MOST, MeanOfPositions

    class Looks:
        """Its map is what it sees; its score depends on where it sees it."""

        size, runtime, precision = 6, "none", "f32"

        def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
            seen = images[..., 0].astype(np.float32) / 255
            weights = np.linspace(0.1, 0.9, 36, dtype=np.float32).reshape(6, 6)
            return {"evidence": seen, "score": (seen * weights).sum((1, 2)) / weights.sum()}

    image = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    positions = [
        np.ascontiguousarray(turned)
        for plain in (image, image.transpose(1, 0, 2))
        for turned in (plain, plain[::-1], plain[:, ::-1], plain[::-1, ::-1])
    ]
    found = MeanOfPositions(Looks(), MOST)(np.stack(positions))
    np.testing.assert_allclose(found["evidence"], np.stack(positions)[..., 0] / 255, atol=1e-6)
    scores = Looks()(np.stack(positions))["score"].astype(float)
    assert len(set(scores.round(6))) == MOST
    margin = np.mean(np.log(scores / (1 - scores)))
    np.testing.assert_allclose(found["score"], 1 / (1 + np.exp(-margin)), atol=1e-6)
    one = MeanOfPositions(Looks(), 1)(np.stack(positions))
    np.testing.assert_allclose(one["score"], scores, atol=1e-6)


def test_parts_are_ranked_by_the_mean_of_their_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from paired_table import by_group

    table = SavedVerdicts(
        images=("1.png", "2.png", "3.png"),
        groups=("b", "a", "b"),
        labels=np.array([False, False, True]),
        called=np.array([True, False, True]),
        scores=np.array([0.7, 0.25, 0.9]),
        figures={},
    )
    found = by_group(table)
    assert found.groups == ("a", "b") and found.labels.tolist() == found.called.tolist() == [False, True]
    assert found.scores.tolist() == pytest.approx([0.25, 0.8])


@pytest.mark.parametrize("alarms", [0.0, 0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_caught_at_equal_false_alarms_is_what_the_roc_curve_says(
    monkeypatch: pytest.MonkeyPatch, alarms: float, seed: int
) -> None:
    """By scikit-learn's ROC curve, with images that are drawn several times there as often."""
    monkeypatch.syspath_prepend(str(FOLDER))
    from paired_table import caught_at

    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 40))
    labels = np.array([True, False, *(rng.random(count - 2) < 0.5)])
    scores, points = rng.integers(0, 6, count) / 5, rng.choice([0.0, 0.5, 1.0, np.nan], count)
    points[0] = 1.0
    names = tuple(map(str, range(count)))
    table = SavedVerdicts(names, names, labels, scores >= 0.5, scores, {"pointing_game": points})
    weights = rng.integers(0, 4, (2, count)).astype(np.float64)
    weights[:, :2] += 1
    for drawn, caught, right in zip(
        weights,
        caught_at(table, alarms, for_the_right_reason=False)(weights),
        caught_at(table, alarms, for_the_right_reason=True)(weights),
        strict=True,
    ):
        false, true, thresholds = roc_curve(labels, scores, sample_weight=drawn, drop_intermediate=False)
        allowed = false <= alarms + 1e-9
        assert caught == pytest.approx(true[allowed].max())
        marked = labels & ~np.isnan(points)
        hit = marked & (scores >= thresholds[allowed].min())
        expected = (drawn * np.nan_to_num(points))[hit].sum() / drawn[marked].sum()
        assert right == pytest.approx(expected)


def test_types_of_defects_are_told_at_the_threshold_of_equal_false_alarms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from paired_table import by_type

    columns = "label,score,defect_type,evidence_pointing_game"
    good = [f"ok,{score},," for score in (0.9, 0.5, 0.1, 0.1)]
    bad = ["ng,0.6,dent,1", "ng,0.5,dent,0", "ng,0.95,scratch,"]
    (tmp_path / "predictions.csv").write_text("\n".join([columns, *good, *bad]))
    for alarms, dent in ((0.25, "0.50, 0.50"), (0.0, "0.00, 0.50"), (0.5, "1.00, 0.50"), (1.0, "1.00, 0.50")):
        rows = _table(by_type({"one": [tmp_path], "other": [tmp_path]}, alarms))
        assert rows == [
            {"": "dent", "images": "2", "one": dent, "other": dent},
            {"": "scratch", "images": "1", "one": "1.00, –", "other": "1.00, –"},
        ]


@pytest.mark.slow
def test_a_job_that_fails_beside_others_is_told_and_they_are_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from in_processes import in_processes

    jobs = [tmp_path / "a", tmp_path / "missing" / "b", tmp_path / "c"]
    assert in_processes(Path.touch, jobs, 2, float("inf")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]
    assert "FileNotFoundError" in capsys.readouterr().out
    assert in_processes(Path.touch, [tmp_path / "d"], 2, 0.0) == 0 and not (tmp_path / "d").exists()
    with pytest.raises(FileNotFoundError):
        in_processes(Path.touch, jobs[1:], 1, float("inf"))


@pytest.mark.slow
def test_cues_are_turned_round_in_the_test_and_masks_moved_in_the_controls(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three rows of the table, by scikit-learn and by hand from what was judged."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import cues

    few = ("plain classifier", "DFR", "S9, shifted masks")
    monkeypatch.setattr(cues, "METHODS", {name: cues.METHODS[name] for name in few})
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    asked = ["--work", str(tmp_path), "--cues", "touching_stamp", "--correlations", "0.8", *tiny]
    monkeypatch.setattr(sys, "argv", ["cues.py", *asked])
    cues.main()
    case = tmp_path / "touching_stamp-0.8-seed1"
    parts = load_manifest(case / "data")
    for label, split, low, high in (("ng", "train", 0.8, 1), ("ok", "train", 0, 0.2), ("ok", "test", 1, 1)):
        cued = [p.extra["cue"] == "1" for p in parts.split(split).parts if p.label.value == label]
        assert low <= np.mean(cued) <= high and len(cued) >= 50
    assert not any(p.extra["cue"] == "1" for p in parts.split("test").parts if p.label is Label.NG)
    apart = [
        {p.image.read_bytes() for p in load_manifest(case / name).parts} for name in ("data", "balanced")
    ]
    assert not apart[0] & apart[1]
    moved = load_manifest(case / "s9-shifted" / "data")
    for own, other in zip(parts.parts, moved.parts, strict=True):
        mask, drawn = parts.mask(own), moved.mask(other)
        if mask is not None and drawn is not None:
            shifted = np.roll(mask, (32, 32), (0, 1)) if own.split == "train" else mask
            assert np.array_equal(drawn, shifted)
    rows = {row[""]: row for row in _table((tmp_path / "results" / "cues.md").read_text())}
    assert list(rows) == list(few)
    for name in few:
        with (case / cues.METHODS[name].folder / "predictions.csv").open(newline="") as file:
            judged = list(csv.DictReader(file))
        ng, scores = [row["label"] == "ng" for row in judged], [float(row["score"]) for row in judged]
        assert len(judged) == 100
        assert rows[name]["AUROC"] == f"{roc_auc_score(ng, scores):.2f}"
        assert (
            rows[name]["recall"] == f"{np.mean([s >= 0.5 for s, n in zip(scores, ng, strict=True) if n]):.2f}"
        )
    assert rows["DFR"] != rows["plain classifier"]


def _tables(text: str) -> list[list[dict[str, str]]]:
    """The rows of each Markdown table of a text."""
    return [_table(block) for block in text.split("\n\n") if block.startswith("|")]


@pytest.mark.slow
def test_inputs_counts_every_test_image_and_every_disturbed_one_once(
    run: Callable[..., None], parts: Manifest, tmp_path: Path
) -> None:
    config = {
        "strategy": "S1",
        "data": {"size": 64, "val_fraction": 0.3},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"epochs": 1, "batch_size": 8},
    }
    trained = train(RunConfig.model_validate(config), parts, tmp_path / "run")
    before = {file: file.stat().st_mtime_ns for file in trained.path.rglob("*")}
    run("inputs.py", trained.path, "--work", tmp_path / "work", "--images", "4")
    assert {file: file.stat().st_mtime_ns for file in trained.path.rglob("*")} == before
    added, disturbed = _tables((tmp_path / "results" / "inputs.md").read_text())
    test = trained.manifest().split("test")
    ng = int(test.labels.sum())
    assert [row["test images"] for row in added] == [f"{len(test.parts) - ng} OK", f"{ng} NG"]
    columns = ("REVIEW unlike_training", "NG or borderline", "still OK")
    for row in disturbed:
        assert sum(int(row[column]) for column in columns) == int(row["images"])
    assert {"black", "JPEG quality 10", "negative"} <= {row["disturbed"] for row in disturbed}


@pytest.mark.slow
def test_input_cost_gives_ratios(run: Callable[..., None], tmp_path: Path) -> None:
    run("input_cost.py", "--backbone", "test_efficientnet", "--sizes", "64", "--image", "80", "--rounds", "3")
    (row,) = _table((tmp_path / "results" / "input_cost.md").read_text())
    assert row["px"] == "64" and all(float(row[name].split()[0]) > 0 for name in ("graph", "inspection"))


@pytest.mark.slow
def test_input_features_compares_them_all_on_the_training_part(
    run: Callable[..., None], tmp_path: Path
) -> None:
    spec = SyntheticSpec(size=64, parts={"train": 120, "test": 4}, views=1, defects=("stain",))
    generate(spec, tmp_path / "data")
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--disturbed", "10"]
    run("input_features.py", tmp_path / "data", *tiny, "--rounds", "2")
    rows = _table((tmp_path / "results" / "input_features.md").read_text())
    assert len({(row["features"], row["distance"]) for row in rows}) == len(rows) == 16
    for row in rows:
        assert all(0 <= float(row[name].rstrip("%")) <= 100 for name in ("false REVIEW", "noticed"))


def test_scale_tells_by_which_power_each_step_grows(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every step runs; what it is said to take is 2 s for 20 images, and three times as much for 60."""
    import scale
    import scale_steps

    ran: list[tuple[Path, str, str]] = []

    def planned(source: Path, name: str, folder: Path) -> scale.Cost | str:
        ran.append((source, name, folder.name))
        if source == older:
            without = {"report": "it is too large", "policy": "–"}
            return without.get(name) or scale.Cost(seconds=7.0, bytes=2**20)
        assert scale_steps.run(name, folder).seconds > 0
        images = int(folder.name)
        return scale.Cost(seconds=images / 10 if name != "policy" else images**2, bytes=images * 2**20)

    older, work = tmp_path / "older", tmp_path / "work"
    monkeypatch.setattr(inspector_module, "open_backend", inspector_module.open_backend)  # a step replaces it
    monkeypatch.setattr(scale, "measured", planned)
    monkeypatch.setattr(scale, "commit_of", lambda source: "0ld" if source == older else "abc")
    arguments = ["--images", "20,60", "--before-images", "20", "--before", str(older), "--work", str(work)]
    monkeypatch.setattr(sys, "argv", ["scale.py", *arguments])
    scale.main()
    assert len(ran) == 3 * len(scale.STEPS)
    scale.main()  # what was measured is not measured again
    assert len(ran) == 3 * len(scale.STEPS)
    text, _, compared = (tmp_path / "results" / "scale.md").read_text().partition("Before is commit 0ld")
    compared, _, failed = compared.partition("\nBefore, the step ")
    assert failed == '"report" fails at 20 images: it is too large\n'
    assert {row["step"]: row["20: s before"] for row in _table(compared)} == {
        name: {"report": "fails", "policy": "–"}.get(name, "7.000") for name in scale.STEPS
    }
    assert {row["20: s now"] for row in _table(compared) if row["step"] != "policy"} == {"2.000"}
    rows = {row["step"]: row for row in _table(text)}
    assert set(rows) == set(scale.STEPS)
    for name, row in rows.items():
        assert float(row["exponent to 60"]) == (2 if name == "policy" else 1)
        assert (float(row["20: MiB"]), float(row["60: MiB"])) == (20, 60)
    assert float(rows["split"]["20: s"]) == 2
    (work / "abc.json").write_text(json.dumps({"split, 20": [2.0, 2**20]}))
    monkeypatch.setattr(sys, "argv", ["scale.py", *arguments, "--kept"])
    scale.main()
    assert len(ran) == 3 * len(scale.STEPS)
    kept = {row["step"]: row for row in _tables((tmp_path / "results" / "scale.md").read_text())[0]}
    assert (kept["split"]["20: s"], kept["split"]["60: s"]) == ("2.000", "not measured")
    assert (kept["split"]["exponent to 60"], kept["policy"]["20: MiB"]) == ("–", "not measured")
