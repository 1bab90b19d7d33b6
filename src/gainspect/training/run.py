"""The run folder: everything one training used and made, so that anyone can repeat or resume it."""

import json
import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from gainspect.config import RunConfig, load_config, save_config
from gainspect.data.load import load_manifest
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.errors import GainspectError
from gainspect.files import write_json
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.inference import TorchBackend
from gainspect.runtime.inspector import Inspector
from gainspect.strategies import strategy
from gainspect.training.checkpoint import load_state

_PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy", "opencv-python-headless", "scikit-learn")


@dataclass(frozen=True)
class RunFolder:
    """Where things lie in a run folder."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def split_file(self) -> Path:
        """The manifest with the split that was used; its images are relative to the data folder."""
        return self.path / "split.csv"

    @property
    def environment_file(self) -> Path:
        """Data folder and fingerprint, versions, machine, device, precision, origin of the weights."""
        return self.path / "environment.json"

    @property
    def log_file(self) -> Path:
        """One row an epoch: losses and validation figures."""
        return self.path / "log.csv"

    @property
    def last_checkpoint(self) -> Path:
        """Everything needed to go on, after each epoch."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def best_checkpoint(self) -> Path:
        """The model that evaluation uses, with the epoch it comes from."""
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def result_file(self) -> Path:
        """Written last: chosen epoch, operating threshold and its validation figures, and how long it took.

        Where that was announced, also what was: epochs (of a resumed run the rest), seconds, and those taken.
        """
        return self.path / "training.json"

    @property
    def bundle_file(self) -> Path:
        """What the training ends with, unless it was told not to: the model as it is deployed."""
        return self.path / "model.gain"

    def judgement(self, split: str = "test") -> Path:
        """Folder of what `evaluate` and `compare` save of a part of the data, unless told otherwise."""
        return self.path / "evaluation" / split

    def config(self) -> RunConfig:
        """Read the configuration.

        Raises:
            GainspectError: this is not a run folder.
        """
        if not self.config_file.is_file():
            raise GainspectError(
                "this is not a run folder (it has no config.yaml)",
                where=self.path,
                mend="`gainspect train --data DIR --out RUN` makes one.",
            )
        return load_config(self.config_file)

    def epochs_done(self) -> int:
        """How many epochs lie behind it."""
        return int(load_state(self.last_checkpoint)["epoch"]) + 1 if self.last_checkpoint.exists() else 0

    def environment(self) -> dict[str, Any]:
        """Read the environment record."""
        return _read_json(self.environment_file)

    def result(self) -> dict[str, Any]:
        """Read the result of the training.

        Raises:
            GainspectError: this is not a run folder, or its training has not ended.
        """
        self.config()
        if not self.result_file.is_file():
            raise GainspectError(
                "the training of this run has not ended",
                where=self.path,
                mend=f"Go on with `gainspect train --resume {self.path}`.",
            )
        return _read_json(self.result_file)

    def manifest(self, data: Path | None = None) -> Manifest:
        """The parts with this run's split.

        Args:
            data: the data folder, or a manifest in it, if it has moved since.

        Raises:
            GainspectError: the data folder or an image is gone.
        """
        root = data or Path(self.environment()["data"]["root"])
        root = root.parent if root.is_file() else root
        if not root.is_dir():
            raise GainspectError(
                "the run's data folder is not there", where=root, mend="Name its new place with --data."
            )
        return load_manifest(self.split_file, root=root)

    def inspector(self) -> Inspector:
        """The Inspector of the trained model, at the run's operating threshold, on the device at hand."""
        threshold = self.result()["operating_point"]["threshold"]
        return Inspector(
            self.backend(device_at_hand()), threshold=threshold, tiling=self.config().data.tiling
        )

    def backend(self, device: str = "cpu") -> TorchBackend:
        """The model of the best checkpoint, which exists before the training has ended."""
        config = self.config()
        model = GainMTL(config.model, strategy(config.strategy))
        model.load_state_dict(load_state(self.best_checkpoint)["model"])
        return TorchBackend(model.to(device).eval(), config.data.size, device)


def device_at_hand() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def start_run(
    path: Path, config: RunConfig, manifest: Manifest, *, weights: str, device: str, precision: str
) -> RunFolder:
    """Make a run folder and write down what the training will use."""
    run = RunFolder(path)
    save_manifest(manifest, run.split_file)
    write_json(
        run.environment_file,
        {
            "data": {"root": str(manifest.root.resolve()), "fingerprint": manifest.fingerprint()},
            "weights": weights,
            "device": device,
            "precision": precision,
            "threads": torch.get_num_threads(),
            "gainspect": version("gainspect"),
            "packages": {name: version(name) for name in _PACKAGES},
            "python": sys.version.split()[0],
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        },
    )
    save_config(config.resolved(), run.config_file)  # last: its presence makes this a run folder
    return run


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GainspectError(f"cannot read it ({error})", where=path) from error
    return content
