"""What OK images of a training look like: of a bounded number, the same each time, and stored whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gainspect.config import DataConfig, ModelConfig
from gainspect.data.framing import letterbox
from gainspect.data.manifest import Manifest, Part
from gainspect.inspection.statistics import image_statistics
from gainspect.models.familiarity import Familiarity, pooled
from gainspect.models.gain_mtl import GainMTL
from gainspect.strategies import strategy
from gainspect.training.familiar import familiar_of, looked_at, read_familiar, save_familiar
from gainspect.types import Label

SEEN = DataConfig(size=64)


@pytest.fixture(scope="module")
def model() -> GainMTL:
    torch.manual_seed(0)
    settings = ModelConfig(backbone="test_efficientnet", weights="none", fpn_channels=8)
    return GainMTL(settings, strategy("S1")).eval()


def test_at_most_512_ok_images_of_the_training_spread_evenly_are_looked_at() -> None:
    labels = (Label.OK, Label.OK, Label.NG)
    parts = tuple(
        Part(Path(f"{index}.png"), labels[index % 3], split="train" if index % 2 else "val")
        for index in range(6000)
    )
    found = looked_at(Manifest(Path(), parts))
    assert len(found) == 512
    assert {(part.label, part.split) for part in found} == {(Label.OK, "train")}
    places = [int(part.image.stem) for part in found]
    assert np.diff(places).max() < 2 * np.diff(places).min()
    assert looked_at(Manifest(Path(), parts[:30])) == [
        part for part in parts[:30] if part.label is Label.OK and part.split == "train"
    ]


def test_the_figures_are_those_of_each_ok_image_and_the_features_those_of_the_model(
    model: GainMTL, parts: Manifest, tmp_path: Path
) -> None:
    seen: list[int] = []
    found = familiar_of(model, parts, SEEN, lambda: seen.append(1))
    assert found is not None
    ok = [part for part in parts.split("train").parts if part.label is Label.OK]
    frames = [letterbox(parts.image(part), 64) for part in ok]
    assert found.inputs == tuple(image_statistics(*framed) for framed in frames)
    assert len(seen) == len(ok)
    with torch.inference_mode():
        images = torch.from_numpy(np.stack([frame for frame, _ in frames]))
        expected = Familiarity.of(pooled(model.backbone(images).pyramid).numpy())
    assert torch.allclose(found.familiarity.center, expected.center, rtol=1e-3, atol=1e-4)
    save_familiar(found, tmp_path / "familiar.safetensors")
    read = read_familiar(tmp_path / "familiar.safetensors")
    assert read is not None and read.inputs == found.inputs
    assert torch.equal(read.familiarity.whitening, found.familiarity.whitening)
    assert read_familiar(tmp_path / "none.safetensors") is None


def test_with_tiles_several_of_each_image_are_looked_at_the_same_each_time(
    model: GainMTL, parts: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    of = Familiarity.of
    monkeypatch.setattr(Familiarity, "of", lambda figures: (counts.append(len(figures)), of(figures))[1])
    tiled = DataConfig(size=64, tile=64)
    ok = len(looked_at(parts))
    one, other = familiar_of(model, parts, tiled), familiar_of(model, parts, tiled)
    assert one is not None and other is not None
    assert counts == [16 * ok, 16 * ok] and len(one.inputs) == ok
    assert torch.equal(one.familiarity.whitening, other.familiarity.whitening)


def test_one_ok_image_says_nothing_of_how_they_vary(model: GainMTL, parts: Manifest) -> None:
    ok = looked_at(parts)[:1]
    assert familiar_of(model, replace(parts, parts=tuple(ok)), SEEN) is None
    assert familiar_of(model, replace(parts, parts=()), SEEN) is None
