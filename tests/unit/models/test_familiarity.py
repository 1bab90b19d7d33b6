"""The distance is scikit-learn's Mahalanobis distance under a Ledoit-Wolf covariance, in every runtime."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import openvino as ov
import pytest
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor

from gainspect.models.familiarity import Familiarity, familiarity_in, pooled
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.graph import InspectionGraph
from gainspect.release.formats.onnx import to_onnx
from gainspect.release.formats.openvino_ir import names_only_for

Build = Callable[..., GainMTL]


def known(count: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, width)) @ rng.normal(size=(width, width)) + 5).astype(np.float32)


def as_level(figures: np.ndarray) -> Tensor:
    """(B, C, 1, 2) features with these means and standard deviations."""
    mean, deviation = np.split(figures, 2, axis=1)
    return torch.from_numpy(np.stack([mean - deviation, mean + deviation], axis=-1)[:, :, None])


def test_pooled_are_mean_and_deviation_of_each_channel_at_stride_8() -> None:
    levels = [torch.rand(3, 4, 8 // step, 16 // step) for step in (1, 2, 4, 8)]
    found = pooled(levels).numpy()
    numbers = levels[1].numpy().astype(np.float64)
    expected = np.hstack([numbers.mean(axis=(2, 3)), numbers.std(axis=(2, 3))])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("count", [3, 12, 200])  # fewer images than figures, and more
def test_the_distance_is_that_of_scikit_learn(count: int) -> None:
    width = 16
    figures = np.abs(known(count, width))
    spread = figures.std(axis=0, dtype=np.float64)
    spread = np.sqrt(spread**2 + (0.1 * np.median(spread)) ** 2)
    center = figures.mean(axis=0, dtype=np.float64)
    reference = LedoitWolf(assume_centered=True).fit((figures - center) / spread)
    new = np.abs(known(40, width, seed=1))
    level = as_level(new)
    found = Familiarity.of(figures)([level, level])
    expected = np.sqrt(reference.mahalanobis((new - center) / spread) / width)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3)


def test_it_is_about_1_for_the_images_that_it_knows() -> None:
    figures = np.abs(known(500, 16))
    level = as_level(figures)
    assert float(Familiarity.of(figures)([level, level]).square().mean()) == pytest.approx(1, abs=0.1)


def test_images_that_are_all_the_same_give_numbers() -> None:
    figures = np.ones((4, 6), np.float32)
    level = as_level(np.vstack([figures[:1], figures[:1] + 1]))
    same, other = Familiarity.of(figures)([level, level]).tolist()
    assert same == pytest.approx(0, abs=1e-3) and 1 < other < np.inf


@pytest.mark.parametrize("name", ["S1", "S9"])
def test_the_graph_gives_it_and_onnx_runtime_the_same(build: Build, images: Tensor, name: str) -> None:
    model = build(name)
    with torch.inference_mode():
        figures = pooled(model.backbone(images).pyramid).numpy()
    familiarity = Familiarity.of(figures[:3])
    graph = InspectionGraph(model, familiarity).eval()
    plain = InspectionGraph(model).eval()
    assert graph.outputs == (*plain.outputs, "distance")
    with torch.inference_mode():
        *others, distance = graph(images)
        for one, other in zip(others, plain(images), strict=True):
            assert torch.equal(one, other)
    away = (figures - familiarity.center.numpy()) @ familiarity.whitening.numpy()
    np.testing.assert_allclose(distance.numpy(), np.sqrt((away**2).mean(axis=1)), rtol=1e-4)
    session = ort.InferenceSession(to_onnx(graph, 96), providers=["CPUExecutionProvider"])
    (found,) = session.run(["distance"], {"images": images.numpy()})
    np.testing.assert_allclose(found, distance.numpy(), rtol=1e-3)


def test_it_is_stored_beside_the_model(build: Build) -> None:
    familiarity = Familiarity.of(known(9, 8))
    state = {"other": torch.zeros(1)} | {
        f"familiarity.{name}": tensor for name, tensor in familiarity.state_dict().items()
    }
    found = familiarity_in(state)
    assert found is not None and state.keys() == {"other"}
    assert torch.equal(found.center, familiarity.center)
    assert torch.equal(found.whitening, familiarity.whitening)
    assert familiarity_in(state) is None


def test_quantization_leaves_out_what_only_the_distance_needs(build: Build) -> None:
    """As many operations as the graph has more than the same graph without the distance."""
    model = build("S9")
    counts = {}
    for familiarity in (None, Familiarity.of(np.abs(known(9, 2 * model.backbone.pyramid_channels[1])))):
        content = to_onnx(InspectionGraph(model, familiarity), 96)
        read = ov.Core().read_model(content)
        ends = ("Constant", "Result", "Parameter")
        counts[familiarity is None] = sum(op.get_type_name() not in ends for op in read.get_ops())
        names = names_only_for(read, "distance")
        assert bool(names) == (familiarity is not None)
    assert len(names) == counts[False] - counts[True]
