"""What changes during a run besides the loss weights, which are defined by the strategy."""

import math

from gainspect.config import RunConfig, TrainingConfig


def image_size(config: RunConfig, progress: float) -> int:
    """Progressive learning: image side in pixels, a multiple of 32 that grows to full size in the first half.

    Source: Tan and Le, EfficientNetV2 (ICML 2021), section 4.

    >>> small_first = RunConfig.model_validate({"data": {"size": 256}, "training": {"start_size": 0.5}})
    >>> [image_size(small_first, p) for p in (0.0, 0.25, 0.5, 1.0)]
    [128, 192, 256, 256]
    """
    share = _linear(config.training.start_size, 1.0, min(1.0, progress / 0.5))
    return max(64, 32 * round(config.data.input_size * share / 32))


def augmentation_strength(config: TrainingConfig, progress: float) -> float:
    """Augmentation strength 0…1, growing linearly over the run."""
    return _linear(config.start_strength, config.end_strength, progress)


def learning_rate_factor(step: int, total_steps: int, warmup: float) -> float:
    """Factor on each group's peak learning rate: linear warm-up over `warmup` of the run, then cosine to 0.

    >>> [round(learning_rate_factor(s, 100, 0.1), 2) for s in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warm_steps = round(warmup * total_steps)
    if step < warm_steps:
        return (step + 1) / warm_steps
    return 0.5 * (1 + math.cos(math.pi * (step - warm_steps) / max(1, total_steps - warm_steps)))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
