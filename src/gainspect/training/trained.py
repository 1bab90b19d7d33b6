"""The trained model of a run, ready to inspect with torch."""

from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.chosen_good_parts import chosen_good_parts
from gainspect.data.good_parts import GoodParts
from gainspect.data.manifest import Manifest
from gainspect.data.seen import SeenImages
from gainspect.errors import GainspectError
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    read_validation_verdicts,
    save_validation_verdicts,
    validation_verdicts,
    with_inputs,
)
from gainspect.files import atomic_path, write_text
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.models.gain_mtl import GainMTL, model_of
from gainspect.report.terminal.image_bar import image_bar
from gainspect.training.checkpoint import load_state
from gainspect.training.device import device_at_hand
from gainspect.training.earlier import seen_in
from gainspect.training.familiar import Familiar, familiar_of, looked_at, read_familiar, save_familiar
from gainspect.training.run_folder import RunFolder


def trained_backend(run: RunFolder, device: str = "cpu") -> TorchBackend:
    """The model of the best checkpoint, which already exists before the training has ended.

    It gives distances to the OK images of the training if these have been looked at.
    """
    config = run.config()
    familiar = read_familiar(run.familiar_file)
    familiarity = None if familiar is None else familiar.familiarity
    return TorchBackend(_best_model(run).to(device), config.data.input_size, device, familiarity)


def _best_model(run: RunFolder) -> GainMTL:
    model = model_of(run.config())
    model.load_state_dict(load_state(run.best_checkpoint)["model"])
    return model.eval()


def familiarize(run: RunFolder, manifest: Manifest, console: Console | None = None) -> Familiar | None:
    """Look at OK images of the training with the best checkpoint, and store what they look like.

    Returns:
        The same; None: there are too few.

    Raises:
        GainspectError: an image cannot be read.
    """
    with image_bar("look at OK images", len(looked_at(manifest)), console) as advance:
        model = _best_model(run).to(device_at_hand())
        familiar = familiar_of(model, manifest, run.config().data, advance)
    if familiar is not None:
        save_familiar(familiar, run.familiar_file)
    return familiar


def keep_good_parts(run: RunFolder, manifest: Manifest) -> GoodParts | None:
    """Choose the good parts that repairs of the reason check come from, and store them.

    Returns:
        The same; None: images are seen in tiles, of which repairs come from the image itself.

    Raises:
        GainspectError: an image cannot be read.
    """
    good = good_parts_for(run.config(), manifest)
    if good is not None:
        with atomic_path(run.good_parts_file) as temporary:
            temporary.write_bytes(good.packed())
    return good


def good_parts_for(config: RunConfig, manifest: Manifest) -> GoodParts | None:
    """The good parts of a training that repairs may come from; None: images are seen in tiles."""
    if config.data.tiling is not None:
        return None
    return chosen_good_parts(manifest.split("train"), config.data.input_size)


def last_average(run: RunFolder, manifest: Manifest | None = None, device: str = "cpu") -> TorchBackend:
    """The model of the last epoch (its weight average, if there is one), whichever epoch was kept.

    Args:
        run: a training run.
        manifest: its parts; it then gives distances to the OK images of the training. None: it gives none.
        device: where it runs.
    """
    config, state = run.config(), load_state(run.last_checkpoint)["state_dict"]
    prefix = "ema.module." if config.training.ema else "model."
    model = model_of(config)
    model.load_state_dict(
        {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    )
    model = model.to(device).eval()
    familiar = None if manifest is None else familiar_of(model, manifest, config.data)
    familiarity = None if familiar is None else familiar.familiarity
    return TorchBackend(model, config.data.input_size, device, familiarity)


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
        inputs=policy.inputs,
    )


def seen_by(run: RunFolder, data: Path | None = None) -> SeenImages:
    """The images that a run's model has seen; they are hashed and stored if the run has no list of them.

    Args:
        run: a training run.
        data: the data folder, if it has moved.

    Raises:
        GainspectError: an image cannot be read.
    """
    seen = run.seen()
    if seen is None:
        seen = seen_in(run.manifest(data), run.config())
        write_text(run.seen_file, seen.to_json().decode())
    return seen


def validated(run: RunFolder, data: Path | None = None) -> ValidationVerdicts:
    """The verdicts on the validation part, or out of fold; the former are computed if the run has none.

    The same holds for the figures of its images, which runs of older versions lack.

    Args:
        run: a finished training run.
        data: the data folder, if it has moved.

    Raises:
        GainspectError: an image or mask cannot be read, or out-of-fold verdicts are missing.
    """
    stored = None
    if run.validation_file.is_file():
        stored = read_validation_verdicts(run.validation_file)
        if stored.inputs_known or run.config().training.folds is not None:
            return stored
    elif run.config().training.folds is not None:
        raise GainspectError(
            "the out-of-fold verdicts of this run are missing",
            where=run.validation_file,
            hint=f"`gainspect train --resume {run.path}` makes them again from its folds.",
        )
    everything, tiling = run.manifest(data), run.config().data.tiling
    validation = everything.split("val")
    familiar = read_familiar(run.familiar_file) or familiarize(run, everything)
    inputs = () if familiar is None else familiar.inputs
    backend = trained_backend(run, device_at_hand())
    if stored is None:
        good = keep_good_parts(run, everything)
        verdicts = validation_verdicts(backend, validation, tiling, training=inputs, good=good)
    else:
        verdicts = with_inputs(stored, backend, validation, tiling, inputs)
    save_validation_verdicts(verdicts, run.validation_file)
    return verdicts
