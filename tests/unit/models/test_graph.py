"""The torch backend gives what the model gives of each position, and leaves the model as it was."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gainspect.inspection.backends.torch import TorchBackend
from gainspect.models.gain_mtl import GainMTL
from gainspect.release.formats.onnx import to_onnx
from gainspect.strategies import Tta

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
    model = build(name, tta=1)
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


@pytest.mark.parametrize("name", ["S1", "S6", "S9"])
@pytest.mark.parametrize("tta", [2, 8])
def test_tta_is_the_mean_of_what_is_said_in_each_position(
    build: Build, images: Tensor, name: str, tta: Tta
) -> None:
    """By NumPy's own turns: maps are averaged; S9 pools their mean, a linear head's margins are averaged."""
    model = build(name, tta=1)
    one = TorchBackend(model, 96)
    pixels = images.numpy()
    sides = [np.flip(pixels, 2) if position % 2 else pixels for position in range(tta)]
    turned = [
        one(np.ascontiguousarray(np.rot90(side, position // 2, (1, 2))))
        for position, side in enumerate(sides)
    ]
    straight = [
        {key: _turned_back(value, position) for key, value in of.items()}
        for position, of in enumerate(turned)
    ]
    mean = {key: np.mean([of[key] for of in straight], axis=0, dtype=np.float64) for key in straight[0]}
    if name == "S9":
        gate, gain = mean["evidence"], model.verdict.log_gain.exp().item()
        shares = gate**3 / (np.sum(gate**3, axis=(1, 2), keepdims=True) + 1e-3)
        mean["contributions"] = gain * shares * gate
        mean["logit"] = mean["contributions"].sum(axis=(1, 2)) + model.verdict.bias.item()
    mean["score"] = 1 / (1 + np.exp(-mean["logit"]))
    mean["features"] = one(pixels)["features"]
    found = TorchBackend(build(name, tta=tta), 96)(pixels)
    assert found.keys() == mean.keys()
    for key, expected in mean.items():
        np.testing.assert_allclose(found[key], expected, rtol=1e-4, atol=1e-5, err_msg=key)
    summed = found["contributions"].sum(axis=(1, 2), dtype=np.float64) + model.bias_margin().item()
    np.testing.assert_allclose(found["logit"], summed, rtol=1e-5, atol=1e-5)


def _turned_back(values: NDArray[np.float32], position: int) -> NDArray[np.float32]:
    if values.ndim != 3:  # a logit, or features, which are of the image as it is
        return values
    straight = np.rot90(values, -(position // 2), (1, 2))
    return np.flip(straight, 2) if position % 2 else straight


@pytest.mark.parametrize("name", ["S6", "S9"])
def test_in_all_positions_a_turned_image_is_judged_alike(build: Build, images: Tensor, name: str) -> None:
    backend = TorchBackend(build(name, tta=8), 96)
    pixels = images.numpy()
    straight, turned = backend(pixels), backend(np.ascontiguousarray(np.rot90(pixels, 1, (1, 2))))
    np.testing.assert_allclose(turned["logit"], straight["logit"], rtol=1e-4, atol=1e-5)
    for key in ("evidence", "contributions", "localization"):
        expected = np.rot90(straight[key], 1, (1, 2))
        np.testing.assert_allclose(turned[key], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("tta", [1, 2, 8])
def test_onnx_runtime_sees_as_many_positions(build: Build, images: Tensor, tta: Tta) -> None:
    backend = TorchBackend(build("S9", tta=tta), 96)
    session = ort.InferenceSession(to_onnx(backend.graph, 96), providers=["CPUExecutionProvider"])
    for batch in (images[:1].numpy(), images[1:].numpy()):
        expected, found = backend(batch), session.run(list(backend.graph.outputs), {"images": batch})
        for key, values in zip(backend.graph.outputs, found, strict=True):
            np.testing.assert_allclose(values, expected[key], rtol=1e-3, atol=1e-4, err_msg=key)


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
