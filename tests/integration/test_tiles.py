"""Tiles from the data to the bundle: what was trained by tiles inspects by the same tiles, everywhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gainspect.config import RunConfig
from gainspect.data.decode import read_image
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.data.tiles import Tiling
from gainspect.evaluation.saved_verdicts import PREDICTIONS, read_verdicts
from gainspect.inspection.bundle import read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.jobs.run_export import export_run
from gainspect.training.launch import train
from gainspect.training.trained import trained_inspector

pytestmark = pytest.mark.slow


def test_a_training_by_tiles_ends_with_a_bundle_that_cuts_the_same_tiles(tmp_path: Path) -> None:
    spec = SyntheticSpec(size=160, parts={"train": 20, "test": 10}, views=1, defects=("stain", "chip"))
    parts = generate(spec, tmp_path / "data")
    bare = next(index for index, part in enumerate(parts.parts) if part.mask is not None)
    parts = replace(
        parts,
        parts=tuple(replace(part, mask=None) if i == bare else part for i, part in enumerate(parts.parts)),
    )
    config = {
        "strategy": "S9",
        "data": {"size": 64, "tile": 96, "overlap": 0.3, "val_fraction": 0.3},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"epochs": 1, "batch_size": 8, "lr": 0.003, "warmup": 0.0},
    }
    run = train(RunConfig.model_validate(config), parts, tmp_path / "run")
    export_run(run, tmp_path / "model.gain")
    bundle = read_bundle(tmp_path / "model.gain")
    assert str(bundle.description.preprocessing).startswith("tiles of 96 px, 30% overlapping")
    inspector, reference = Inspector.load(bundle), trained_inspector(run)
    assert bundle.description.policy.reason is not None and inspector.good is None  # they are no tiles
    assert inspector.tiling == reference.tiling == Tiling(96, 0.3)
    tops, lefts = (0, 64), (0, 64)  # 160 px: two tiles each way
    for part in parts.split("test").parts[:3]:
        verdict, expected = inspector.inspect(part.image), reference.inspect(part.image)
        assert verdict.score == pytest.approx(expected.score, abs=1e-5)
        np.testing.assert_allclose(verdict.evidence.evidence, expected.evidence.evidence, atol=1e-4)
        pixels = read_image(part.image)
        whole = Inspector(inspector.backend, threshold=0.5)
        tiles = [pixels[top : top + 96, left : left + 96] for top in tops for left in lefts]
        assert verdict.score == pytest.approx(max(one.score for one in whole.inspect_many(tiles)), abs=1e-6)
    run_evaluation(run.path, out=tmp_path / "a", runtime="torch")
    run_evaluation(bundle.path, data=tmp_path / "data", out=tmp_path / "b")
    of_run, of_bundle = (read_verdicts(tmp_path / name / PREDICTIONS) for name in "ab")
    assert of_run.images == of_bundle.images and len(of_run.images) == 10
    np.testing.assert_allclose(of_bundle.scores, of_run.scores, atol=1e-6)
