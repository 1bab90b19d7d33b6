"""What a training begins with, and what it leaves as it is."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import timm
import torch
from safetensors.torch import save_file

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.models.backbone import Backbone
from gainspect.training import initial
from gainspect.training.checkpoint import load_state
from gainspect.training.initial import frozen_stages
from gainspect.training.launch import train

NAME = "test_efficientnet"


def config(weights: str, *, init: str | None = None, **training: object) -> RunConfig:
    return RunConfig.model_validate(
        {
            "data": {"size": 64, "val_fraction": 0.3},
            "model": {"backbone": NAME, "weights": weights, "init": init},
            "training": {"batch_size": 4, "epochs": 1, **training},
        }
    )


@pytest.mark.parametrize(
    ("given", "stages"),
    [
        (config("none"), 0),
        (config("auto"), 4),
        (config("weights.pth"), 4),
        (config("none", frozen_stages=2), 2),
        (config("auto", frozen_stages=0), 0),
    ],
)
def test_what_is_learnt_already_is_frozen_up_to_stride_8_unless_a_number_is_given(
    given: RunConfig, stages: int
) -> None:
    """Of this network stem and first block have stride 2, the blocks after it 4, 8, 16 and 32."""
    assert frozen_stages(given, Backbone(NAME)) == stages


@pytest.mark.parametrize(
    ("earlier", "stages"),
    [(config("none"), 0), (config("auto", frozen_stages=0), 4), (config("none", init="another"), 4)],
)
def test_of_an_earlier_network_it_is_frozen_unless_that_began_with_random_weights(
    earlier: RunConfig, stages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial, "earlier_of", lambda path: SimpleNamespace(config=earlier))
    assert frozen_stages(config("auto", init="run"), Backbone(NAME)) == stages


def test_a_training_leaves_pretrained_stages_bit_for_bit_and_says_how_many(
    parts: Manifest, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    pretrained = timm.create_model(NAME, pretrained=False).state_dict()
    save_file(pretrained, tmp_path / "weights.safetensors")
    run = train(config(str(tmp_path / "weights.safetensors")), parts, tmp_path / "run")
    kept = load_state(run.best_checkpoint)["model"]
    own = {
        name.removeprefix("backbone.net."): value for name, value in kept.items() if "backbone.net" in name
    }
    same = {name for name, value in own.items() if torch.equal(value, pretrained[name])}
    frozen = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.", "blocks.2.")
    assert {name for name in own if name.startswith(frozen)} <= same
    learnt = {name for name in own if name.startswith("blocks.3.") and own[name].ndim == 4}
    assert learnt and not learnt & same
    assert run.environment()["frozen_stages"] == run.frozen_stages() == 4
