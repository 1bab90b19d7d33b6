"""How long a training will take, measured before it."""

import copy
import time

import torch
from torch.utils.data import default_collate

from gainspect.data.dataset import Sample
from gainspect.data.manifest import Manifest
from gainspect.evaluation.evaluate import judge
from gainspect.models.inference import TorchBackend
from gainspect.runtime.inspector import Inspector
from gainspect.training.task import InspectionTask

_SAMPLE = 16
"""Validation images that are timed."""


def estimate(task: InspectionTask, validation: Manifest, *, epochs: int, device: str, bf16: bool) -> float:
    """Seconds that `epochs` epochs will take on this machine as it is now.

    Two steps at full size with all losses are run on a copy of the model, and the second is timed; then the
    judging of a few validation images. The task is left as it was.

    Args:
        task: about to be trained.
        validation: its validation part.
        epochs: how many are to be estimated.
        device: where it will be trained.
        bf16: whether under bfloat16 autocast.
    """
    model = copy.deepcopy(task.model).to(device).train()
    draws = task.batches(task.config.training.epochs - 1)
    loading = step = 0.0
    for _ in range(2):
        started = time.perf_counter()
        batch = Sample(*(value.to(device) for value in default_collate([task.data[d] for d in draws[0]])))
        loading, started = time.perf_counter() - started, time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            total, _ = task.objective(model, batch, progress=1.0)
        torch.autograd.backward(total)
        total.item()  # waits for the device
        step = time.perf_counter() - started
    sample = Manifest(validation.root, validation.parts[:_SAMPLE])
    started = time.perf_counter()
    judge(Inspector(TorchBackend(model, task.config.data.size, device), threshold=0.5), sample)
    judging = (time.perf_counter() - started) / len(sample.parts)
    # Processes that read images work beside the steps, else before them.
    per_step = max(step, loading / task.workers) if task.workers else step + loading
    return epochs * (len(draws) * per_step + len(validation.parts) * judging)


def in_words(seconds: float) -> str:
    """A length of time as people say it.

    >>> in_words(40), in_words(100), in_words(3600 * 2.24)
    ('under a minute', 'about 2 minutes', 'about 2.2 hours')
    """
    if seconds < 55:
        return "under a minute"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{'' if minutes == 1 else 's'}"
    return f"about {seconds / 3600:.1f} hours"
