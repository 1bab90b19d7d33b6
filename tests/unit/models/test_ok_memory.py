"""The memory of OK parts against brute force in NumPy, and what leaves a group's own features out."""

import numpy as np
import pytest
import torch
from sklearn.cluster import MiniBatchKMeans

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.models.gain_mtl import model_of
from gainspect.models.ok_memory import OkMemory
from gainspect.training.remembered import fill, remember
from gainspect.types import MEMORY_SHARES


@pytest.fixture
def memory() -> OkMemory:
    drawn = torch.Generator().manual_seed(0)
    memory = OkMemory(5, 7)
    for buffer in (memory.mean, memory.centers):
        buffer.copy_(torch.randn(buffer.shape, generator=drawn))
    memory.spread.copy_(torch.rand(5, generator=drawn) + 0.5)
    memory.usual.fill_(0.3)
    return memory


@pytest.mark.parametrize("share", [None, [0, 2, 1]])
def test_it_says_how_far_each_place_is_from_the_nearest_center(memory: OkMemory, share) -> None:
    features = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(1))
    said = memory(features, None if share is None else torch.tensor(share)).numpy()
    padded = np.pad(
        features.numpy().astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=np.nan
    )
    for image, y, x in np.ndindex(3, 4, 6):
        smooth = np.nanmean(padded[image, :, y : y + 3, x : x + 3], axis=(1, 2))
        place = (smooth - memory.mean.numpy()) / memory.spread.numpy()
        centers = memory.centers[MEMORY_SHARES if share is None else share[image]].numpy()
        away = place - centers[np.linalg.norm(centers - place, axis=1).argmin()]
        np.testing.assert_allclose(said[image, :5, y, x], away, rtol=1e-3, atol=1e-4)
        assert said[image, 5, y, x] == pytest.approx(np.sqrt((away**2).mean()) / 0.3, rel=1e-3)


def test_the_memory_of_a_share_knows_nothing_of_it() -> None:
    """Vectors of each share lie around a point of their own; without it that point is far away."""
    rng = np.random.default_rng(0)
    share = np.repeat(np.arange(MEMORY_SHARES), 200)
    points = 10.0 * np.eye(MEMORY_SHARES, 4)
    vectors = (points[share] + rng.normal(0, 0.1, (len(share), 4))).astype(np.float32)
    memory = OkMemory(4, 6)
    fill(memory, vectors, share, seed=1)
    at = torch.from_numpy(vectors).t()[None, :, None, :]  # one row of places, averaged with its neighbors
    middle = [100, 300, 500]
    for one in range(MEMORY_SHARES):
        without = memory(at, torch.tensor([one]))[0, -1, 0, middle]
        of_all = memory(at)[0, -1, 0, middle]
        others = without[[i for i in range(MEMORY_SHARES) if i != one]]
        assert without[one] > 2 * of_all.max() and without[one] > 2 * others.max()


def test_centers_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(0, 2, (500, 4)).astype(np.float32)
    share = rng.integers(0, MEMORY_SHARES, 500)
    memory = OkMemory(4, 9)
    fill(memory, vectors, share, seed=3)
    scaled = (vectors - vectors.mean(axis=0)) / (vectors.std(axis=0) + 1e-6)
    means = MiniBatchKMeans(9, n_init=1, batch_size=4096, max_iter=20, random_state=3).fit(scaled)
    np.testing.assert_allclose(memory.centers[MEMORY_SHARES], means.cluster_centers_, rtol=1e-4, atol=1e-5)


def test_fewer_vectors_than_centers_repeat_them() -> None:
    vectors = np.eye(4, dtype=np.float32)
    memory = OkMemory(4, 9)
    fill(memory, vectors, np.array([0, 1, 2, 2]), seed=1)
    assert memory(torch.from_numpy(vectors).t().reshape(1, 4, 1, 4)).isfinite().all()


def test_a_model_is_filled_without_a_change_of_its_weights_or_its_mode(parts: Manifest) -> None:
    """Lightning trains a model in the mode that it finds it in."""
    config = RunConfig.model_validate(
        {
            "model": {"backbone": "test_efficientnet", "weights": "none"},
            "experimental": {"memory": 8},
        }
    )
    model = model_of(config).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    remember(model, parts.split("train"), size=64, seed=1)
    assert model.training and all(module.training for module in model.modules())
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"memory.{name}" for name in ("mean", "spread", "centers", "usual")}
