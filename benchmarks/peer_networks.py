"""Networks of other libraries, in the form in which `peers.py` trains and evaluates them."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar
from unittest.mock import patch

import numpy as np
import segmentation_models_pytorch as smp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from gainspect.config import RunConfig, TrainingConfig
from gainspect.data.loading.dataset import Sample
from gainspect.models import losses
from gainspect.models.backbone import Backbone
from gainspect.models.gain_mtl import mask_at
from gainspect.models.weights import load_weights
from gainspect.training.initial import frozen_stages
from gainspect.training.objective import mean_of
from gainspect.training.schedule import learning_rate_factor
from gainspect.training.task import adamw

Scores = dict[str, Callable[[Tensor, Tensor], Tensor]]
"""Score functions by name: (own score (B,), map as probabilities (B, H, W)) → score (B,)."""


class Peer(nn.Module, ABC):
    """A network that gives a map and a score, with the same backbone and weights as gainspect."""

    scores: ClassVar[Scores]
    """Ways to score an image; one is chosen on validation, and without it the first is taken."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        donor = Backbone(config.model.backbone)
        self.origin = load_weights(donor, config.model.backbone, config.model.weights)
        self.donor = (donor,)  # in a tuple: its modules become the network's, and one averages each once
        self.register_buffer("mean", donor.mean)
        self.register_buffer("std", donor.std)

    @abstractmethod
    def loss(self, batch: Sample) -> Tensor:
        """The loss of a batch of training images."""

    @abstractmethod
    def optimizer(self, settings: TrainingConfig) -> torch.optim.Optimizer:
        """The optimizer, with the peak learning rate of each parameter group."""

    @abstractmethod
    def rate(self, progress: float, steps: int, settings: TrainingConfig) -> float:
        """Factor on the peak learning rates at `progress` (0…1) of `steps` steps."""

    @abstractmethod
    def assess(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, H, W, 3) images → the network's own score (B,) and its map as probabilities (B, H, W)."""

    def compile_backbone(self) -> None:
        """Compile the trained part of the backbone with torch.compile."""

    def normalized(self, images: Tensor) -> Tensor:
        """(B, H, W, 3) in 0…255 → (B, 3, H, W), normalized for the backbone."""
        return (images.permute(0, 3, 1, 2).float() - self.mean) / self.std


class Segmenter(Peer):
    """A network of segmentation-models-pytorch, trained with loss and learning rates of S9's localization."""

    scores: ClassVar[Scores] = {
        "mean of the top 0.1 %": lambda _, found: _mean_of_top(found, 1000),
        "maximum": lambda own, _: own,
        "mean of the top 1 %": lambda _, found: _mean_of_top(found, 100),
        "mean": lambda _, found: found.flatten(1).mean(1),
    }

    def __init__(self, architecture: type[nn.Module], config: RunConfig) -> None:
        super().__init__(config)
        self.net = architecture(f"tu-{config.model.backbone}", encoder_weights=None, classes=1)
        encoder = self.net.encoder.model
        for name, _ in list(encoder.named_children()):  # the same modules, so that timm knows their groups
            setattr(encoder, name, self.donor[0].net.get_submodule(name))
        self.donor[0].freeze(frozen_stages(config, self.donor[0]))

    @override
    def train(self, mode: bool = True) -> "Segmenter":
        super().train(mode)
        self.donor[0].train(mode)  # in which frozen stages stay in evaluation mode
        return self

    @override
    def loss(self, batch: Sample) -> Tensor:
        logits = self._logits(batch.image)
        target = mask_at(batch.mask, logits.shape[-2:])
        found = mean_of(losses.localization(logits, target), batch.has_mask)
        return found + mean_of(losses.silence(logits), ~batch.target)

    @override
    def optimizer(self, settings: TrainingConfig) -> torch.optim.Optimizer:
        heads = [module for name, module in self.net.named_children() if name != "encoder"]
        return adamw(self.donor[0].net, heads, settings)

    @override
    def rate(self, progress: float, steps: int, settings: TrainingConfig) -> float:
        return learning_rate_factor(round(progress * steps), steps, settings.warmup)

    @override
    def compile_backbone(self) -> None:
        self.net.encoder.model.compile()

    @override
    def assess(self, images: Tensor) -> tuple[Tensor, Tensor]:
        found = self._logits(images).sigmoid().squeeze(1)
        return found.flatten(1).amax(1), found

    def _logits(self, images: Tensor) -> Tensor:
        return self.net(self.normalized(images)).float()


class SuperSimpleNet(Peer):
    """The supervised SuperSimpleNet of anomalib: features are frozen; noise in them gives additional defects.

    Loss, optimizer, learning rates and their steps are those of `Supersimplenet(supervised=True)` in
    anomalib 2.7.
    """

    scores: ClassVar[Scores] = {"its own": lambda score, _: score}

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of anomalib's own imports
            # Here, as machines that train no SuperSimpleNet need no anomalib.
            from anomalib.models.image.supersimplenet import torch_model
            from anomalib.models.image.supersimplenet.loss import SSNLoss
        # anomalib would load ImageNet weights from the hub; here they have the same source as gainspect's.
        with patch.object(torch_model, "TimmFeatureExtractor", MiddleStages):
            self.net = torch_model.SupersimplenetModel(backbone=self.donor[0], stop_grad=False)
        self.criterion = SSNLoss()

    @override
    def loss(self, batch: Sample) -> Tensor:
        known = batch.has_mask | ~batch.target
        marked = (batch.mask[known], batch.target[known].float())
        found, score, masks, labels = self.net(self.normalized(batch.image[known]), *marked)
        return self.criterion(found, score, masks, labels)

    @override
    def optimizer(self, settings: TrainingConfig) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            [
                {"params": self.net.adaptor.parameters(), "lr": 1e-4},
                {"params": self.net.segdec.parameters(), "lr": 2e-4, "weight_decay": 1e-5},
            ]
        )

    @override
    def rate(self, progress: float, steps: int, settings: TrainingConfig) -> float:
        return 0.4 ** sum(progress >= milestone for milestone in (0.8, 0.9))

    @override
    def assess(self, images: Tensor) -> tuple[Tensor, Tensor]:
        result = self.net(self.normalized(images))
        return result.pred_score, result.anomaly_map.squeeze(1)


class MiddleStages(nn.Module):
    """Features at strides 8 and 16, as `TimmFeatureExtractor` would give them."""

    def __init__(self, backbone: Backbone, layers: list[str]) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) normalized → (B, C, h, w) by name."""
        _, (_, c3, c4, _) = self.backbone.net.forward_intermediates(images, indices=self.backbone.indices)
        return {"stride 8": c3, "stride 16": c4}


PEERS: dict[str, Callable[[RunConfig], Peer]] = {
    "U-Net": lambda config: Segmenter(smp.Unet, config),
    "FPN": lambda config: Segmenter(smp.FPN, config),
    "SuperSimpleNet": SuperSimpleNet,
}


class PeerGraph(nn.Module):
    """Score and map of a `Peer`, with the interface of an `InspectionGraph`."""

    outputs = ("score", "evidence")

    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self.peer = peer

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, S, 3) uint8 → score (B,) and map (B, S, S), by the first of the peer's score functions."""
        own, found = self.peer.assess(images)
        return next(iter(self.peer.scores.values()))(own, found), found


def peer_graph(name: str, config: RunConfig) -> PeerGraph:
    """The graph of one of `PEERS`."""
    return PeerGraph(PEERS[name](config))


class PeerBackend:
    """A `Backend` of a `Peer`: the peer's map is the evidence; `score` is the name of the score function."""

    runtime = "torch"
    precision = "f32"

    def __init__(self, peer: Peer, size: int, score: str) -> None:
        self.peer = peer
        self.size = size
        self.score = score
        self.given: dict[str, list[float]] = {name: [] for name in peer.scores}
        """All scores of the images so far, by name of the score function."""

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The predictions for (B, S, S, 3) images."""
        own, found = self.peer.eval().assess(torch.from_numpy(images).to(self.peer.mean.device))
        scores = {name: score(own, found).cpu().numpy() for name, score in self.peer.scores.items()}
        for name, values in scores.items():
            self.given[name] += values.tolist()
        maps = found.cpu().numpy()
        return {"score": scores[self.score], "evidence": maps, "localization": maps}


def _mean_of_top(found: Tensor, share: int) -> Tensor:
    flat = found.flatten(1)
    return flat.topk(max(1, flat.shape[1] // share)).values.mean(1)
