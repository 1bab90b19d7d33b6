"""The trained model of a run, ready to inspect with torch."""

from pathlib import Path

from gainspect.data.seen import SeenImages
from gainspect.errors import GainspectError
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    read_validation_verdicts,
    save_validation_verdicts,
    validation_verdicts,
)
from gainspect.files import write_text
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.models.gain_mtl import model_of
from gainspect.training.checkpoint import load_state
from gainspect.training.device import device_at_hand
from gainspect.training.run_folder import RunFolder


def trained_backend(run: RunFolder, device: str = "cpu") -> TorchBackend:
    """The model of the best checkpoint, which already exists before the training has ended."""
    config = run.config()
    model = model_of(config)
    model.load_state_dict(load_state(run.best_checkpoint)["model"])
    return TorchBackend(model.to(device).eval(), config.data.input_size, device)


def last_average(run: RunFolder, device: str = "cpu") -> TorchBackend:
    """The model of the last epoch (its weight average, if there is one), whichever epoch was kept."""
    config, state = run.config(), load_state(run.last_checkpoint)["state_dict"]
    prefix = "ema.module." if config.training.ema else "model."
    model = model_of(config)
    model.load_state_dict(
        {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    )
    return TorchBackend(model.to(device).eval(), config.data.input_size, device)


def trained_inspector(run: RunFolder) -> Inspector:
    """An Inspector of the trained model, by both thresholds of the run's policy; on a GPU if there is one."""
    policy = run.policy()
    return Inspector(
        trained_backend(run, device_at_hand()),
        threshold=policy.threshold,
        review_from=policy.review_from,
        views=policy.views,
        region_threshold=policy.region_threshold,
        tiling=run.config().data.tiling,
        depth=run.reading().depth,
    )


def seen_by(run: RunFolder, data: Path | None = None) -> SeenImages:
    """The images that a run's model has seen; they are hashed and stored if the run has no list of them.

    Args:
        run: a training run.
        data: the data folder, if it has moved.

    Raises:
        GainspectError: an image cannot be read.
    """
    if run.seen_file.is_file():
        return SeenImages.from_json(run.seen_file.read_bytes(), run.seen_file)
    seen = SeenImages.of(run.manifest(data))
    write_text(run.seen_file, seen.to_json().decode())
    return seen


def validated(run: RunFolder, data: Path | None = None) -> ValidationVerdicts:
    """The verdicts on the validation part, or out of fold; the former are computed if the run has none.

    Args:
        run: a finished training run.
        data: the data folder, if it has moved.

    Raises:
        GainspectError: an image or mask cannot be read, or out-of-fold verdicts are missing.
    """
    if run.validation_file.is_file():
        return read_validation_verdicts(run.validation_file)
    if run.config().training.folds is not None:
        raise GainspectError(
            "the out-of-fold verdicts of this run are missing",
            where=run.validation_file,
            hint=f"`gainspect train --resume {run.path}` makes them again from its folds.",
        )
    validation, tiling = run.manifest(data).split("val"), run.config().data.tiling
    verdicts = validation_verdicts(trained_backend(run, device_at_hand()), validation, tiling)
    save_validation_verdicts(verdicts, run.validation_file)
    return verdicts
