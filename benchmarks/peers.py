"""Peers on the same parts: segmentation networks that decide by the best pooled score of their map.

Same split, backbone, weights, size, epochs, sampler and augmentation (S9's, transplants too) as the runs
in --work (made by `mt.py`), judged through the same Inspector. The plain classifier is S1 of --work: behind
global average pooling and one linear layer, Grad-CAM of the margin is the CAM divided by the number of cells,
so its row is both.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from numpy.typing import NDArray
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.utils.data import default_collate

from gainspect import losses
from gainspect.config import RunConfig, load_config
from gainspect.data.dataset import Sample, TrainingSet, batches, epoch_order
from gainspect.data.load import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.evaluation.compare import row_of
from gainspect.evaluation.evaluate import judge, read_doubtful, save, summarize
from gainspect.evaluation.operating_point import map_thresholds
from gainspect.metrics.classification import average_precision, operating_threshold
from gainspect.models.backbone import Backbone
from gainspect.models.gain_mtl import mask_at
from gainspect.models.weights import load_weights
from gainspect.runtime.inspector import Inspector
from gainspect.strategies import STRATEGIES
from gainspect.training.fit import complete_split
from gainspect.training.schedule import augmentation_strength, image_size, learning_rate_factor
from results_table import markdown, save_json
from results_table import save as save_table

NETS = {"U-Net": smp.Unet, "FPN": smp.FPN}

POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "maximum": lambda flat: flat.amax(1),
    "mean of the top 0.1 %": lambda flat: flat.topk(max(1, flat.shape[1] // 1000)).values.mean(1),
    "mean of the top 1 %": lambda flat: flat.topk(max(1, flat.shape[1] // 100)).values.mean(1),
    "mean": lambda flat: flat.mean(1),
}
"""(B, pixels) probabilities → (B,) score. Validation picks one."""


class Segmenter(nn.Module):
    """A segmentation network with normalization inside: (B, H, W, 3) images → (B, 1, H, W) logits."""

    def __init__(self, kind: str, config: RunConfig) -> None:
        super().__init__()
        name = config.model.backbone
        donor = Backbone(name)
        self.origin = load_weights(donor, name, config.model.weights)
        self.net = NETS[kind](f"tu-{name}", encoder_weights=None, classes=1)
        encoder = self.net.encoder.model
        known = donor.net.state_dict()
        encoder.load_state_dict({key: known[key] for key in encoder.state_dict()})
        self.register_buffer("mean", donor.mean)
        self.register_buffer("std", donor.std)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32."""
        return self.net((images.permute(0, 3, 1, 2).float() - self.mean) / self.std).float()


class SegmenterBackend:
    """A `runtime.Backend` over a `Segmenter`: its map is the evidence, and pooled the score."""

    def __init__(self, model: Segmenter, size: int, pool: str) -> None:
        self.model = model
        self.size = size
        self.pool = pool

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Judge (B, S, S, 3) images."""
        self.model.eval()
        found = self.model(torch.from_numpy(images).to(self.model.mean.device)).sigmoid().squeeze(1)
        score = POOLS[self.pool](found.flatten(1))
        return {
            "score": score.cpu().numpy(),
            "evidence": found.cpu().numpy(),
            "localization": found.cpu().numpy(),
        }


def main() -> None:
    """Train, judge, print and save."""
    options = _options()
    config = load_config(options.config, {"model.backbone": options.backbone})
    manifest = complete_split(config, load_manifest(options.data))
    suspects = options.data / "suspect_labels.csv"
    doubtful = read_doubtful(suspects) if suspects.is_file() else frozenset()
    rows = [peer(kind, config, manifest, options.work, doubtful) for kind in options.peers.split(",")]
    tables = []
    for title in rows[0]["figures"]:
        lines = [{"peer": row["peer"], **_legible(row["figures"][title])} for row in rows]
        tables.append(f"## {title[0].upper()}{title[1:]}\n\n{markdown(lines)}")
    chosen = "".join(
        f"{row['peer']}: score = {row['pool']} (validation), epoch {row['epoch']}.\n\n" for row in rows
    )
    text = chosen + "\n".join(tables)
    print(text)
    setting = f"{config.model.backbone}, {config.data.size} px, {config.training.epochs} epochs"
    title = f"Peers on Magnetic Tile: {setting}"
    print("Saved:", save_table(options.name, title, text), save_json(options.name, rows))


def peer(
    kind: str, config: RunConfig, manifest: Manifest, work: Path, doubtful: frozenset[str]
) -> dict[str, Any]:
    """Train (or take from --work what is trained) and judge one peer on the test part."""
    folder = work / f"peer-{kind}"
    kept = folder / "result.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text()))
    started = time.monotonic()
    model, chosen = train(kind, config, manifest)
    seconds = round(time.monotonic() - started, 1)
    backend = SegmenterBackend(model, config.data.size, chosen["pool"])
    validated = judge(Inspector(backend, threshold=0.5), manifest.split("val"))
    threshold = operating_threshold(validated.scores, validated.labels, config.training.target_recall)
    judged = judge(Inspector(backend, threshold=threshold), manifest.split("test"))
    thresholds = map_thresholds(validated)
    summaries = {
        "all labels": summarize(judged, map_thresholds=thresholds),
        "without doubtful labels": summarize(judged, exclude=doubtful, map_thresholds=thresholds),
    }
    save(judged, folder, summaries)
    figures = {
        title: row_of(kind, config.training.seed, s, seconds).figures for title, s in summaries.items()
    }
    row = {"peer": kind, "weights": model.origin, "seconds": seconds, **chosen, "figures": figures}
    kept.write_text(json.dumps(row, indent=2))
    return row


def train(kind: str, config: RunConfig, manifest: Manifest) -> tuple[Segmenter, dict[str, Any]]:
    """The weight average of the epoch and the pool with the best average precision on validation."""
    settings = config.training
    torch.manual_seed(settings.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Segmenter(kind, config).to(device)
    average = ModelEmaV3(model, decay=settings.ema, use_warmup=True)
    part = manifest.split("train")
    data = TrainingSet(part, settings.seed, transplants=STRATEGIES["S9"].transplants)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    per_epoch = len(part.parts) // settings.batch_size
    step, best = 0, {"ap": -1.0}
    state: dict[str, Tensor] = {}
    for epoch in range(settings.epochs):
        progress = epoch / max(1, settings.epochs - 1)
        order = epoch_order(
            part.labels, balanced=settings.sampler == "balanced", seed=settings.seed, epoch=epoch
        )
        drawn = batches(
            order,
            settings.batch_size,
            epoch=epoch,
            size=image_size(config, progress),
            strength=augmentation_strength(settings, progress),
        )
        model.train()
        for draws in drawn:
            batch = Sample(*(value.to(device) for value in default_collate([data[draw] for draw in draws])))
            for group in optimizer.param_groups:
                group["lr"] = settings.lr * learning_rate_factor(
                    step, per_epoch * settings.epochs, settings.warmup
                )
            logits = model(batch.image)
            target = mask_at(batch.mask, logits.shape[-2:])
            found = torch.where(batch.has_mask, losses.localization(logits, target), 0.0)
            quiet = torch.where(~batch.target, losses.silence(logits), 0.0)
            loss = found.sum() / batch.has_mask.sum().clamp_min(1) + quiet.sum() / (
                ~batch.target
            ).sum().clamp_min(1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            optimizer.step()
            step += 1
            average.update(model, step=step)
        for pool in POOLS:
            backend = SegmenterBackend(average.module, config.data.size, pool)
            judged = judge(Inspector(backend, threshold=0.5), manifest.split("val"))
            ap = average_precision(judged.scores, judged.labels) or 0.0
            if ap > best["ap"]:
                best = {"epoch": epoch + 1, "pool": pool, "ap": ap}
                state = {key: value.clone() for key, value in average.module.state_dict().items()}
        print(f"{kind} epoch {epoch + 1}: best so far {best}", flush=True)
    model.load_state_dict(state)
    return model, best


def _legible(figures: dict[str, float | None]) -> dict[str, object]:
    return {name: "–" if value is None else value for name, value in figures.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the Magnetic Tile folder")
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs of mt.py")
    parser.add_argument("--config", type=Path, help="YAML with the settings of those runs")
    parser.add_argument("--peers", default=",".join(NETS))
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--name", default="peers", help="of the table in benchmarks/results/")
    return parser.parse_args()


if __name__ == "__main__":
    main()
