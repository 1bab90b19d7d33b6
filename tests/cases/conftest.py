"""What cases share: the command line in this process, and an inspector that needs no training."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gainspect.cli import main
from gainspect.inspection.inspector import Inspector
from gainspect.policy import HeatScale


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line in this process."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["gainspect", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Result(int(ended.value.code or 0), captured.out, captured.err)

    return call


class _Brightness:
    """P(NG) is the mean brightness; the evidence is the grey value."""

    size, runtime, precision = 32, "fake", "f32"

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        grey = images.astype(np.float32).mean(axis=3) / 255
        return {"score": grey.mean(axis=(1, 2)), "evidence": grey}


@pytest.fixture
def any_bundle(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that `gainspect inspect` takes for a bundle."""

    def load(*_: object, **__: object) -> Inspector:
        inspector = Inspector(_Brightness(), threshold=0.5, region_threshold=0.5, batch_size=3)
        policy = SimpleNamespace(heat_scale=lambda: HeatScale(cold=0.1, hot=0.9))
        inspector.bundle = SimpleNamespace(sha256="0", description=SimpleNamespace(policy=policy))  # type: ignore[assignment]
        return inspector

    monkeypatch.setattr(Inspector, "load", load)
    return "any.gain"
