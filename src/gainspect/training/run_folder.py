"""The run folder: everything that one training used and produced. Paths and JSON only, without torch."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gainspect.config import RunConfig, load_config
from gainspect.data.depth import Depth
from gainspect.data.importers import load_manifest
from gainspect.data.importers.imported_folder import Imported, partial_names
from gainspect.data.manifest import Manifest
from gainspect.data.reading import Reading
from gainspect.data.seen import SEEN, SeenImages
from gainspect.data.unchanged import DataRecord
from gainspect.errors import GainspectError
from gainspect.evaluation.goals import OperatingPoint
from gainspect.inspection.bundle import GOOD_PARTS
from gainspect.policy import Policy

FOLDS, LABELS = "folds", "labels"
_SPLIT = "split.csv"


@dataclass(frozen=True)
class RunFolder:
    """The files in a run folder."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def split_file(self) -> Path:
        """The manifest with the split that was used; its images are relative to the data folder."""
        return self.path / _SPLIT

    @property
    def environment_file(self) -> Path:
        """Data folder and fingerprint, versions, machine, device, precision, weights and frozen stages."""
        return self.path / "environment.json"

    @property
    def files_file(self) -> Path:
        """SHA-256 of each image and mask; runs of older versions have none."""
        return self.path / "files.json"

    @property
    def log_file(self) -> Path:
        """One row per epoch: losses and validation figures."""
        return self.path / "log.csv"

    @property
    def last_checkpoint(self) -> Path:
        """Everything that is needed to resume; written after each epoch."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def best_checkpoint(self) -> Path:
        """The model that evaluation uses, with the number of its epoch."""
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def familiar_file(self) -> Path:
        """What OK images of the training look like to the kept model; runs of older versions have none."""
        return self.path / "checkpoints" / "familiar.safetensors"

    @property
    def validation_file(self) -> Path:
        """The verdicts, of the validation part or out of fold, that the policy was chosen from."""
        return self.path / "validation.json"

    @property
    def folds_folder(self) -> Path:
        """The runs of the folds, in folders 1, 2 and so on; only runs with folds have it."""
        return self.path / FOLDS

    @property
    def labels_folder(self) -> Path:
        """What was imported for this run, where its data are the labels of a tool (`imported_folder`)."""
        return self.path / LABELS

    @property
    def data_root(self) -> Path:
        """The data folder, as it was called when the run was trained."""
        return Path(self.environment()["data"]["root"])

    def fold(self, number: int) -> "RunFolder":
        """The run of a fold, counted from 1."""
        return RunFolder(self.folds_folder / str(number))

    @property
    def held_out_maps_file(self) -> Path:
        """Of a fold: what the maps of its last network say of its held-out part (`HeldOutMaps`)."""
        return self.path / "held_out_maps.json"

    @property
    def held_out_file(self) -> Path:
        """Of a fold: its last network's verdicts on its held-out part, with the thresholds of all folds."""
        return self.path / "held_out.json"

    @property
    def good_parts_file(self) -> Path:
        """Frames of good parts that the repairs of the reason check may come from (`GoodParts`)."""
        return self.path / GOOD_PARTS

    @property
    def seen_file(self) -> Path:
        """Hashes of the images of the training and the validation part."""
        return self.path / SEEN

    @property
    def result_file(self) -> Path:
        """Written last: chosen epoch and its validation figures, the policy, and how long the training took.

        If the duration was estimated before the training, "announced" contains the number of epochs (in a
        resumed run, of the remaining ones), the estimated seconds, and the seconds taken.
        """
        return self.path / "training.json"

    @property
    def earlier_file(self) -> Path:
        """Figures of this network and of the one that it began with, on old and new parts (`OldAndNew`)."""
        return self.path / "earlier.json"

    @property
    def bundle_file(self) -> Path:
        """The bundle, i.e. the model as it is deployed; training writes it unless this is switched off."""
        return self.path / "model.gain"

    def evaluation_folder(self, split: str = "test") -> Path:
        """Default folder for what `evaluate` and `compare` save for a part of the data."""
        return self.path / "evaluation" / split

    def config(self) -> RunConfig:
        """Read the configuration; a run of an older version goes on as it was.

        Raises:
            GainspectError: this is not a run folder.
        """
        if not self.config_file.is_file():
            raise GainspectError(
                "this is not a run folder (it has no config.yaml)",
                where=self.path,
                hint="`gainspect train --data DIR --out RUN` makes one.",
            )
        return load_config(self.config_file).with_older_defaults()

    def environment(self) -> dict[str, Any]:
        """Read the environment record."""
        return _read_json(self.environment_file)

    def frozen_stages(self) -> int:
        """How many stages of the backbone its training leaves as they are.

        Runs of older versions have no record of it, and a number in their configuration.
        """
        given = self.config().training.frozen_stages
        return int(self.environment()["frozen_stages"]) if given == "auto" else given

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
                hint=f"Continue it with `gainspect train --resume {self.path}`.",
            )
        return _read_json(self.result_file)

    def policy(self) -> Policy:
        """The policy that the training ended with.

        Raises:
            GainspectError: see `result`.
        """
        result = self.result()
        if "policy" in result:
            return Policy.model_validate(result["policy"])
        # Older runs stored no policy, but thresholds: neither limits for reasons nor a heat scale.
        point = result["operating_point"]
        known = {name: point[name] for name in Policy.model_fields if name in point}
        return Policy(**known, region_threshold=point["map_thresholds"].get("evidence", 0.0))

    def operating_point(self) -> OperatingPoint | None:
        """What the policy gave where it was chosen; None: an older version trained the run.

        Raises:
            GainspectError: see `result`.
        """
        stored = self.result().get("operating_point")
        return OperatingPoint.model_validate(stored) if stored and "goal" in stored else None

    def manifest(self, data: Path | None = None) -> Manifest:
        """The parts with this run's split.

        Args:
            data: the data folder, or a manifest in it, if it has moved since the training.

        Raises:
            GainspectError: the data folder or an image no longer exists, or the data have changed since the
                training.
        """
        root = data or self.data_root
        if data is None and not root.is_dir() and self.labels_folder.is_dir():
            root = self.labels_folder  # the run was moved, and its data with it
        root = _folder_of(root)
        if not root.is_dir():
            raise GainspectError(
                "the run's data folder does not exist", where=root, hint="Give its new place with --data."
            )
        manifest = self._parts_in(root)
        self.require_unchanged(manifest)
        return replace(manifest, reading=self.reading())

    def _parts_in(self, root: Path) -> Manifest:
        try:
            return load_manifest(self.split_file, root=root)
        except GainspectError as error:
            imported = Imported.of(root)
            if imported is None or imported.source.exists():
                raise
            mend = (
                "give its new place with --data"
                if self.labels_folder.is_dir()
                else f"import its new place again, `gainspect data import SOURCE --out {root}`"
            )
            hint = f"Its images are links into {imported.source}, which is gone: {mend}."
            raise GainspectError(error.what, where=error.where, hint=hint) from error

    def lies_in(self, data: Path) -> bool:
        """Whether a folder, or that of a manifest, has all files of the run's data, whatever they hold."""
        try:
            load_manifest(self.split_file, root=_folder_of(data))
        except GainspectError:
            return False
        return True

    def seen(self) -> SeenImages | None:
        """The images that its network has seen; None: it has no list of them.

        Raises:
            GainspectError: the list cannot be read.
        """
        if not self.seen_file.is_file():
            return None
        return SeenImages.from_json(self.seen_file.read_bytes(), self.seen_file)

    def reading(self) -> Reading:
        """How the images and masks of the run are read."""
        seen = self.config().data
        # Runs of older versions did not settle the depth: they used all 16 bits.
        bits = 16 if seen.bits == "auto" else seen.bits
        darkest = self.environment()["data"].get("darkest", 0)
        return Reading(None if bits is None else Depth(bits, darkest), seen.meanings)

    def require_unchanged(self, manifest: Manifest) -> None:
        """Refuse parts that are not those that the run was trained on.

        Raises:
            GainspectError: a file, label, group, type or split differs; see `DataRecord.require_unchanged`.
        """
        self.data_record().require_unchanged(manifest, run=self.path)

    def data_record(self) -> DataRecord:
        """What the run remembers of its data."""
        files = _read_json(self.files_file) if self.files_file.is_file() else {}
        return DataRecord(self.environment()["data"]["fingerprint"], files)


def run_at(path: Path) -> RunFolder | None:
    """The run that a path leads to: its folder, or the table of its split; None: it leads to no run."""
    run = RunFolder(path.parent if path.name == _SPLIT else path)
    known = (run.config_file, run.environment_file, run.split_file)
    return run if all(file.is_file() for file in known) else None


def _folder_of(data: Path) -> Path:
    return data.parent if data.is_file() else data


def require_new_run(out: Path, *, folds: bool) -> None:
    """Refuse a folder that a run lies in, or anything else.

    Args:
        out: the folder.
        folds: whether folds that were trained before may be there. What was imported for the run always may.

    Raises:
        GainspectError: it holds something else.
    """
    allowed = {LABELS, *partial_names(LABELS), *([FOLDS] if folds else [])}
    if out.exists() and (not out.is_dir() or {entry.name for entry in out.iterdir()} - allowed):
        raise GainspectError(
            "the run folder already exists",
            where=out,
            hint="Choose a new folder, or continue the run with `--resume`.",
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GainspectError(f"cannot read the file ({error})", where=path) from error
    return content
