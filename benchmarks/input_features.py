"""Which features and which distance tell disturbed images from OK ones? Cross-validated, without a test part.

Of the OK images of the training part of each set, three in five groups are what is known, one in five fits
the limit (as `evaluation.input_limits` does for one figure), and one in five is new; in several rounds.
"false REVIEW" is the share of the new images beyond the limit, "noticed" that of the same images after each
of the disturbances of inputs.py. The backbone has its ImageNet weights, so that it knows no image of the set
better than another. Mahalanobis: `models.familiarity`. Nearest: the Euclidean distance to the nearest known
image, of figures of equal spread.
"""

import argparse
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gainspect.data.framing import letterbox
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Part
from gainspect.evaluation.input_limits import fit_inputs
from gainspect.models.backbone import Backbone
from gainspect.models.familiarity import Familiarity
from gainspect.models.weights import load_weights
from gainspect.types import Image, Label
from inputs import KINDS
from results_table import markdown, save

Figures = NDArray[np.float32]
Distance = Callable[[Figures], NDArray[np.float64]]

LEVELS = {"stride 8": (1,), "stride 16": (2,), "stride 32": (3,), "strides 8 and 16": (1, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="data folders with a training part")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--images", type=int, default=150, help="most OK images of a set")
    parser.add_argument("--disturbed", type=int, default=30, help="most of these that are disturbed")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    backbone = Backbone(options.backbone).eval()
    load_weights(backbone, options.backbone, options.weights)
    rows: list[dict[str, object]] = []
    for data in options.data:
        found = _Set(backbone, data, options.size, options.images, options.disturbed)
        for (name, levels), spread, distance in product(LEVELS.items(), (False, True), DISTANCES):
            figures = f"{name}, mean{' and deviation' if spread else ''}"
            row = {"set": data.name, "features": figures, "distance": distance}
            rows.append(row | found.compare(levels, spread, DISTANCES[distance], options.rounds))
        print(markdown(rows), flush=True)
    text = f"{' '.join((__doc__ or '').split())}\n\n{markdown(rows)}"
    print("Saved:", save("input_features", f"Features for the input check: {options.backbone}", text))


class _Set:
    """Features of the OK images of a training part, as they are and disturbed."""

    def __init__(self, backbone: Backbone, data: Path, size: int, most: int, disturbed: int) -> None:
        manifest = load_manifest(data).split("train")
        parts = [part for part in manifest.parts if part.label is Label.OK]
        parts = [parts[place] for place in _spread(len(parts), most)]
        images = [manifest.image(part) for part in parts]
        self.groups = _groups(parts)
        self.chosen = np.array(_spread(len(parts), disturbed))
        self.plain = _features(backbone, images, size)
        self.disturbed = [
            _features(backbone, [disturb(images[place]) for place in self.chosen], size)
            for disturb in KINDS.values()
        ]

    def compare(
        self, levels: tuple[int, ...], spread: bool, fit: Callable[[Figures], Distance], rounds: int
    ) -> dict[str, object]:
        """Shares of plain and of disturbed images beyond the limit, over all rounds."""
        plain = _chosen(self.plain, levels, spread)
        disturbed = [_chosen(features, levels, spread) for features in self.disturbed]
        alarms: list[float] = []
        noticed: list[float] = []
        for seed in range(rounds):
            fold = np.random.default_rng(seed).permutation(np.arange(self.groups.max() + 1) % 5)[self.groups]
            distance = fit(plain[fold < 3])
            policy = fit_inputs([{"distance": float(d)} for d in distance(plain[fold == 3])], (), "val")
            assert policy is not None
            limit = policy.ranges["distance"].high
            assert limit is not None
            alarms += list(distance(plain[fold == 4]) > limit)
            new = fold[self.chosen] == 4
            for figures in disturbed:
                noticed += list(distance(figures[new]) > limit)
        return {"false REVIEW": f"{np.mean(alarms):.1%}", "noticed": f"{np.mean(noticed):.1%}"}


def _groups(parts: list[Part]) -> NDArray[np.int64]:
    """A number for each group."""
    return np.unique([part.group for part in parts], return_inverse=True)[1].astype(np.int64)


def _spread(count: int, most: int) -> list[int]:
    return [int(place) for place in np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))]


@torch.inference_mode()
def _features(backbone: Backbone, images: list[Image], size: int) -> list[tuple[Figures, Figures]]:
    """Mean and deviation over all places of each channel, by level of the pyramid."""
    found = []
    for image in images:
        pyramid = backbone(torch.from_numpy(letterbox(image, size)[0][None])).pyramid
        found.append([(level.mean((2, 3)), level.std((2, 3), correction=0)) for level in pyramid])
    return [
        (
            torch.cat([one[level][0] for one in found]).numpy(),
            torch.cat([one[level][1] for one in found]).numpy(),
        )
        for level in range(len(found[0]))
    ]


def _chosen(features: list[tuple[Figures, Figures]], levels: tuple[int, ...], spread: bool) -> Figures:
    return np.concatenate([kind for level in levels for kind in features[level][: 1 + spread]], axis=1)


def _mahalanobis(known: Figures) -> Distance:
    found = Familiarity.of(known)
    center, whitening = found.center.numpy(), found.whitening.numpy()
    return lambda new: np.sqrt((((new - center) @ whitening) ** 2).mean(axis=1))


def _nearest(known: Figures) -> Distance:
    center, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.hypot(spread, 0.1 * np.median(spread)) + np.finfo(np.float32).eps
    scaled = (known - center) / spread
    return lambda new: np.array(
        [np.sqrt(((one - scaled) ** 2).mean(axis=1)).min() for one in (new - center) / spread]
    )


DISTANCES: dict[str, Callable[[Figures], Distance]] = {"Mahalanobis": _mahalanobis, "nearest": _nearest}


if __name__ == "__main__":
    main()
