"""The torch backend gives what the model gives, and leaves the model as it was."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gainspect.inspection.backends.torch import TorchBackend
from gainspect.models.gain_mtl import GainMTL

Build = Callable[..., GainMTL]


@pytest.mark.parametrize(
    ("name", "maps"),
    [
        ("S1", {"cam", "evidence"}),
        ("S3", {"cam", "evidence", "attention"}),
        ("S6", {"cam", "evidence", "attention", "localization"}),
        ("S7", {"cam", "evidence", "attention"}),
        ("S9", {"cam", "evidence", "attention", "localization"}),
    ],
)
def test_scores_and_maps_are_the_models(build: Build, images: Tensor, name: str, maps: set[str]) -> None:
    model = build(name)
    results = TorchBackend(model, 96)(images.numpy())
    assert set(results) == maps | {"logit", "score", "contributions", "features"}
    assert {array.dtype for array in results.values()} == {np.dtype(np.float32)}
    output = model(images)
    logits = output.logits if name == "S1" else output.attended_logits
    if logits is None:
        assert output.evidence_margin is not None
        p_ng = output.evidence_margin.double().sigmoid()
    else:
        p_ng = torch.softmax(logits.double(), dim=1)[:, 1]
    np.testing.assert_allclose(results["score"], p_ng.detach().numpy(), rtol=1e-5)
    expected = {"cam": output.cam, "evidence": model.evidence(output)}
    if output.attention_logits is not None:
        expected["attention"] = output.attention_logits.sigmoid()
    if output.localization_logits is not None:
        expected["localization"] = output.localization_logits.sigmoid()
    for key, value in expected.items():
        np.testing.assert_allclose(results[key], value[:, 0].detach().numpy(), rtol=1e-5, atol=1e-6)
    stage = model.backbone(images).pyramid[2]
    assert stage.shape[2:] == (6, 6)  # stride 16
    np.testing.assert_allclose(results["features"], stage.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_an_image_is_judged_alike_alone_and_among_others(build: Build, images: Tensor) -> None:
    backend = TorchBackend(build("S6"), 96)
    together = backend(images.numpy())
    alone = backend(images[2:3].numpy())
    for key, value in alone.items():
        np.testing.assert_allclose(value[0], together[key][2], rtol=1e-4, atol=1e-5)


def test_judging_during_training_neither_learns_nor_ends_it(build: Build, images: Tensor) -> None:
    model = build("S6")
    expected = TorchBackend(model, 96)(images.numpy())
    model.train()
    model.backbone.freeze(1)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    during = TorchBackend(model, 96)(images.numpy())
    np.testing.assert_array_equal(during["score"], expected["score"])
    assert model.training and model.attention.training
    assert not model.backbone.net.bn1.training  # frozen
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_a_model_that_fails_is_left_training(build: Build) -> None:
    model = build("S1").train()
    with pytest.raises(RuntimeError):
        TorchBackend(model, 96)(np.zeros((1, 96, 96, 4), np.uint8))
    assert model.training
