"""Checkpoints without pickle: tensors in a safetensors file, everything else as JSON in its header."""

import json
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gainspect.errors import GainspectError
from gainspect.files import atomic_path


class SafetensorsIO(CheckpointIO):
    """Lets Lightning save to and resume from one safetensors file, which is written atomically."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a nested checkpoint of tensors and plain values."""
        del storage_options
        save_state(checkpoint, Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint. No code is executed, so `weights_only` has no effect."""
        del map_location, weights_only
        state: dict[str, Any] = load_state(Path(path))
        return state

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


def save_state(state: Any, path: Path) -> None:
    """Write nested dicts, lists, tuples, plain values and tensors.

    Raises:
        TypeError: the state contains another type.
        GainspectError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    structure = _encode(state, tensors)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"structure": json.dumps(structure)})


def load_state(path: Path) -> Any:
    """Read what `save_state` wrote.

    Raises:
        GainspectError: the file is missing, damaged, or not such a checkpoint.
    """
    if not path.is_file():
        raise GainspectError(
            "there is no such checkpoint", where=path, hint="Give a run folder of a training."
        )
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            return _decode(json.loads(file.metadata()["structure"]), tensors)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise GainspectError(
            f"the checkpoint is damaged or was not written by gainspect ({error})",
            where=path,
            hint="Train again, or restore the file from a copy.",
        ) from error


def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON, with tags for what JSON cannot express: tensors, tuples, and dicts whose keys are not text."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        # A clone, because safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[_encode(k, tensors), _encode(v, tensors)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, tensors) for item in value]}
    if isinstance(value, list):
        return {"list": [_encode(item, tensors) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot contain a {type(value).__name__}")


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    (tag, content), *_ = value.items()
    if tag == "tensor":
        return tensors[content]
    if tag == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in content}
    items = [_decode(item, tensors) for item in content]
    return tuple(items) if tag == "tuple" else items


def device_of(module: torch.nn.Module) -> torch.device:
    """The device of a module's parameters."""
    return next(module.parameters()).device
