"""The cost of guidance: a training step compared with S1, and inference compared with the bare backbone.

Of peers, and of the last strategy once more, the backbone is frozen up to stride 8, as pretrained ones are.
Inference of a strategy is that of its inspection graph, in as many positions as it sees an image in.
All are measured with the same batch in one process, in turns, so that a drift of the machine's speed affects
all equally.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from gainspect.config import ModelConfig, RunConfig, TrainingConfig
from gainspect.data.loading.dataset import Sample
from gainspect.jobs.memory import keep_freed_memory
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.graph import InspectionGraph
from gainspect.strategies import STRATEGIES, curriculum_alpha
from gainspect.training.device import device_at_hand
from gainspect.training.initial import FROZEN_STRIDE
from gainspect.training.objective import named_losses
from peer_networks import PEERS
from results_table import markdown, number, per, save


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--strategies", default="S1,S3,S4,S6,S9")
    parser.add_argument("--peers", default="U-Net", help="U-Net, FPN, both with a comma between, or empty")
    parser.add_argument("--name", default="step_time", help="of the table in benchmarks/results/")
    options = parser.parse_args()
    keep_freed_memory()  # as in training
    device = device_at_hand()
    torch.manual_seed(0)
    batch = _batch(options.batch_size, options.size, device)
    config = ModelConfig(backbone=options.backbone, weights="none")
    models = {name: GainMTL(config, STRATEGIES[name]).to(device) for name in options.strategies.split(",")}
    steps = {name: _training_step(model, batch) for name, model in models.items()}
    last = [*models][-1]
    frozen = GainMTL(config, STRATEGIES[last]).to(device)  # as of pretrained weights
    stages = frozen.backbone.stages_to(FROZEN_STRIDE)
    frozen.backbone.freeze(stages)
    steps[f"{last}, frozen up to stride {FROZEN_STRIDE}"] = _training_step(frozen, batch)
    passes = {
        f"{name} inference": _inference(model, partial(InspectionGraph(model), batch.image))
        for name, model in models.items()
    }
    taught = RunConfig(model=config, training=TrainingConfig(frozen_stages=stages))
    peers = {name: PEERS[name](taught).to(device) for name in options.peers.split(",") if name}
    for name, peer in peers.items():
        steps[f"{name}, frozen up to stride {FROZEN_STRIDE}"] = _step(peer, partial(peer.loss, batch))
        passes[f"{name} inference"] = _inference(peer, partial(peer.assess, batch.image))
    bare = _bare_inference(models["S1"], batch.image)
    step_seconds = _in_turns(steps, options.rounds)
    pass_seconds = _in_turns({"bare timm backbone": bare, **passes}, options.rounds)
    table = (
        _table("training step", step_seconds, "S1")
        + "\n"
        + _table("inference", pass_seconds, "bare timm backbone")
    )
    print(table)
    title = f"Cost of guidance: {options.backbone}, {options.size} px, batch {options.batch_size}"
    print("Saved:", save(options.name, title, table))


def _batch(count: int, size: int, device: str) -> Sample:
    image = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, device=device)
    mask = torch.zeros(count, size, size, dtype=torch.uint8, device=device)
    mask[:, 32:64, 32:64] = 1
    target = torch.arange(count, device=device) % 2 == 0
    outlined = torch.zeros_like(target)
    turned = torch.full(target.shape, torch.nan, device=device)
    return Sample(image, mask, target, target, torch.zeros_like(mask), outlined, turned)


def _training_step(model: GainMTL, batch: Sample) -> Callable[[], None]:
    weights = model.strategy.weights_at(1.0)

    def loss() -> Tensor:
        output = model(batch.image, batch.mask, batch.has_mask, curriculum_alpha(0.5))
        named = named_losses(output, batch, weights, alpha=0.5, gamma=2.0)
        return torch.stack([weights[name] * value for name, value in named.items()]).sum()

    return _step(model, loss)


def _step(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        model.train()
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def _inference(model: nn.Module, judge: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        model.eval()
        with torch.inference_mode():
            judge()

    return run


def _bare_inference(model: GainMTL, images: Tensor) -> Callable[[], None]:
    net = model.backbone.net
    pixels = (images.permute(0, 3, 1, 2).float() - 127.5) / 127.5
    return _inference(net, partial(net, pixels))


def _in_turns(work: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, run in work.items():
            started = time.perf_counter()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _table(title: str, seconds: dict[str, list[float]], base: str) -> str:
    rows = []
    for name, times in seconds.items():
        turns = (per(mine, theirs) for mine, theirs in zip(times, seconds[base], strict=True))
        ratios = [ratio for ratio in turns if ratio is not None]
        rows.append(
            {
                title: name,
                "median s": statistics.median(times),
                f"ratio to {base} (median)": number(statistics.median(ratios) if ratios else None),
                "min ratio": number(min(ratios, default=None)),
                "max ratio": number(max(ratios, default=None)),
            }
        )
    return markdown(rows)


if __name__ == "__main__":
    main()
