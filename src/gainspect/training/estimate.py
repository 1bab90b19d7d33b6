"""Estimates how long a training will take, from a short measurement before it."""

import copy
import time
from dataclasses import replace

import torch
from torch.utils.data import default_collate

from gainspect.data.loading.dataset import Sample
from gainspect.data.manifest import Manifest
from gainspect.evaluation.assessment import SELECTION, assess
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.training.compiled import compile_backbone
from gainspect.training.task import InspectionTask

_STEPS = 3
"""Number of training steps that are timed."""

_SAMPLE = 16
"""Number of validation images that are timed."""


def estimate(task: InspectionTask, validation: Manifest, *, epochs: int, device: str, bf16: bool) -> float:
    """How many seconds a number of epochs will take on this machine with its current load.

    On several ranks they are those of this one's share, measured while the others wait.

    A few steps at full size with all losses run on a copy of the model, and the fastest one counts (the first
    ones include the warm-up). Then a few validation images are judged. The task is not changed.

    Args:
        task: the task that will be trained.
        validation: its validation part; it may be empty.
        epochs: the number of epochs to estimate.
        device: the device that will be used.
        bf16: whether bfloat16 autocast will be used.
    """
    model = copy.deepcopy(task.model).to(device).train()
    if task.config.training.compile:
        compile_backbone(model)
    draws = task.batches(task.config.training.epoch_count - 1)
    own = task.drawn.share(draws[0])
    loading = step = float("inf")
    for _ in range(_STEPS):
        started = time.perf_counter()
        batch = Sample(*(value.to(device) for value in default_collate([task.data[d] for d in own])))
        loading, started = min(loading, time.perf_counter() - started), time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            total, _ = task.objective(model, batch, progress=1.0)
        torch.autograd.backward(total)
        total.item()  # waits for the device
        step = min(step, time.perf_counter() - started)
    # Worker processes load images during the steps; without them, loading comes before each step.
    per_step = max(step, loading / task.workers) if task.workers else step + loading
    if not validation.parts:
        return epochs * len(draws) * per_step
    sample = replace(validation, parts=validation.parts[:_SAMPLE])
    started = time.perf_counter()
    seen = task.config.data
    backend = TorchBackend(model, seen.input_size, device, bf16=bf16 and device == "cuda")
    inspector = Inspector(backend, threshold=0.5, tiling=seen.tiling)
    assess(inspector, sample, scope=SELECTION)
    judging = (time.perf_counter() - started) / len(sample.parts)
    return epochs * (len(draws) * per_step + len(validation.parts) * judging / task.ranks.count)
