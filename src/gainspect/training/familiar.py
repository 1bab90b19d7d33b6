"""What the OK images of the training look like: the figures that new images are compared with."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gainspect.config import DataConfig
from gainspect.data.framing import letterbox
from gainspect.data.manifest import Manifest, Part, spread_over
from gainspect.data.tiles import draw_tile
from gainspect.inspection.statistics import image_statistics
from gainspect.models.familiarity import Familiarity, familiarity_in, pooled
from gainspect.models.gain_mtl import GainMTL
from gainspect.training.checkpoint import device_of, load_state, save_state
from gainspect.types import Image, InputStatistics, Label

_IMAGES = 512
"""At most so many OK images are looked at, spread evenly over the training part. Looking at one takes less
than a third of a training step on it, so all of it takes less than an epoch."""
_TILES = 16
"""At most so many tiles of one image."""
_BATCH = 8


class Familiar(NamedTuple):
    """What is known of the OK images of a training."""

    familiarity: Familiarity
    inputs: tuple[InputStatistics, ...]
    """The figures of each image, without distances."""


def looked_at(manifest: Manifest) -> list[Part]:
    """The OK images of the training that are looked at."""
    parts = [part for part in manifest.split("train").parts if part.label is Label.OK]
    return spread_over(parts, _IMAGES)


def familiar_of(
    model: GainMTL, manifest: Manifest, seen: DataConfig, on_image: Callable[[], None] = lambda: None
) -> Familiar | None:
    """Look at OK images of the training with the trained model.

    Args:
        model: in evaluation mode.
        manifest: all parts.
        seen: how the model sees images.
        on_image: called after each image.

    Returns:
        What they look like; None: there are fewer than two.

    Raises:
        GainspectError: an image cannot be read.
    """
    parts = looked_at(manifest)
    if len(parts) < 2:
        return None
    tiles = 1 if seen.tiling is None else min(max(_IMAGES // len(parts), 1), _TILES)
    rng, inputs = np.random.default_rng(0), list[InputStatistics]()

    def frames() -> Iterator[Image]:
        for part in parts:
            image = manifest.image(part)
            frame, geometry = letterbox(image, seen.input_size)
            inputs.append(image_statistics(frame, geometry))
            if seen.tiling is None:
                yield frame
            else:
                for _ in range(tiles):
                    tile = draw_tile(image.shape, None, seen.tiling, rng)
                    yield letterbox(tile.of(image), seen.input_size)[0]
            on_image()

    found = np.concatenate(list(_figures(model, frames())))
    return Familiar(Familiarity.of(found), tuple(inputs))


@torch.inference_mode()
def _figures(model: GainMTL, frames: Iterator[Image]) -> Iterator[NDArray[np.float32]]:
    """(B, D) `pooled` of one batch of frames after the other."""
    device = device_of(model)
    while batch := list(islice(frames, _BATCH)):
        features = model.backbone(torch.from_numpy(np.stack(batch)).to(device))
        yield np.asarray(pooled(features.pyramid).cpu().numpy())


def save_familiar(familiar: Familiar, path: Path) -> None:
    """Write it atomically."""
    tensors = {f"familiarity.{name}": value for name, value in familiar.familiarity.state_dict().items()}
    save_state({"tensors": tensors, "inputs": list(familiar.inputs)}, path)


def read_familiar(path: Path) -> Familiar | None:
    """Read what `save_familiar` wrote; None: there is no such file, as in runs of older versions.

    Raises:
        GainspectError: the file is damaged.
    """
    if not path.is_file():
        return None
    state = load_state(path)
    familiarity = familiarity_in(state["tensors"])
    assert familiarity is not None
    return Familiar(familiarity, tuple(state["inputs"]))
