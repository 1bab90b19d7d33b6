"""Peers on the same parts: U-Net, FPN and a supervised SuperSimpleNet, compared with S9 and S1.

The peers use the same split, backbone, weights, size, epochs, sampler, augmentation (that of S9, including
transplants and repairs) and weight average as the runs in --work (made by `mt.py`), and are evaluated with
the same Inspector. In each epoch, the score with the best average precision on validation is chosen; the
epoch is chosen by gainspect's own rule. The plain classifier is S1 of --work. It has global average pooling
and one linear layer, so the Grad-CAM of its margin is the CAM divided by the number of cells, and its row
stands for both.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.utils.data import default_collate
from torch.utils.flop_counter import FlopCounterMode

from gainspect.config import RunConfig, load_config, save_config
from gainspect.data.importers import load_manifest
from gainspect.data.loading.dataset import Sample, TrainingSet, batches, epoch_order
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.doubtful import read_doubtful
from gainspect.evaluation.saved_verdicts import save_verdicts
from gainspect.evaluation.side_by_side import run_figures
from gainspect.evaluation.summary import summarize
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.evaluation.validation_verdicts import map_thresholds
from gainspect.files import write_json
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.memory import keep_freed_memory
from gainspect.jobs.run_comparison import run_path
from gainspect.metrics.classification import operating_threshold
from gainspect.training.device import device_at_hand
from gainspect.training.free_memory import cache_room
from gainspect.training.run_folder import RunFolder
from gainspect.training.schedule import augmentation_strength, image_size
from gainspect.training.selection import EpochFigures, Selection
from gainspect.training.settle import settle
from gainspect.training.trained import trained_backend
from paired_table import against
from peer_networks import PEERS, Peer, PeerBackend
from results_table import save, save_json

BASE = "S9"
OURS = {"S9": "S9", "S1": "plain classifier, CAM = Grad-CAM"}
"""The runs of --work that the peers are compared with."""


def main() -> None:
    """Train, evaluate, print and save."""
    options = _options()
    given = {"model.backbone": options.backbone, "training.compile": options.compile}
    config = load_config(options.config, given)
    config, manifest, *_ = settle(config, load_manifest(options.data))
    config = config.resolved()
    suspects = options.data / "suspect_labels.csv"
    doubtful = read_doubtful(suspects) if suspects.is_file() else frozenset()
    rows = [peer(kind, config, manifest, options.work, doubtful) for kind in options.peers.split(",")]
    ours = {
        label: RunFolder(run_path(options.work, name, config.training.seed)) for name, label in OURS.items()
    }
    ours |= {label: RunFolder(Path(path)) for label, path in options.beside}
    judged = {label: [run.evaluation_folder()] for label, run in ours.items()}
    judged |= {row["peer"]: [folder_of(options.work, row["peer"])] for row in rows}
    cost = {
        label: gigaflops(trained_backend(run, "cpu"))
        for label, run in ours.items()
        if run.result_file.is_file()
    }
    for row in rows:
        network = PEERS[row["peer"]](config)
        cost[row["peer"]] = gigaflops(PeerBackend(network, config.data.input_size, row["score"]))
    beside = {label: {"GFLOP an image": figure} for label, figure in cost.items()}
    chosen = "".join(f"{row['peer']}: score = {row['score']}, epoch {row['epoch']}.\n\n" for row in rows)
    sections = {"All labels": frozenset[str](), "Without doubtful labels": doubtful}
    tables = [
        f"## {title}\n\n{against(BASE, judged, exclude=left_out, beside=beside)}"
        for title, left_out in sections.items()
    ]
    text = f"Chosen on validation:\n\n{chosen}" + "\n".join(tables)
    print(text)
    setting = f"{config.model.backbone}, {config.data.input_size} px, {config.training.epoch_count} epochs"
    title = f"Peers on Magnetic Tile: {setting}"
    print("Saved:", save(options.name, title, text), save_json(options.name, rows))


def peer(
    kind: str, config: RunConfig, manifest: Manifest, work: Path, doubtful: frozenset[str]
) -> dict[str, Any]:
    """Train one peer (or take it from --work if it is trained) and evaluate it on the test part."""
    folder = folder_of(work, kind)
    kept, settings = folder / "result.json", folder / "config.yaml"
    if kept.is_file():
        if load_config(settings) != config:
            raise GainspectError(
                "the folder contains a peer of another configuration",
                where=folder,
                hint="Choose another --work.",
            )
        return dict(json.loads(kept.read_text()))
    started = time.monotonic()
    torch.manual_seed(config.training.seed)
    model, chosen = train(PEERS[kind](config), config, manifest)
    seconds = round(time.monotonic() - started, 1)
    backend = PeerBackend(model, config.data.input_size, chosen["score"])
    validated = assess(Inspector(backend, threshold=0.5), manifest.split("val"))
    threshold = operating_threshold(validated.scores, validated.labels, config.training.target_recall or 0.98)
    judged = assess(Inspector(backend, threshold=threshold), manifest.split("test"))
    thresholds = map_thresholds(validated)
    summaries = {
        "all labels": summarize(judged, map_thresholds=thresholds),
        "without doubtful labels": summarize(judged, exclude=doubtful, map_thresholds=thresholds),
    }
    save_verdicts(judged, folder, summaries)
    figures = {
        title: run_figures(kind, config.training.seed, s, seconds).figures for title, s in summaries.items()
    }
    row = {"peer": kind, "weights": model.origin, "seconds": seconds, **chosen, "figures": figures}
    save_config(config, settings)
    write_json(kept, row)  # written last: its presence shows that the peer is finished
    return row


def gigaflops(backend: Backend) -> str:
    """GFLOP of the convolutions and matrix products for one image; a multiplication and addition count 2."""
    counter = FlopCounterMode(display=False)
    with counter:
        backend(np.zeros((1, backend.size, backend.size, 3), np.uint8))
    return f"{counter.get_total_flops() / 1e9:.2f}"


def folder_of(work: Path, kind: str) -> Path:
    """The folder of a peer's assessment."""
    return work / f"peer-{kind}"


def train(model: Peer, config: RunConfig, manifest: Manifest) -> tuple[Peer, dict[str, Any]]:
    """The averaged weights of the epoch to keep, with the number of the epoch, the score and its figures.

    Without a validation part it is the last epoch, with the first of the peer's scores.
    """
    settings = config.training
    keep_freed_memory()
    if settings.compile:
        model.compile_backbone()
    model.to(device_at_hand())
    average = ModelEmaV3(model, decay=settings.ema, use_warmup=True)
    part = manifest.split("train")
    taught = config.model_copy(update={"strategy": BASE}).resolved().training
    data = TrainingSet(
        part,
        settings.seed,
        transplants=taught.transplants or 0.0,
        repairs=taught.repairs or 0.0,
        room=cache_room(settings.cache_gb),
    )
    validation = manifest.split("val")
    selection = Selection(settings.monitor if validation.parts else None, validation)
    optimizer = model.optimizer(settings)
    peaks = [group["lr"] for group in optimizer.param_groups]
    step = 0
    chosen: dict[str, Any] = {}
    state: dict[str, Tensor] = {}
    for epoch in range(settings.epoch_count):
        progress = epoch / max(1, settings.epoch_count - 1)
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
        data.keep(drawn[0][0].size)
        for draws in drawn:
            batch = Sample(
                *(v.to(model.mean.device) for v in default_collate([data[draw] for draw in draws]))
            )
            steps = settings.epoch_count * len(drawn)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * model.rate(step / steps, steps, settings)
            loss = model.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            optimizer.step()
            step += 1
            average.update(model, step=step)
        score, figures = next(iter(model.scores)), dict[str, float]()
        if validation.parts:
            score, figures = best_score(average.module, validation, config)
        row: EpochFigures = {"epoch": epoch + 1, **figures}
        if selection.keeps(row):
            chosen = {"score": score, "validation": figures, "epoch": epoch + 1}
            state = {key: value.clone() for key, value in average.module.state_dict().items()}
        print(f"epoch {epoch + 1}: {score}, {row} (kept: {chosen['epoch']})", flush=True)
    model.load_state_dict(state)
    return model, chosen


def best_score(peer: Peer, validation: Manifest, config: RunConfig) -> tuple[str, dict[str, float]]:
    """The score with the best average precision, and the validation figures with this score."""
    backend = PeerBackend(peer, config.data.input_size, next(iter(peer.scores)))
    assessment = assess(Inspector(backend, threshold=0.5), validation)
    found: dict[str, dict[str, float]] = {}
    for name, scores in backend.given.items():
        images = zip(assessment.images, scores, strict=True)
        scored = replace(assessment, images=tuple(replace(image, score=score) for image, score in images))
        found[name] = validation_figures(scored, config.training.monitor_recall)
    best = max(found, key=lambda name: found[name]["ap"])
    return best, found[best]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the Magnetic Tile folder")
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs of mt.py")
    parser.add_argument("--config", type=Path, help="YAML with the settings of those runs")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--compile", action="store_true", help="as the setting training.compile")
    parser.add_argument(
        "--beside",
        nargs=2,
        action="append",
        default=[],
        metavar=("LABEL", "RUN"),
        help="a further evaluated run for the table",
    )
    parser.add_argument("--name", default="peers", help="of the table in benchmarks/results/")
    return parser.parse_args()


if __name__ == "__main__":
    main()
