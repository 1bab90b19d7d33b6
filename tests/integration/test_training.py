"""Training whole: every strategy learns, a run repeats itself, and survives kill and Ctrl-C."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from torch.nn import functional as F

from gainspect.config import RunConfig, load_config
from gainspect.data.importers import load_manifest
from gainspect.data.loading.dataset import Draw, Sample, TrainingSet
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.models.gain_mtl import GainMTL
from gainspect.strategies import STRATEGIES, curriculum_alpha
from gainspect.training.launch import resume, train
from gainspect.training.objective import named_losses
from gainspect.training.run_folder import RunFolder
from gainspect.wording import plural

TINY = {
    "data": {"size": 64, "val_fraction": 0.3},
    "model": {
        "backbone": "test_efficientnet",
        "weights": "none",
        "attention_channels": 16,
        "fpn_channels": 16,
    },
    "training": {"epochs": 4, "batch_size": 7, "lr": 2e-3, "workers": 0},
}
COMMAND = [sys.executable, "-c", "from gainspect.cli import main; main()"]


def tiny(strategy: str = "S6", **training: Any) -> RunConfig:
    return RunConfig.model_validate(TINY | {"strategy": strategy, "training": TINY["training"] | training})


def log_of(run: RunFolder) -> list[dict[str, str]]:
    with run.log_file.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.best_checkpoint)


def assert_equal_runs(one: RunFolder, two: RunFolder) -> None:
    assert log_of(one) == log_of(two)
    a, b = weights_of(one), weights_of(two)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    timed = {"seconds", "announced", "validation"}
    results = [{k: v for k, v in run.result().items() if k not in timed} for run in (one, two)]
    assert results[0] == results[1]


@pytest.fixture(scope="module")
def finished(parts: Manifest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An uninterrupted run of S6."""
    return train(tiny(), parts, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_every_strategy_learns_one_batch_by_heart(strategy: str, parts: Manifest) -> None:
    """After some steps on one batch the verdicts are right, and the localization lies on the masks."""
    torch.manual_seed(0)
    data = TrainingSet(parts, seed=1)
    chosen = [i for i, p in enumerate(parts.parts) if p.split == "train"][::2]
    samples = [data[Draw(index, epoch=0, place=0, size=64, strength=0)] for index in chosen]
    batch = Sample(*(torch.stack(column) for column in zip(*samples, strict=True)))
    assert batch.target.any()
    assert not batch.target.all()
    model = GainMTL(tiny(strategy).model, STRATEGIES[strategy])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    weights = STRATEGIES[strategy].weights_at(1.0)
    totals = []
    for step in range(120):
        output = model(batch.image, batch.mask, batch.has_mask, curriculum_alpha(step / 120))
        named = named_losses(output, batch, weights, alpha=0.5, gamma=2.0)
        total = torch.stack([weights[name] * value for name, value in named.items()]).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.25 * totals[0]
    # Frozen running statistics lag behind so few steps: judged in training mode, on the same batch.
    with torch.no_grad():
        output = model(batch.image)
    assert torch.equal(model.decision(output) > 0, batch.target)
    if "localization" in STRATEGIES[strategy].modules:
        assert output.localization_logits is not None
        target = batch.mask.unsqueeze(1) > 0  # at the resolution that it is taught at
        found = F.interpolate(output.localization_logits, size=(64, 64), mode="bilinear") > 0
        assert (found & target).sum() / (found | target).sum() > 0.6


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(finished: RunFolder, parts: Manifest, tmp_path: Path) -> None:
    """Also where it is told beforehand how long it will take, which is measured."""
    text = io.StringIO()
    console = Console(file=text, width=200)
    again = train(tiny(), parts, tmp_path / "again", console=console)
    assert_equal_runs(finished, again)
    assert len(again.manifest().split("train").parts) // tiny().training.batch_size == 1
    assert "4 epochs of 1 step: under a minute on this machine." in text.getvalue()
    announced = again.result()["announced"]
    assert announced["epochs"] == 4
    assert announced["taken"] == pytest.approx(again.result()["seconds"])
    assert 0 < announced["seconds"] < 55


@pytest.mark.slow
def test_another_seed_gives_another_run(finished: RunFolder, parts: Manifest, tmp_path: Path) -> None:
    assert log_of(finished) != log_of(train(tiny(seed=2), parts, tmp_path / "other"))


def _start(parts_folder: Path, out: Path, config: RunConfig) -> subprocess.Popen[str]:
    settings = out.with_suffix(".yaml")
    settings.write_text(json.dumps(config.model_dump(mode="json")))
    arguments = ["train", "--data", str(parts_folder), "--out", str(out), "--config", str(settings)]
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background of a shell, Ctrl-C is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _wait_for_epochs(run: RunFolder, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if run.last_checkpoint.exists() and len(log_of(run)) >= count:
            return
        time.sleep(0.01)
    pytest.fail(f"the run did not get to epoch {count}: {process.communicate()}")


@pytest.mark.slow
def test_a_killed_run_resumes_to_what_it_would_have_been(
    parts: Manifest, parts_folder: Path, tmp_path: Path
) -> None:
    config = tiny(epochs=8)
    killed = RunFolder(tmp_path / "killed")
    process = _start(parts_folder, killed.path, config)
    _wait_for_epochs(killed, 2, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = len(log_of(killed))
    assert done < 8
    assert not killed.result_file.exists()
    with pytest.raises(GainspectError, match="has not ended"):
        killed.result()
    going_on = killed.epochs_done()
    assert going_on in (done - 1, done)  # the log is written first
    text = io.StringIO()
    resume(killed.path, console=Console(file=text, width=200))
    assert f"{plural(8 - going_on, 'epoch')} of" in text.getvalue()
    assert killed.result()["announced"]["epochs"] == 8 - going_on
    whole = train(config, parts, tmp_path / "whole")
    assert len(log_of(killed)) == 8
    assert_equal_runs(killed, whole)


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_leaves_a_run_that_does(parts_folder: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    process = _start(parts_folder, run.path, tiny(epochs=300))
    _wait_for_epochs(run, 1, process)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume" in output
    assert "Traceback" not in errors
    assert run.last_checkpoint.exists()
    assert not [p for p in run.path.rglob(".*") if p.is_file()]  # no half-written files


@pytest.mark.slow
def test_a_run_folder_says_what_it_used(finished: RunFolder, parts: Manifest) -> None:
    assert finished.config() == tiny().resolved()
    environment = finished.environment()
    assert (
        environment["packages"]["torch"] == torch.__version__.split("+")[0]
        or environment["packages"]["torch"]
    )
    assert environment["weights"] == "random initialization"
    assert finished.manifest().fingerprint() == environment["data"]["fingerprint"]
    assert len(log_of(finished)) == 4
    assert not list(finished.path.rglob("*.ckpt")) + list(finished.path.rglob("*.pth"))
    # The candidate rule: S6 has all its losses from 3/4 of the run on.
    assert finished.result()["epoch"] in (3, 4)
    assert list((finished.path / "tensorboard").iterdir())


@pytest.mark.slow
def test_resuming_an_ended_run_changes_nothing(finished: RunFolder) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.path.rglob("*") if p.is_file()}
    resume(finished.path)
    assert {p: p.stat().st_mtime_ns for p in finished.path.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_a_folder_in_use_is_refused(finished: RunFolder, parts: Manifest) -> None:
    with pytest.raises(GainspectError, match="already exists"):
        train(tiny(), parts, finished.path)


@pytest.mark.slow
def test_early_stop_on_a_named_figure(parts: Manifest, tmp_path: Path) -> None:
    run = train(tiny("S1", epochs=30, patience=1, monitor="ap", lr=1e-7), parts, tmp_path / "run")
    assert len(log_of(run)) < 30


def test_an_unknown_figure_is_named_with_those_there_are(parts: Manifest, tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match=r"no validation figure 'beauty'.*right_reason_at_recall"):
        train(tiny("S1", epochs=1, monitor="beauty"), parts, tmp_path / "run")


@pytest.mark.slow
def test_a_broken_image_is_one_sentence_from_a_worker_too(parts_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(parts_folder, data)
    manifest = load_manifest(data)
    for part in manifest.split("train").parts:
        part.image.write_bytes(b"")
    with pytest.raises(GainspectError) as caught:
        train(tiny("S1", epochs=1, workers=1), manifest, tmp_path / "run")
    assert "Traceback" not in str(caught.value)
    assert str(caught.value).endswith("the file is empty (0 bytes). Export it again.")


def test_a_full_disk_is_a_clear_error(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GainspectError, match="No space left on device"):
        train(tiny("S1", epochs=1), parts, tmp_path / "run")


def test_defaults_are_a_valid_configuration() -> None:
    assert load_config() == RunConfig()


@pytest.mark.slow
def test_a_compiled_backbone_computes_the_same(parts: Manifest, tmp_path: Path) -> None:
    settings = {"epochs": 1, "start_strength": 0.0}
    plain = train(tiny("S9", **settings), parts, tmp_path / "plain")
    compiled = train(tiny("S9", **settings, compile=True), parts, tmp_path / "compiled")
    (expected,), (found,) = log_of(plain), log_of(compiled)
    for name in (column for column in expected if column.startswith("loss/")):
        assert float(found[name]) == pytest.approx(float(expected[name]), rel=1e-3), name


@pytest.mark.slow
def test_a_missing_compiler_is_said_in_words(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setattr(inductor.cpp, "cxx", (None, str(tmp_path / "no-compiler")))
    monkeypatch.setattr(inductor, "fx_graph_cache", False)
    with pytest.raises(
        GainspectError, match=r"training\.compile: the backbone cannot be compiled.*C\+\+.*compile=false"
    ):
        train(tiny("S1", epochs=1, compile=True), parts, tmp_path / "run")
