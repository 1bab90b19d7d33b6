"""The frames on which a release is tested."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gainspect.config import DataConfig
from gainspect.data.framing import letterbox
from gainspect.data.manifest import Manifest, Part, spread_over
from gainspect.data.tiles import draw_tile
from gainspect.types import Label


def sample_of(manifest: Manifest, count: int) -> list[Part]:
    """At most `count` parts, half of them NG if there are enough, spread over the manifest."""
    halves = [[part for part in manifest.parts if part.label is label] for label in (Label.NG, Label.OK)]
    return [part for half in halves for part in spread_over(half, count // 2)]


def frames_of(manifest: Manifest, parts: Sequence[Part], seen: DataConfig) -> NDArray[np.uint8]:
    """(N, size, size, 3) frames as the graph sees them; with tiling, one tile of each image."""
    rng, frames = np.random.default_rng(0), []
    for part in parts:
        image = manifest.image(part)
        if seen.tiling is not None:
            mask = manifest.mask(part, image.shape)
            image = draw_tile(image.shape, mask, seen.tiling, rng).of(image)
        frames.append(letterbox(image, seen.input_size)[0])
    return np.stack(frames)
