"""Fills a model's memory of OK parts, before its training."""

import numpy as np
import torch
from numpy.typing import NDArray

from gainspect.data.loading.dataset import Draw, TrainingSet, share_of
from gainspect.data.manifest import Manifest
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.ok_memory import OkMemory
from gainspect.types import MEMORY_SHARES, Label

_VIEWS = 4
"""Each image is looked at so often, turned and mirrored as in training."""
_VECTORS = 60_000
"""At most so many features are clustered, drawn at random."""
_BATCH = 16
Vectors = NDArray[np.float32]


def remember(model: GainMTL, manifest: Manifest, *, size: int, seed: int) -> None:
    """Fill the memory from the OK parts of a training; else the model stays as it is.

    Args:
        model: with a memory, and with the weights that it begins with, of which C3 must not change.
        manifest: the training part.
        size: side of the frame, pixels.
        seed: draws the views and the vectors.

    Raises:
        GainspectError: an image cannot be read.
    """
    memory = model.memory
    assert memory is not None
    parts = [index for index, part in enumerate(manifest.parts) if part.label is Label.OK]
    data = TrainingSet(manifest, seed)
    draws = [Draw(part, 0, view, size, 0.0) for part in parts for view in range(_VIEWS)]
    rng = np.random.default_rng((seed, len(draws)))
    kept = max(1, _VECTORS // len(draws))
    found: list[Vectors] = []
    training = model.training
    model.eval()
    with torch.inference_mode():
        for some in (draws[at : at + _BATCH] for at in range(0, len(draws), _BATCH)):
            images = torch.stack([data[draw].image for draw in some])
            level = memory.standardized(model.backbone(images).pyramid[1])
            found += [
                one[:, rng.permutation(one.shape[1])[:kept]].T for one in level.flatten(2).cpu().numpy()
            ]
    model.train(training)
    share = np.repeat([share_of(manifest.parts[draw.part].group) for draw in draws], [len(f) for f in found])
    fill(memory, np.concatenate(found), share, seed)


def fill(memory: OkMemory, vectors: Vectors, share: NDArray[np.intp], seed: int) -> None:
    """Cluster (N, C) vectors of OK parts, each of a share, into the centers of an empty memory."""
    from sklearn.cluster import MiniBatchKMeans

    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    vectors = (vectors - mean) / spread
    count = memory.centers.shape[1]
    for left_out in range(MEMORY_SHARES + 1):
        some = vectors[share != left_out] if (share != left_out).any() else vectors
        clusters = min(count, len(some))
        means = MiniBatchKMeans(clusters, n_init=1, batch_size=4096, max_iter=20, random_state=seed).fit(some)
        centers = np.resize(means.cluster_centers_, (count, vectors.shape[1]))  # repeated if they are fewer
        memory.centers[left_out] = torch.from_numpy(centers.astype(np.float32))
    memory.mean.copy_(torch.from_numpy(mean))
    memory.spread.copy_(torch.from_numpy(spread))
    own = torch.from_numpy(vectors[:4096].astype(np.float32))
    away = torch.cdist(own, memory.centers[MEMORY_SHARES]).amin(dim=1) / vectors.shape[1] ** 0.5
    memory.usual.fill_(max(float(away.mean()), 1e-3))
