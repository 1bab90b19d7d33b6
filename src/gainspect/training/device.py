"""The device that a training runs on, and how exact its arithmetic is."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def device_at_hand() -> str:
    """Return "cuda" if there is a GPU, otherwise "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def arithmetic(*, tf32: bool) -> Iterator[None]:
    """While the block lasts, GPUs multiply float32 in TF32 (10 bits of mantissa, faster), or in full."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    try:
        products.allow_tf32 = convolutions.allow_tf32 = tf32
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before
