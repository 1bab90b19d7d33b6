"""The command line as a person meets it: results, and every fault as a sentence with exit code 2."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image as Pillow

from clocks import Ticking
from command_line import Result, Run
from gainspect.config import RunConfig, load_config
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.inspection.bundle import read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.training import callbacks, estimate
from gainspect.training.settle import complete_split
from gainspect.types import Label

QUICK = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]


def assert_sentence(result: Result, message: str) -> None:
    text = " ".join(result.stderr.split())
    assert result.returncode == 2, text
    assert message in text
    assert "Traceback" not in text


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout.startswith("gainspect ")
    text = run("--help").stdout
    for command in ("train", "evaluate", "compare", "demo", "data", "msa"):
        assert command in text


def test_show_config_lists_every_setting_as_a_config_file(run: Run, tmp_path: Path) -> None:
    given = ("--epochs", "3", "--workers", "2", "--set", "training.lr=0.01")
    shown = run("train", "--show-config", *given).stdout
    (tmp_path / "c.yaml").write_text(shown)
    config = load_config(tmp_path / "c.yaml")
    expected = {"training.epochs": 3, "training.workers": 2, "training.lr": 0.01}
    assert config == load_config(overrides=expected)


def test_how_long_to_train_is_said_in_one_way(run: Run) -> None:
    for effort in ("quick", "thorough"):
        shown = yaml.safe_load(run("train", "--show-config", f"--{effort}").stdout)
        assert (shown["training"]["effort"], shown["training"]["epochs"]) == (effort, "auto")
    for both in (("--quick", "--thorough"), ("--quick", "--epochs", "3")):
        assert_sentence(run("train", "--show-config", *both), f"--quick and {both[1]} say how long to train")


@pytest.mark.parametrize(
    "command", [None, [], *([name] for name in ("inspect", "watch", "train", "calibrate", "report"))]
)
def test_help_imports_nothing_that_takes_long(command: list[str] | None) -> None:
    heavy = ("numpy", "cv2", "onnxruntime", "openvino", "scipy", "sklearn", "matplotlib", "torch")
    if command is None:
        asked = "import gainspect"
    else:
        asked = f"sys.argv[1:] = {[*command, '--help']!r}; from gainspect.cli import main; main()"
    code = (
        f"import sys\ntry:\n    {asked}\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"sys.exit(' '.join(set({heavy!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == ""


def test_data_check_prints_a_table_or_json_and_exits_by_errors(
    run: Run, parts_folder: Path, tmp_path: Path
) -> None:
    good = run("data", "check", parts_folder)
    assert good.returncode == 0
    assert "30 images" in good.stdout
    as_json = run("data", "check", parts_folder, "--json", "--size", "64")
    assert json.loads(as_json.stdout)["images"] == 30
    bad = tmp_path / "bad"
    generate(SyntheticSpec(size=64, parts={"train": 4, "test": 4}, views=1), bad)
    next((bad / "images/train/normal").iterdir()).write_bytes(b"")
    assert run("data", "check", bad).returncode == 1


def test_data_check_takes_the_settings_of_a_training(run: Run, parts_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("data:\n  size: 128\ntraining:\n  seed: 5\n")
    as_json = run("data", "check", parts_folder, "--json", "--config", tmp_path / "c.yaml").stdout
    assert json.loads(as_json)["size"] == 128
    assert "with seed 5" in json.loads(as_json)["settled"][0]
    shown = run("data", "check", parts_folder, "--seed", "2", "--set", "data.tile=64").stdout
    assert "with seed 2" in shown
    assert "in tiles of 64 px" in shown
    assert shown == run("data", "check", parts_folder, "--seed", "2", "--tile", "64").stdout
    assert_sentence(run("data", "check", parts_folder, "--set", "data.size=100"), "data.size")


def test_data_check_needs_no_torch(parts_folder: Path) -> None:
    """Nor anything else that only a training or a report installs."""
    heavy = "torch scipy sklearn PIL matplotlib"
    code = (
        "import sys; from pathlib import Path; from gainspect.config import RunConfig; "
        "from gainspect.jobs.check_data import check_data; from gainspect.report.terminal import check_list; "
        f"check_data(RunConfig(), Path({str(parts_folder)!r})); "
        f"sys.exit(bool(set({heavy!r}.split()) & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_synthesize_then_check(run: Run, tmp_path: Path) -> None:
    made = run("data", "synthesize", tmp_path / "d", "--parts", "30", "--size", "64", "--cue", "stamp")
    assert made.returncode == 0
    assert run("data", "check", tmp_path / "d", "--size", "64").returncode == 0
    assert_sentence(
        run("data", "synthesize", tmp_path / "e", "--cue", "sticker"), "cue: Input should be 'none'"
    )


def _empty_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _one_class(folder: Path) -> Path:
    for split in ("train", "test"):
        for index in range(4):
            path = folder / f"images/{split}/normal/{split}{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(np.full((64, 64), index, np.uint8)).save(path)
    return folder


def _mask_without_image(folder: Path) -> Path:
    _one_class(folder)
    path = folder / "masks/train/defective/x.png"
    path.parent.mkdir(parents=True)
    Pillow.fromarray(np.zeros((64, 64), np.uint8)).save(path)
    return folder


def _with_every_training_image(fault: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        generate(SyntheticSpec(size=64, parts={"train": 10, "test": 10}, views=1), folder)
        for image in (folder / "images/train").rglob("*.png"):
            image.write_bytes(fault)
        return folder

    return make


def _wrong_mask_size(folder: Path) -> Path:
    generate(SyntheticSpec(size=64, parts={"train": 10, "test": 10}, views=1), folder)
    for mask in (folder / "masks/train").rglob("*.png"):
        Pillow.fromarray(np.zeros((9, 9), np.uint8)).save(mask)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_empty_folder, "there is no folder images/ and no manifest"),
        (_one_class, "has no NG images"),
        (_mask_without_image, "masks have no image"),
        (_with_every_training_image(b""), "the file is empty (0 bytes)"),
        (_with_every_training_image(b"\xff\xd8\xff\xe0 \xff\xd9"), "the JPEG is damaged or cut off"),
        (_wrong_mask_size, "the mask is 9×9 px, its image 64×64 px"),
    ],
)
def test_bad_data_is_a_sentence(run: Run, make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    data = make(tmp_path / "data")
    assert_sentence(run("train", "--data", data, "--out", tmp_path / "run", *QUICK), message)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "S99"], "there is no strategy 'S99'. Choose one of S1, S2"),
        (["--backbone", "resnet_of_dreams"], "timm has no model"),
        (["--backbone", "test_vit"], "does not give features (B, C, h, w) at strides"),
        (["--set", "training.lr=.nan"], "training.lr: Input should be"),
        (["--set", "training.learning_rate=1"], "training.learning_rate: Extra inputs are not permitted"),
        (["--set", "training.lr"], "is not KEY=VALUE"),
        (["--size", "100"], "data.size: Input should be a multiple of 32"),
        (["--weights", "gone.safetensors"], "there is no such weights file"),
    ],
)
def test_bad_settings_are_a_sentence(
    run: Run, arguments: list[str], message: str, parts_folder: Path, tmp_path: Path
) -> None:
    assert_sentence(
        run("train", "--data", parts_folder, "--out", tmp_path / "run", *QUICK, *arguments), message
    )
    assert not (tmp_path / "run").exists()


def test_missing_options_and_wrong_folders_are_a_sentence(run: Run, tmp_path: Path) -> None:
    assert_sentence(run("train"), "train needs --data and --out")
    assert_sentence(run("evaluate", tmp_path), "this is not a run folder")
    assert_sentence(run("train", "--resume", tmp_path / "gone"), "this is not a run folder")
    assert_sentence(
        run("compare", "--data", tmp_path, "--out", tmp_path / "o", "--seeds", "x"), "whole numbers"
    )


def test_an_unwritable_folder_is_a_sentence(run: Run, parts_folder: Path) -> None:
    """In /sys not even root makes a folder."""
    result = run("train", "--data", parts_folder, "--out", "/sys/gainspect-run", *QUICK)
    assert_sentence(result, "cannot write")
    assert "/sys/gainspect-run/" in "".join(result.stderr.split())


def test_a_file_in_the_way_of_the_run_folder_is_a_sentence(
    run: Run, parts_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    result = run("train", "--data", parts_folder, "--out", tmp_path / "file" / "run", *QUICK)
    assert_sentence(result, "cannot write")


@pytest.mark.slow
def test_without_a_size_train_chooses_one_by_the_defects_and_says_so(
    run: Run, parts_folder: Path, tmp_path: Path
) -> None:
    arguments = [argument for argument in QUICK if argument not in {"--size", "64"}]
    result = run("train", "--data", parts_folder, "--out", tmp_path / "run", "--strategy", "S1", *arguments)
    assert result.returncode == 0
    assert "Images at 256 px: at this size the median defect is" in result.stdout
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["data"]["size"] == 256


@pytest.mark.slow
def test_a_size_is_chosen_without_the_parts_that_will_be_the_test(run: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    parts = []
    for index in range(50):
        image, mask = tmp_path / f"{index}.png", tmp_path / f"{index}-mask.png"
        cv2.imwrite(str(image), random.integers(0, 255, (256, 256), np.uint8))
        label = Label.NG if index < 20 else Label.OK
        marked = mask if label is Label.NG else None
        parts.append(Part(image, label, mask=marked, group=f"g{index}"))
    known = complete_split(RunConfig(), Manifest(tmp_path, tuple(parts)))
    for part in known.parts:
        if part.mask is not None:
            pixels = np.zeros((256, 256), np.uint8)
            side = 2 if part.split == "test" else 40  # 2 px ask for 512 px, and would be too many
            pixels[10 : 10 + side, 10 : 10 + side] = 255
            cv2.imwrite(str(part.mask), pixels)
    save_manifest(Manifest(tmp_path, tuple(parts)), tmp_path / "manifest.csv")
    arguments = [argument for argument in QUICK if argument not in {"--size", "64"}]
    result = run(
        "train",
        "--data",
        tmp_path / "manifest.csv",
        "--out",
        tmp_path / "run",
        "--strategy",
        "S1",
        *arguments,
    )
    assert result.returncode == 0, result.stderr
    assert "Images at 256 px: at this size the median defect is 40 px wide." in " ".join(
        result.stdout.split()
    )


@pytest.mark.slow
def test_train_evaluate_and_compare(
    run: Run, parts_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "time", Ticking(1000.0))  # a batch, a step and validation take 50 minutes
    monkeypatch.setattr(callbacks, "time", Ticking(100.0))
    trained = run("train", "--data", parts_folder, "--out", tmp_path / "run", *QUICK)
    assert trained.returncode == 0, trained.stderr
    assert f"gainspect evaluate {tmp_path / 'run'}" in " ".join(trained.stdout.split())
    assert "1 epoch took about 2 minutes; estimated: about 50 minutes." in trained.stdout

    doubtful = tmp_path / "doubtful.csv"
    with (tmp_path / "run/split.csv").open() as file:
        test_rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    doubtful.write_text("file\n" + Path(test_rows[0]["image"]).name + "\n")
    arguments = ["--maps", tmp_path / "maps", "--doubtful", doubtful]
    judged = run("evaluate", tmp_path / "run", *arguments)
    assert judged.returncode == 0, judged.stderr
    shown = [" ".join(line.split()) for line in judged.stdout.splitlines()]
    assert {"CAM- Point- Energy- IoU", "Map IoU Game Inside (fixed)"} <= set(shown)
    assert "Defect Images Parts Recall reason IoU Game Inside" in shown

    with (tmp_path / "run/evaluation/test/predictions.csv").open() as file:
        predictions = {row["image"]: row for row in csv.DictReader(file)}
    assert predictions.keys() == {row["image"] for row in test_rows}
    for row in test_rows:
        assert predictions[row["image"]]["label"] == row["label"]
        assert predictions[row["image"]]["group"] == row["group"]
        with np.load(tmp_path / "maps" / f"{Path(row['image']).stem}.npz") as maps:
            assert set(maps) == {"cam", "attention", "localization", "evidence"}
            assert all(maps[name].shape == (64, 64) and maps[name].dtype == np.float32 for name in maps)
    metrics = json.loads((tmp_path / "run/evaluation/test/metrics.json").read_text())
    assert metrics["all labels"]["images"]["n"] == 10
    assert metrics["without doubtful labels"]["images"]["n"] == 9
    for summary in metrics.values():
        recall = summary["classification"]["operating"]["recall"]
        low, high = recall["interval"]
        told = f"Recall {recall['value']:.3f} {low:.3f}–{high:.3f} "
        assert any(line.startswith(told) for line in shown), told
        assert set(summary["defect_types"]) == {"stain", "chip"}
        for kind, figures in summary["defect_types"].items():
            told = f"{kind} {figures['n']} {figures['groups']} {figures['recall']['value']:.3f} "
            assert any(line.startswith(told) for line in shown), told

    compare = ["compare", "--data", parts_folder, "--out", tmp_path / "c", "--strategies", "S1,S4", *QUICK]
    first = run(*compare)
    assert first.returncode == 0, first.stderr
    assert "on this machine" in first.stdout and "--quick" not in first.stdout  # which it does not have
    with (tmp_path / "c/compare.csv").open() as file:
        assert [row["strategy"] for row in csv.DictReader(file)] == ["S1", "S4"]
    assert "Judged by onnxruntime f32." in first.stdout
    assert (tmp_path / "c/S4-seed1/model.gain").is_file()
    with Pillow.open(tmp_path / "c/compare.png") as picture:
        assert picture.size[0] > 800
    weights = tmp_path / "c/S1-seed1/checkpoints/best.safetensors"
    trained_at = weights.stat().st_mtime_ns
    assert run(*compare).returncode == 0
    assert weights.stat().st_mtime_ns == trained_at  # what was trained is not trained again
    assert run(*compare, "--report").returncode == 0
    page = (tmp_path / "c/compare.html").read_text(encoding="utf-8")
    assert "S4 − S1" in page and "Newly caught" in page and page.count("Judged by onnxruntime f32.") == 1
    by_torch = run(*compare, "--runtime", "torch", "--batch-size", "3", "--threads", "1")
    assert "Judged by torch f32: the trained checkpoint, not the bundle" in " ".join(by_torch.stdout.split())
    assert {run["network"] for run in json.loads((tmp_path / "c/compare.json").read_text())["judged_by"]} == {
        "checkpoint"
    }
    assert_sentence(run(*compare, "--runtime", "tensorflow"), "there is no runtime 'tensorflow'")
    assert_sentence(run(*compare, "--set", "training.lr=1e-5"), "contains a run of another configuration")


def _a_bundle_is_judged_as_its_run_is(run: Run, trained: Path, bundle: Path, data: Path) -> None:
    """The figures of what was trained, to the tolerance of the runtimes; of a run the bundle is judged."""
    by_torch = run("evaluate", trained, "--runtime", "torch")
    assert "Judged by torch f32: the trained checkpoint, not the bundle" in " ".join(by_torch.stdout.split())
    expected = json.loads((trained / "evaluation/test/metrics.json").read_text())["all labels"]
    for runtime in ("auto", "openvino"):
        judged = run("evaluate", bundle, "--data", data, "--runtime", runtime)
        assert judged.returncode == 0, judged.stderr
        found = json.loads((trained / "model-evaluation/test/metrics.json").read_text())["all labels"]
        assert found["images"] == expected["images"]
        ran = "onnxruntime" if runtime == "auto" else runtime
        assert found["judged_by"] == {"runtime": ran, "precision": "f32", "network": "bundle"}
        assert f"Judged by {ran} f32." in judged.stdout
        at, wanted = (figures["classification"]["operating"] for figures in (found, expected))
        assert at["threshold"] == pytest.approx(wanted["threshold"], abs=1e-6)
        assert (at["recall"], at["false_alarm_rate"]) == (wanted["recall"], wanted["false_alarm_rate"])
        for name, figures in expected["maps"].items():
            for figure in ("energy_inside", "fixed_iou"):  # the latter at the policy's threshold
                value = figures[figure]["value"]
                assert found["maps"][name][figure]["value"] == pytest.approx(value, abs=1e-3)
    code = (
        "import sys\n"
        "from gainspect.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as ended:\n"
        "    sys.exit(ended.code or 'torch' in sys.modules)"
    )
    out = trained / "without-torch"
    arguments = ["evaluate", bundle, "--data", data, "--out", out]
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "metrics.json").read_text())["all labels"]["images"] == expected["images"]
    assert_sentence(run("evaluate", bundle), "does not know where its data are. Add --data DIR")
    # The validation part was taken from the training parts: the folder does not name it.
    assert_sentence(
        run("evaluate", bundle, "--data", data, "--split", "val"), "no val part (it has train, test)"
    )
    for runtime in ("onnxruntime", "openvino"):
        assert run("evaluate", trained, "--runtime", runtime).returncode == 0
        assert run("evaluate", bundle, "--data", data, "--runtime", runtime).returncode == 0
        for file in ("predictions.csv", "metrics.json"):
            of_run = (trained / "evaluation/test" / file).read_bytes()
            assert of_run == (trained / "model-evaluation/test" / file).read_bytes()
    assert_sentence(
        run("evaluate", trained, "--runtime", "torch", "--precision", "bf16"),
        "torch runs a bundle in f32 only",
    )
    assert_sentence(run("evaluate", trained / "none.gain", "--data", data), "there is no such bundle")


def _a_new_policy_is_a_new_file(run: Run, folder: Path, bundle: Path) -> None:
    before = bundle.read_bytes()
    shown = run("calibrate", bundle, "--show")
    assert shown.returncode == 0 and "missed proves" in " ".join(shown.stdout.split())
    assert "as an appraiser" in " ".join(shown.stdout.split()) and "Decisions by part" in shown.stdout
    korean = run("calibrate", bundle, "--show", "--lang", "ko")
    assert korean.returncode == 0 and "부품별 판정" in korean.stdout
    by_hand = "--threshold", "0.5", "--review-from", "0.2"
    shown = run("calibrate", bundle, "--run", folder, *by_hand, "--show")
    assert "NG from P(NG) 0.5 on, REVIEW from 0.2 on; chosen by hand" in " ".join(shown.stdout.split())
    assert_sentence(run("calibrate", bundle, "--show", "--lang", "fr"), "there is no language 'fr'")
    out = bundle.with_name("line.gain")
    made = run("calibrate", bundle, "--run", folder, "--prevalence", "0.02", "--out", out)
    assert made.returncode == 0 and "at 2 % NG parts, as stated" in " ".join(made.stdout.split())
    old, new = read_bundle(bundle).description, read_bundle(out).description
    assert (old.network_sha256, bundle.read_bytes()) == (new.network_sha256, before)
    assert new.policy.policy_id in run("bundle", "show", out).stdout
    assert_sentence(run("calibrate", bundle, "--run", folder, "--out", bundle), "already such a file")
    assert_sentence(run("calibrate", bundle, "--prevalence", "0.02"), "Give either --run RUN or --data DIR")
    assert_sentence(run("calibrate", bundle, "--run", folder, "--escape", "0.0001"), "cannot prove")
    assert_sentence(run("calibrate", bundle, "--cost", "miss=-1,false_alarm=1,review=1"), "the miss -1.0")


@pytest.mark.slow
def test_a_bundle_from_training_to_parity(run: Run, parts_folder: Path, tmp_path: Path) -> None:
    trained = run("train", "--data", parts_folder, "--out", tmp_path / "run", *QUICK, "--strategy", "S9")
    assert trained.returncode == 0, trained.stderr
    said = " ".join(trained.stdout.split())
    assert "On val, part by part: of" in said and "per 1,000 parts" in said and "missed proves" in said
    last = said[said.index("Bundle, equal to what was trained") :]
    assert "On val, part by part: of" in last and last.count("Next:") == 1
    bundle = tmp_path / "run" / "model.gain"
    assert bundle.is_file()
    shown = run("bundle", "show", bundle)
    assert "S9" in shown.stdout and "chosen for the least cost" in " ".join(shown.stdout.split())
    assert json.loads(run("bundle", "show", bundle, "--json").stdout)["strategy"] == "S9"
    assert "files are unchanged" in run("bundle", "verify", bundle).stdout
    parity = run("bundle", "parity", bundle, "--runtime", "openvino")
    assert parity.returncode == 0 and "0 of 13" in parity.stdout
    exported = run("export", tmp_path / "run", "--threshold", "0.5", "--out", tmp_path / "b.gain")
    assert exported.returncode == 0 and "chosen by hand" in " ".join(exported.stdout.split())
    _a_new_policy_is_a_new_file(run, tmp_path / "run", bundle)
    assert_sentence(
        run("bundle", "parity", bundle, "--runtime", "tensorrt"), "there is no runtime 'tensorrt'"
    )
    assert_sentence(run("export", tmp_path / "run", "--formats", "tflite"), "there is no format 'tflite'")
    assert_sentence(run("export", tmp_path / "none"), "not a run folder")
    _a_bundle_is_judged_as_its_run_is(run, tmp_path / "run", bundle, parts_folder)
    folder, out = tmp_path / "parts", tmp_path / "out"
    shutil.copytree(parts_folder / "images" / "test", folder)
    (folder / "broken.png").write_bytes(b"")
    judged = run("inspect", bundle, folder, "--out", out, "--overlay")
    assert judged.returncode == 3
    assert "broken.png: the file is empty" in " ".join(judged.stderr.split())
    rows = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
    assert len(rows) == 11 and len(list((out / "overlays").glob("*.png"))) == 10
    small = run("inspect", bundle, folder / "normal", "--max-mpx", "0.004")
    assert small.returncode == 3
    assert "64 × 64 px = 0.004096 Mpx, the limit is 0.004 Mpx" in " ".join(small.stderr.split())
    assert_sentence(run("inspect", bundle, folder, "--max-mpx", "0"), "max_mpx is 0.0")
    assert_sentence(run("evaluate", bundle, "--data", parts_folder, "--seen", "yes"), "no --seen 'yes'")
    lines = run("inspect", bundle, folder / "normal", "--jsonl").stdout.splitlines()
    assert [json.loads(line)["image"] for line in lines] == sorted(
        str(f) for f in (folder / "normal").iterdir()
    )
    inspector = Inspector.load(bundle)
    for row in rows:
        if row["error"] is None:
            verdict = inspector.inspect(row["image"])
            assert row["verdict"] == verdict.label.value
            assert row["score"] == pytest.approx(verdict.score, abs=1e-6)
            by_score = "ng" if row["score"] >= row["threshold"] else "ok"
            assert row["verdict"] == ("review" if row["review_reasons"] else by_score)
            assert (row["check"] is not None) == (by_score == "ng")
    plain = run("inspect", bundle, folder / "normal", folder / "defective", "--jsonl", "--no-check")
    unchecked = [json.loads(line) for line in plain.stdout.splitlines()]
    assert len(unchecked) == 10
    for row in unchecked:
        assert row["check"] is None and row["review_reasons"] in ([], ["borderline"])
        by_score = "ng" if row["score"] >= row["threshold"] else "ok"
        assert row["verdict"] == ("review" if row["review_reasons"] else by_score)
    image = next((folder / "defective").iterdir())
    explained = run("explain", bundle, image, "--out", tmp_path / "why.png")
    assert "P(NG) is" in " ".join(explained.stdout.split()) and (tmp_path / "why.png").is_file()
    assert_sentence(run("explain", bundle, image, "--lang", "fr"), "there is no language 'fr'")
    assert_sentence(run("inspect", bundle, folder, "--style", "sepia"), "there is no style 'sepia'")
    assert_sentence(run("inspect", bundle, tmp_path / "none"), "there is no such file or folder")
    assert run("report", tmp_path / "run", "--lang", "ko").returncode == 0
    reported = run("report", bundle, "--data", parts_folder, "--out", tmp_path / "report.html")
    assert reported.returncode == 0, reported.stderr
    for page, title in (
        (tmp_path / "report.html", "Inspection report"),
        (tmp_path / "run/report.html", "검사 성능 보고서"),
    ):
        assert f"<h1>{title}</h1>" in page.read_text(encoding="utf-8")
    assert_sentence(run("report", bundle), "a bundle does not know where its data are")
    assert_sentence(run("report", tmp_path / "gone.gain", "--data", parts_folder), "there is no such bundle")
    assert_sentence(run("inspect", bundle, folder, "--overlay"), "--overlay needs a folder")
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(content)
    assert run("bundle", "verify", bundle).returncode == 2
