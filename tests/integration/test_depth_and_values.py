"""A training on 12-bit images in 16-bit files, with masks of three values, from data to verdicts."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import yaml
from rich.console import Console

from command_line import Run
from gainspect.config import load_config
from gainspect.data.importers import load_manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.jobs.run_training import run_training
from gainspect.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

SETTINGS = {
    "model.backbone": "test_efficientnet",
    "model.weights": "none",
    "data.size": 64,
    "training.epochs": 1,
    "data.mask_values": "1=긁힘,255=ignore",
}


def to_depth(pixels: np.ndarray, bits: int) -> np.ndarray:
    """8-bit values as a camera of more bits gives them: the upper bits are the same."""
    wide = pixels.astype(np.uint16)
    return (wide << (bits - 8)) + (wide >> (16 - bits))


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic parts as gray TIFF with 12 bits of 16; masks are 1, with a contour of 255 around them."""
    folder = tmp_path_factory.mktemp("deep") / "data"
    spec = SyntheticSpec(size=64, parts={"train": 20, "test": 10}, views=1, defects=("stain", "chip"))
    for part in generate(spec, folder).parts:
        gray = cv2.imread(str(part.image), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        tifffile.imwrite(part.image.with_suffix(".tif"), to_depth(gray, 12))
        part.image.unlink()
        if part.mask is not None:
            defect = (cv2.imread(str(part.mask), cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8)
            ring = cv2.dilate(defect, np.ones((3, 3), np.uint8)) - defect
            cv2.imwrite(str(part.mask), defect + 255 * ring)
    (folder / "split.csv").unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def trained(deep: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    out = tmp_path_factory.mktemp("run") / "run"
    console = Console(record=True, width=200)
    return run_training(load_config(None, SETTINGS), deep, out, console=console), console.export_text()


def test_the_depth_is_found_said_and_stored(trained: tuple[RunFolder, str]) -> None:
    run, said = trained
    assert "16-bit images: read as 12 bits (0–4095), as found over the training and validation part" in said
    settings = yaml.safe_load(run.config_file.read_text())["data"]
    assert settings["bits"] == 12
    assert settings["mask_values"] == {"0": "background", "1": "긁힘", "255": "ignore"}
    stored = read_bundle(run.bundle_file).description.preprocessing
    assert stored.bits == 12 and 0 < stored.darkest < 4096
    assert "16-bit images use 12 bits (0–4095)" in str(stored)


def test_the_type_that_masks_name_is_the_type_of_the_part(trained: tuple[RunFolder, str]) -> None:
    types = {part.defect_type for part in trained[0].manifest().parts}
    assert types == {None, "긁힘"}


def test_a_part_is_judged_alike_at_8_and_12_bits_and_refused_at_others(
    trained: tuple[RunFolder, str], deep: Path, tmp_path: Path
) -> None:
    inspector = Inspector.load(trained[0].bundle_file, check=False)
    part = load_manifest(deep).parts[-1]
    twelve = tifffile.imread(part.image)
    eight = np.round(twelve * (255 / 4095)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "eight.png"), eight)
    cv2.imwrite(str(tmp_path / "twelve.png"), twelve)
    expected = inspector.inspect(part.image).score
    for given in (tmp_path / "eight.png", tmp_path / "twelve.png", eight, twelve):
        assert inspector.inspect(given).score == expected
    for bits in (8, 14, 16):
        with pytest.raises(GainspectError, match="in the training"):
            inspector.inspect(to_depth(eight, bits))
    with pytest.raises(GainspectError, match="bits is 14, but the bundle was trained on images of 12 bits"):
        Inspector.load(trained[0].bundle_file, bits=14)


def test_evaluate_reads_images_and_masks_as_in_the_training(
    trained: tuple[RunFolder, str], deep: Path, tmp_path: Path
) -> None:
    by_run = run_evaluation(trained[0].path, out=tmp_path / "run")
    by_bundle = run_evaluation(trained[0].bundle_file, out=tmp_path / "bundle", data=deep)
    assert by_run == by_bundle
    assert by_run["all labels"]["images"]["ng_without_mask"] == 0


def test_a_bundle_without_such_images_refuses_them_until_it_is_said(
    parts_folder: Path, tmp_path: Path, run: Run
) -> None:
    settings = {key: value for key, value in SETTINGS.items() if key != "data.mask_values"}
    out = tmp_path / "run"
    bundle = run_training(
        load_config(None, settings), parts_folder, out, console=Console(quiet=True)
    ).bundle_file
    image = load_manifest(parts_folder).parts[-1].image
    gray = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    for bits in (12, 14, 16):
        tifffile.imwrite(tmp_path / f"{bits}.tif", to_depth(gray, bits))
    cv2.imwrite(str(tmp_path / "8.png"), gray)
    refused = run("inspect", bundle, tmp_path / "12.tif", tmp_path / "16.tif", "--jsonl")
    records = [json.loads(line) for line in refused.stdout.splitlines()]
    assert refused.returncode == 3
    assert all("how many of its bits are used is not known" in record["error"] for record in records)
    expected = json.loads(run("inspect", bundle, tmp_path / "8.png", "--jsonl").stdout)["score"]
    for bits in (12, 14, 16):
        said = run("inspect", bundle, tmp_path / f"{bits}.tif", "--bits", str(bits), "--jsonl")
        assert json.loads(said.stdout)["score"] == pytest.approx(expected, abs=0.02)
