"""The default backbone itself, EfficientNetV2-S, whole and with random weights: its own are not at hand."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from gainspect.config import RunConfig
from gainspect.data.loading.dataset import Sample
from gainspect.data.manifest import Manifest
from gainspect.jobs.run_export import export_run
from gainspect.models.backbone import Backbone
from gainspect.models.gain_mtl import Output, model_of
from gainspect.models.weights import load_weights
from gainspect.strategies import STRATEGIES, strategy
from gainspect.training.launch import train
from gainspect.training.objective import named_losses
from gainspect.training.task import adamw

pytestmark = pytest.mark.slow

NAME = "tf_efficientnetv2_s"
DEFAULT = "tf_efficientnetv2_s.in21k_ft_in1k"


def settings(name: str, **sections: Any) -> RunConfig:
    model = {"backbone": NAME, "weights": "none"}
    return RunConfig.model_validate({"strategy": name, "model": model, **sections}).resolved()


@pytest.fixture(scope="module")
def batch() -> Sample:
    """Two NG images, the first with a mask, and two OK ones."""
    drawn = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 96, 96, 3), generator=drawn).to(torch.uint8)
    masks = torch.zeros(4, 96, 96, dtype=torch.uint8)
    masks[0, 5:9, 70:77] = 1  # a corner: something is left around it at stride 32
    defective, marked = torch.tensor([True, True, False, False]), torch.tensor([True, False, False, False])
    none, nowhere = torch.zeros(4, dtype=torch.bool), torch.full((4,), torch.nan)
    return Sample(images, masks, defective, marked, torch.zeros_like(masks), none, nowhere)


def test_it_is_the_default_and_its_features_are_those_of_its_head() -> None:
    """conv_head of the paper's table 4: 1280 channels at stride 32, and stages of 48, 64, 160 and 256."""
    assert RunConfig().model.backbone == DEFAULT
    backbone = Backbone(DEFAULT).eval()
    deep, pyramid, _ = backbone(torch.zeros(1, 96, 96, 3, dtype=torch.uint8))
    assert deep.shape == (1, 1280, 3, 3)
    assert [tuple(level.shape[1:]) for level in pyramid] == [
        (48, 24, 24),
        (64, 12, 12),
        (160, 6, 6),
        (256, 3, 3),
    ]
    parameters = sum(value.numel() for value in backbone.parameters())
    assert parameters == 21_458_488 - 1_281_000  # timm's own count, less its classifier of 1000 classes


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_step_of_every_strategy_moves_every_weight_that_it_trains(name: str, batch: Sample) -> None:
    config = settings(name, training={"lr": 1e-3})
    torch.manual_seed(1)
    model = model_of(config).train()
    heads = [module for part, module in model.named_children() if part != "backbone"]
    optimizer = adamw(model.backbone.net, heads, config.training)
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    output = model(batch.image, batch.mask, batch.has_mask, alpha=0.3, losses=strategy(name).weights)
    named = named_losses(output, batch, strategy(name).weights, alpha=0.5, gamma=0.0)
    assert set(named) == set(strategy(name).weights)
    torch.stack(list(named.values())).sum().backward()
    optimizer.step()
    still = [key for key, value in model.named_parameters() if torch.equal(value, before[key])]
    assert still == []
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize("name", ["S1", "S3", "S6", "S9"])
def test_its_evidence_sums_to_the_margin(name: str, batch: Sample) -> None:
    torch.manual_seed(2)
    model = model_of(settings(name)).eval()
    with torch.inference_mode():
        output = model(batch.image)
    summed = model.contributions(output).sum(dim=(1, 2, 3)) + model.bias_margin()
    torch.testing.assert_close(summed, model.margin(output), rtol=0, atol=1e-4)
    cam = output.cam.mean(dim=(1, 2, 3)) + model.classification.bias_margin()
    torch.testing.assert_close(cam, output.logits[:, 1] - output.logits[:, 0], rtol=0, atol=1e-4)


def test_frozen_stages_stay_bit_for_bit_with_their_statistics(batch: Sample) -> None:
    """The stem and the stages up to stride 8 are three of them and the stem."""
    torch.manual_seed(3)
    model = model_of(settings("S9"))
    model.backbone.freeze(4)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    _total(model(batch.image)).backward()
    optimizer.step()
    same = {key for key, value in model.state_dict().items() if torch.equal(value, before[key])}
    stages = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.", "blocks.2.")
    frozen = {key for key in before if key.removeprefix("backbone.net.").startswith(stages)}
    assert frozen <= same and len(frozen) > 50
    moved = {key for key in before if key.startswith(("backbone.net.blocks.3.", "backbone.net.blocks.5."))}
    assert not moved & same


def _total(output: Output) -> Tensor:
    assert output.evidence_margin is not None and output.localization_logits is not None
    return output.evidence_margin.sum() + output.logits.sum() + output.localization_logits.mean()


def test_weights_in_timms_format_are_those_that_it_begins_with(tmp_path: Path) -> None:
    torch.manual_seed(4)
    whole = timm.create_model(NAME, pretrained=False)
    save_file(whole.state_dict(), tmp_path / "v2s.safetensors")
    backbone = Backbone(NAME)
    assert load_weights(backbone, NAME, str(tmp_path / "v2s.safetensors")) == "file v2s.safetensors"
    own = whole.state_dict()
    for key, value in backbone.net.state_dict().items():
        assert torch.equal(value, own[key]), key


def test_a_run_of_it_is_exported_and_every_runtime_says_the_same(parts: Manifest, tmp_path: Path) -> None:
    config = settings(
        "S9",
        data={"size": 64, "val_fraction": 0.3},
        training={"epochs": 1, "batch_size": 8, "lr": 1e-3, "frozen_stages": 4},
    )
    run = train(config, parts, tmp_path / "run")
    _, parity = export_run(run, tmp_path / "v2s.gain", formats=("onnx", "openvino", "torch"))
    rows = [row for row in parity["formats"] if row["precision"] == "f32"]
    assert {row["runtime"] for row in rows} == {"onnxruntime", "openvino", "torch"}
    for row in rows:
        for sample in ("probes", "validation"):
            assert row[sample]["flips"] == 0
            assert row[sample]["outputs"]["score"]["max"] < 1e-4
            assert row[sample]["evidence_identity"] < 1e-4
