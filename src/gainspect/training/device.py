"""Where a training runs."""

import torch


def device_at_hand() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
