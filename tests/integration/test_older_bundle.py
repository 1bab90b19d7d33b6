"""A bundle of a version in which stride 4 was the finest is still that network, and sees one position."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.data.seen import SEEN, SeenImages
from gainspect.data.synthetic import probe_frames
from gainspect.inspection.backends.torch import WEIGHTS, TorchBackend, torch_backend
from gainspect.inspection.bundle import Bundle, write_bundle
from gainspect.models.gain_mtl import GainMTL, model_of
from gainspect.training.initial import load_initial
from gainspect.training.settle import settle

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZE = 64
MODEL = {"backbone": "test_efficientnet", "weights": "none"}


@pytest.fixture
def older_model() -> GainMTL:
    return model_of(RunConfig.model_validate({"model": MODEL | {"finest_stride": 4, "tta": 1}})).eval()


@pytest.fixture
def older(older_model: GainMTL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """As it was written when there were no such settings."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from untrained import untrained_bundle

    bundle = untrained_bundle(
        tmp_path / "u.gain", backbone="test_efficientnet", size=SIZE, formats=("onnx", "torch")
    )
    assert torch_backend(bundle).graph.model.reads_finest  # the script's own can be opened
    config = RunConfig.model_validate({"model": MODEL}).model_dump(mode="json")
    del config["model"]["finest_stride"], config["model"]["tta"]
    contents = {
        **bundle.contents,
        WEIGHTS: save(older_model.state_dict()),
        SEEN: SeenImages({}, {}).to_json(),
    }
    description = bundle.description.model_copy(update={"training": {"config": config}})
    return replace(write_bundle(tmp_path / "older.gain", description, contents))


def test_it_says_what_it_said(older: Bundle, older_model: GainMTL) -> None:
    frames = probe_frames(SIZE)
    said, expected = torch_backend(older)(frames), TorchBackend(older_model, SIZE)(frames)
    assert said["evidence"].shape[1:] == (SIZE // 4, SIZE // 4)
    for name, values in expected.items():
        np.testing.assert_array_equal(said[name], values)


def test_what_begins_with_it_takes_over_all_of_it(older: Bundle, parts: Manifest) -> None:
    given = {"data": {"size": SIZE, "val_fraction": 0.3}, "model": MODEL | {"init": str(older.path)}}
    config = settle(RunConfig.model_validate(given), parts).config
    assert config.model.finest_stride == 4
    model = model_of(config)
    _, sentences = load_initial(model, config)
    assert not any("anew" in sentence for sentence in sentences)
    asked = RunConfig.model_validate({**given, "model": given["model"] | {"finest_stride": 2}})
    assert settle(asked, parts).config.model.finest_stride == 2
    _, sentences = load_initial(model_of(asked), asked)
    assert any("Begins anew: pyramid, localization head" in sentence for sentence in sentences)
