"""PatchCore of anomalib on the same features: it knows OK parts only, and is not trained."""

import warnings
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from torch import Tensor

from gainspect.config import RunConfig
from gainspect.data.framing import letterbox
from gainspect.data.manifest import Manifest, Part
from gainspect.models.backbone import Backbone
from gainspect.models.weights import load_weights
from gainspect.training.device import device_at_hand
from gainspect.types import Label
from peer_networks import MiddleStages

PATCHCORE = "PatchCore"
PATCHES, KEPT, HELD_OUT, FALSE_ALARMS = 50_000, 0.1, 10, 0.05
"""So many patches are drawn at most, and this share of them is kept as the coreset; one in ten groups of OK
parts is held out, and of its images this share is called NG."""


class PatchCore:
    """A `Backend`: how far the patches of an image are from those of OK parts.

    Of strides 8 and 16 of the frozen backbone, with anomalib's own map and score. A score d becomes
    d / (d + r), where r is the score that 5 % of held-out OK images exceed, so that the threshold is 0.5; so
    does the map, less its median in these images. It knows nine in ten groups of OK parts, and as the greedy
    choice of a coreset takes long on a CPU, it is made among patches drawn at random: of several hundred
    images it keeps fewer than the tenth that anomalib keeps.
    """

    runtime = "torch"
    precision = "f32"

    def __init__(self, config: RunConfig) -> None:
        self.size = config.data.input_size
        self.tiled = config.data.tiling is not None
        self.seed = config.training.seed
        donor = Backbone(config.model.backbone)
        load_weights(donor, config.model.backbone, config.model.weights)
        self.mean, self.std = donor.mean.to(device_at_hand()), donor.std.to(device_at_hand())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of anomalib's own imports
            # Here, as machines that have no such row need no anomalib.
            from anomalib.models.components import KCenterGreedy
            from anomalib.models.image.patchcore import torch_model
        stages = partial(_stages, donor)
        with patch.object(torch_model, "TimmFeatureExtractor", stages):
            self.net = torch_model.PatchcoreModel(["stride 8", "stride 16"], pre_trained=False).eval()
        self.net.to(device_at_hand())
        self.coreset = KCenterGreedy
        self.reference, self.usual = 1.0, 0.0

    def learn(self, manifest: Manifest) -> "PatchCore":
        """Remember the OK parts of the training.

        Raises:
            ValueError: the parts are inspected in tiles, which it does not know.
        """
        if self.tiled:
            raise ValueError("PatchCore sees images whole: leave data.tile out.")
        good = [part for part in manifest.split("train").parts if part.label is Label.OK]
        groups = [part.group for part in good]
        folds = GroupKFold(min(HELD_OUT, len(set(groups))), shuffle=True, random_state=self.seed)
        known, held_out = next(folds.split(good, groups=groups))
        torch.manual_seed(self.seed)
        np.random.seed(self.seed)  # of the random projection in which anomalib chooses
        patches = torch.cat([self._embedding(self._framed(manifest, good[index])).cpu() for index in known])
        drawn = patches[torch.randperm(len(patches))[:PATCHES]]
        self.net.memory_bank = self.coreset(drawn.to(self.mean.device), KEPT).sample_coreset()
        found = [self._found(self._framed(manifest, good[index])) for index in held_out]
        self.reference = float(np.quantile([float(score) for score, _ in found], 1 - FALSE_ALARMS))
        self.usual = float(torch.stack([distances.median() for _, distances in found]).median())
        return self

    @property
    def full(self) -> "PatchCore":
        """With as many patches as it keeps at most, to count its computation."""
        width = self._embedding(np.zeros((1, self.size, self.size, 3), np.uint8)).shape[1]
        self.net.memory_bank = torch.zeros(round(PATCHES * KEPT), width, device=self.mean.device)
        return self

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The predictions for (B, S, S, 3) images."""
        scores, maps = self._found(images)
        return {
            name: (found / (found + self.reference)).cpu().numpy()
            for name, found in (("score", scores), ("evidence", (maps - self.usual).clamp_min(0)))
        }

    @torch.inference_mode()
    def _found(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Distances of (B, S, S, 3) images: of the whole (B,), and their map (B, S, S)."""
        found = self.net(self._normalized(images))
        return found.pred_score, found.anomaly_map.squeeze(1)

    def _framed(self, manifest: Manifest, part: Part) -> NDArray[np.uint8]:
        """(1, S, S, 3), as the Inspector shows it."""
        return letterbox(manifest.image(part), self.size)[0][None]

    @torch.inference_mode()
    def _embedding(self, images: NDArray[np.uint8]) -> Tensor:
        features = self.net.feature_extractor(self._normalized(images))
        pooled = {name: self.net.feature_pooler(of) for name, of in features.items()}
        return self.net.reshape_embedding(self.net.generate_embedding(pooled))

    def _normalized(self, images: NDArray[np.uint8]) -> Tensor:
        pixels = torch.from_numpy(images).to(self.mean.device).permute(0, 3, 1, 2).float()
        return (pixels - self.mean) / self.std


def _stages(donor: Backbone, backbone: str, pre_trained: bool, layers: list[str]) -> MiddleStages:
    """What anomalib calls `TimmFeatureExtractor` with, and ours in its place."""
    return MiddleStages(donor, layers)
