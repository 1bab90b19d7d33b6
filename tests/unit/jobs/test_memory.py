"""Only a job changes how the process treats its memory."""

import ctypes
from pathlib import Path

import pytest
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.jobs.run_training import run_training
from gainspect.training.launch import train

CONFIG = RunConfig.model_validate(
    {
        "strategy": "S1",
        "data": {"size": 64},
        "model": {"backbone": "test_efficientnet", "weights": "gone.safetensors"},
    }
)
"""Fails when its weights are looked for: late enough, and fast."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was asked of malloc."""
    asked: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, option: int, value: int) -> None:
            asked.append((option, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    monkeypatch.setattr("sys.platform", "linux")
    return asked


def test_the_job_keeps_large_freed_blocks(
    asked: list[tuple[int, int]], parts_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(GainspectError, match="no such weights file"):
        run_training(CONFIG, parts_folder, tmp_path / "run", console=Console(quiet=True))
    assert asked == [(-3, 1 << 30), (-1, (1 << 31) - 1)]  # malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD


def test_a_function_of_the_library_leaves_it_alone(
    asked: list[tuple[int, int]], parts: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(GainspectError, match="no such weights file"):
        train(CONFIG, parts, tmp_path / "run")
    assert not asked
