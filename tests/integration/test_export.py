"""From a trained run to a bundle that any runtime reads the same; the torch model is the reference."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gainspect
from command_line import Run, command_line
from gainspect.config import RunConfig
from gainspect.data.decode import read_image
from gainspect.data.framing import letterbox
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import probe_frames
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.goals import LeastCost, point_of
from gainspect.inspection.backends.backend import Predictions
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import GOOD_PARTS, Bundle, read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.parity import golden_parity
from gainspect.jobs.run_export import export_run
from gainspect.metrics.classification import at_threshold
from gainspect.release import certificate as certify
from gainspect.training.launch import train
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_inspector
from gainspect.types import Label, ReviewReason

pytestmark = pytest.mark.slow

STRATEGIES = ["S1", "S3", "S6", "S9"]
RUNS = [("onnxruntime", "f32"), ("openvino", "f32"), ("torch", "f32")]


@pytest.fixture(scope="module", params=STRATEGIES)
def run(
    request: pytest.FixtureRequest, parts: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> RunFolder:
    config = {
        "strategy": request.param,
        "data": {"size": 64, "val_fraction": 0.3},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"epochs": 1, "batch_size": 8, "lr": 0.003, "warmup": 0.0},
    }
    return train(RunConfig.model_validate(config), parts, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The fixture `run` of other tests, whose name is that of a training here."""
    return command_line(capsys, monkeypatch)


@pytest.fixture(scope="module")
def exported(run: RunFolder) -> tuple[Bundle, dict[str, Any]]:
    return export_run(run, run.path / "model.gain", formats=("onnx", "openvino", "torch"))


@pytest.fixture(scope="module")
def bundle(exported: tuple[Bundle, dict[str, Any]]) -> Bundle:
    return read_bundle(exported[0].path)


def test_every_format_says_what_torch_says(exported: tuple[Bundle, dict[str, Any]], bundle: Bundle) -> None:
    parity = exported[1]
    assert json.loads(bundle.contents["parity.json"]) == parity
    f32 = [row for row in parity["formats"] if row["precision"] == "f32"]
    assert {row["runtime"] for row in f32} == {"onnxruntime", "openvino", "torch"}
    for row in f32:
        for sample in ("probes", "validation"):
            assert row[sample]["flips"] == 0
            assert row[sample]["outputs"]["score"]["max"] < 1e-5
            assert row[sample]["evidence_identity"] < 1e-4
    for row in parity["formats"]:
        assert row["version"] and row["cpu"]


@pytest.mark.parametrize(("runtime", "precision"), RUNS)
def test_the_inspector_judges_as_the_run_does(
    run: RunFolder, bundle: Bundle, parts: Manifest, runtime: Any, precision: Any
) -> None:
    inspector = Inspector.load(bundle, runtime, precision, check=False)
    reference = trained_inspector(run)
    for part in parts.split("test").parts:
        expected, found = reference.inspect(part.image), inspector.inspect(part.image)
        assert found.label is expected.label
        assert found.score == pytest.approx(expected.score, abs=1e-5)
        for name, values in expected.evidence.maps().items():
            np.testing.assert_allclose(found.evidence.maps()[name], values, atol=1e-4)


@pytest.mark.parametrize(("runtime", "precision"), RUNS)
def test_the_verdict_is_its_contributions_in_every_runtime(
    bundle: Bundle, runtime: Any, precision: Any
) -> None:
    backend = open_backend(bundle, runtime, precision, None)
    results = backend(probe_frames(64))
    total = results["contributions"].sum(axis=(1, 2)) + bundle.description.graph.evidence_bias
    np.testing.assert_allclose(total, results["logit"], atol=1e-4)
    inspector = Inspector.load(bundle, runtime, precision, check=False)
    for frame, given, logit in zip(probe_frames(64), results["contributions"], results["logit"], strict=True):
        evidence = inspector.inspect(frame).evidence
        assert evidence.contributions is not None and evidence.contributions.dtype == np.float32
        assert evidence.contributions.shape == given.shape  # the model's own grid
        of_verdict = evidence.contributions.sum(dtype=np.float64) + bundle.description.graph.evidence_bias
        assert of_verdict == pytest.approx(float(logit), abs=1e-4)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-results["logit"].astype(np.float64))), results["score"], atol=1e-6
    )


def test_a_black_image_is_review_and_says_by_what_in_every_runtime(run: RunFolder, bundle: Bundle) -> None:
    inputs = bundle.description.policy.inputs
    assert inputs is not None and inputs == run.policy().inputs
    black, usual = np.zeros((64, 64, 3), np.uint8), run.manifest().split("train").parts[0].image
    distances = []
    for runtime, precision in RUNS:
        inspector = Inspector.load(bundle, runtime, precision, check=False)  # type: ignore[arg-type]
        inspector.threshold = 1.0  # whatever a training of one epoch says
        verdict = inspector.inspect(black)
        assert (verdict.label, verdict.review_reasons) == (Label.REVIEW, (ReviewReason.UNLIKE_TRAINING,))
        assert {"brightness", "contrast", "sharpness"} <= {unlike.name for unlike in verdict.unlike}
        assert inspector.inspect(usual).label is Label.OK
        assert verdict.inputs is not None
        distances.append(verdict.inputs["distance"])
    assert distances == pytest.approx([distances[-1]] * len(RUNS), rel=1e-3)


def test_a_run_of_before_the_input_check_gets_it_when_it_is_exported(run: RunFolder, tmp_path: Path) -> None:
    older = RunFolder(tmp_path / "run")
    shutil.copytree(run.path, older.path)
    older.familiar_file.unlink()
    stored = json.loads(older.validation_file.read_text())
    del stored["training"]
    for image in stored["images"]:
        del image["inputs"]
    older.validation_file.write_text(json.dumps(stored))
    bundle, _ = export_run(older, tmp_path / "new.gain", formats=("onnx",))
    found, expected = bundle.description.policy.inputs, run.policy().inputs
    assert found is not None and expected is not None and found.ranges.keys() == expected.ranges.keys()
    for name, usual in expected.ranges.items():
        assert found.ranges[name].high == pytest.approx(usual.high, rel=1e-4)


def test_no_file_of_a_bundle_names_a_place_on_the_machine_that_made_it(bundle: Bundle) -> None:
    """The exporter notes the source file of each node; what a plant gets must not."""
    package = str(Path(gainspect.__file__).parent)
    for name, content in bundle.contents.items():
        assert package.encode() not in content, name
        assert str(bundle.path.parent.parent).encode() not in content, name


def test_commands_judge_as_many_at_once_with_as_many_threads_as_they_are_told(
    bundle: Bundle, parts: Manifest, tmp_path: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[int] = []
    threads: list[int | None] = []
    judge, load = Inspector._run, Inspector.load

    def judged(inspector: Inspector, images: np.ndarray) -> Predictions:
        frames.append(len(images))
        return judge(inspector, images)

    def loaded(*arguments: Any, **given: Any) -> Inspector:
        threads.append(given["threads"])
        return load(*arguments, **given)

    monkeypatch.setattr(Inspector, "_run", judged)
    monkeypatch.setattr(Inspector, "load", loaded)
    images, out = parts.parts[0].image.parent, tmp_path / "out"
    speed = ("--batch-size", "3", "--threads", "1")
    for command in (
        ("inspect", bundle.path, images, "--out", out),
        ("evaluate", bundle.path, "--data", parts.root, "--out", out, "--split", "all"),
        (
            "report",
            bundle.path,
            "--data",
            parts.root,
            "--out",
            out / "r.html",
            "--split",
            "all",
            "--limit",
            8,
        ),
    ):
        frames.clear()
        assert run_command(*command, *speed).returncode == 0
        assert max(frames) == 3
    assert threads == [1, 1, 1]
    assert len((out / "r.csv").read_text().splitlines()) == 1 + 8
    assert run_command("inspect", bundle.path, images, "--batch-size", "0").returncode == 2


def test_repairs_come_from_good_parts_of_the_training(run: RunFolder, bundle: Bundle) -> None:
    reason, good = bundle.description.policy.reason, Inspector.load(bundle, threads=1).good
    assert reason is not None and reason.good_parts and good is not None
    taught = run.manifest().split("train")
    known = [letterbox(taught.image(part), 64)[0] for part in taught.parts if part.label is Label.OK]
    assert len(good.frames) == min(24, len(known))
    assert all(any((frame == image).all() for image in known) for frame in good.frames)
    assert Inspector.load(bundle, threads=1, check=False).good is None
    without = {name: content for name, content in bundle.contents.items() if name != GOOD_PARTS}
    with pytest.raises(GainspectError, match=r"its policy asks for good_parts\.png"):
        Inspector.load(replace(bundle, contents=without), threads=1)


def test_the_golden_answers_are_repeated(bundle: Bundle) -> None:
    found = golden_parity(bundle, "onnxruntime", "f32")
    assert (found["flips"], found["images"]) == (0, 13)
    assert found["outputs"]["evidence"]["max"] < 1e-4


def test_the_policy_holds_what_it_gave_on_the_validation_part(run: RunFolder, bundle: Bundle) -> None:
    policy = bundle.description.policy
    validation = run.manifest().split("val")
    assessment = assess(Inspector.load(bundle), validation)
    figures = at_threshold(assessment.scores, assessment.labels, policy.threshold)
    assert (policy.recall, policy.false_alarm_rate) == (figures["recall"], figures["false_alarm_rate"])
    point = point_of(bundle)
    assert point is not None and point.goal == LeastCost() and policy.target_recall is None
    assert (point.counted.ng, point.counted.ok) == (policy.ng, policy.ok)
    assert (policy.ng, policy.ok) == (int(assessment.labels.sum()), int((~assessment.labels).sum()))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_threads_get_what_one_gets_bit_for_bit(bundle: Bundle, parts: Manifest, runtime: Any) -> None:
    inspector = Inspector.load(bundle, runtime, threads=1)
    images = [read_image(part.image) for part in parts.parts] * 3
    alone = [inspector.inspect(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(inspector.inspect, images))
    for one, other in zip(alone, together, strict=True):
        assert one.score == other.score
        np.testing.assert_array_equal(one.evidence.evidence, other.evidence.evidence)
        assert one.regions == other.regions


def test_it_inspects_where_no_torch_is(bundle: Bundle, parts: Manifest) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['torch', 'torchvision', 'timm', 'lightning', 'sklearn'], None))\n"
        "from gainspect import Inspector\n"
        "verdict = Inspector.load(sys.argv[1]).inspect(sys.argv[2])\n"
        "print(verdict.label, verdict.score)"
    )
    part = parts.parts[0]
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle.path), str(part.image)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    label, score = done.stdout.split()
    expected = Inspector.load(bundle).inspect(part.image)
    assert (label, float(score)) == (expected.label, pytest.approx(expected.score, abs=1e-6))


@pytest.mark.parametrize(
    ("runtime", "precision", "message"),
    [
        ("onnxruntime", "bf16", "onnxruntime runs a bundle in f32 only"),
        (
            "openvino",
            "int8",
            r"does not contain the format openvino-int8.*--formats onnx,openvino,torch,openvino-int8",
        ),
    ],
)
def test_what_a_bundle_cannot_do_is_a_sentence(
    bundle: Bundle, runtime: Any, precision: Any, message: str
) -> None:
    with pytest.raises(GainspectError, match=message):
        Inspector.load(bundle, runtime, precision)


def test_a_format_that_says_other_things_is_refused(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong:
        def __init__(self, backend: Any) -> None:
            self.backend, self.runtime, self.precision = backend, backend.runtime, backend.precision

        def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
            results = self.backend(images)
            return results | {"score": np.clip(results["score"] + 0.01, 0, 1)}

    monkeypatch.setattr(certify, "open_backend", lambda *args, **kwargs: Wrong(open_backend(*args, **kwargs)))
    with pytest.raises(
        GainspectError, match=r"onnx does not agree with the torch model.*P\(NG\) differs by up to 0\.01"
    ):
        export_run(run, tmp_path / "x.gain")
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_is_named_before_any_work(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match=r"no format .tflite.*Choose from onnx, openvino"):
        export_run(run, tmp_path / "x.gain", formats=("tflite",))
