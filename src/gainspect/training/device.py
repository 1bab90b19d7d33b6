"""The device that a training runs on."""

import torch


def device_at_hand() -> str:
    """The name of the device: "cuda" if there is a GPU, otherwise "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
