"""Training in places that are not the main thread of a roomy machine."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.training.launch import train
from gainspect.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

TINY = {
    "strategy": "S1",
    "data": {"size": 64, "val_fraction": 0.3},
    "model": {"backbone": "test_efficientnet", "weights": "none"},
    "training": {"epochs": 1, "batch_size": 7, "workers": 0},
}


def test_off_the_main_thread_a_training_is_the_same(parts: Manifest, tmp_path: Path) -> None:
    config = RunConfig.model_validate(TINY)
    done: list[RunFolder] = []
    thread = threading.Thread(target=lambda: done.append(train(config, parts, tmp_path / "thread")))
    thread.start()
    thread.join()
    assert done, "the training ended with an error"
    expected = train(config, parts, tmp_path / "main")
    assert done[0].best_checkpoint.read_bytes() == expected.best_checkpoint.read_bytes()
    assert done[0].policy() == expected.policy()


def in_little_shared_memory(megabytes: int, *command: str | Path) -> subprocess.CompletedProcess[str]:
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm && exec "$@"'
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "sh", *map(str, command)], capture_output=True, text=True
    )


SCRIPT = """
import sys
from gainspect.training import workers
if sys.argv.pop(1) == "full":
    workers._free_shared_memory = lambda: None  # as if it had been filled only later
from gainspect.cli import main
main()
"""


@pytest.mark.parametrize("moment", ["small", "full"])
def test_workers_without_shared_memory_fall_back_or_are_one_sentence(
    parts_folder: Path, tmp_path: Path, moment: str
) -> None:
    if in_little_shared_memory(1, "true").returncode:
        pytest.skip("a small /dev/shm needs the right to mount one")
    settings = ["training.workers=2", "training.batch_size=20", "data.val_fraction=0.3"]
    options = [part for setting in settings for part in ("--set", setting)]
    quick = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "256", "--epochs", "1"]
    arguments = ["--strategy", "S1", "--data", parts_folder, "--out", tmp_path / "run", "--no-bundle"]
    # A batch has 20 × 256 × 256 × 4 bytes = 5 MiB.
    done = in_little_shared_memory(
        1, sys.executable, "-c", SCRIPT, moment, "train", *arguments, *quick, *options
    )
    assert "Traceback" not in done.stderr
    if moment == "small":
        assert done.returncode == 0, done.stderr
        assert "no worker processes instead of 2: /dev/shm has 1 MiB free" in " ".join(done.stdout.split())
    else:
        assert done.returncode == 2
        said = " ".join(done.stderr.split())
        assert "died or had no room for its batches" in said and "--resume" in said
        assert len(done.stderr.splitlines()) < 10
