"""Judging a large image tile by tile: one score, and maps of the whole image."""

from collections.abc import Callable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import letterbox, unletterbox
from gainspect.data.tiles import Tiling, tiles_of
from gainspect.inspection.backends.backend import Predictions
from gainspect.types import MAP_NAMES, FloatMap, Image, MapName


def judge_tiles(
    run: Callable[[NDArray[np.uint8]], Predictions], image: Image, size: int, tiling: Tiling, batch_size: int
) -> tuple[float, dict[MapName, FloatMap]]:
    """Judge an image of any size; its score is that of its worst tile.

    Where tiles overlap, a map takes the largest of their values, so that no peak is averaged away.

    Memory: 4·M·H·W bytes for the M maps of H × W, plus one batch: twice 3·B·S² bytes for the frames,
    8·(S² + T²) bytes to resize a map to its tile, and what the network needs for B frames. It does not grow
    with the number of tiles. (The image itself takes another 3·H·W bytes, the search for regions up to
    12·H·W bytes.)

    Args:
        run: gives the predictions for (B, S, S, 3) frames, as a `Backend` does.
        image: (H, W, 3).
        size: S, side of the network's input, pixels.
        tiling: how the image is cut; T is the side of its tiles.
        batch_size: B, number of tiles per batch.

    Returns:
        The largest P(NG) of all tiles, and the maps (H, W), each in its own units.
    """
    shape = image.shape[0], image.shape[1]
    score, maps = 0.0, dict[MapName, FloatMap]()
    remaining = iter(tiles_of(*shape, tiling))
    while batch := list(islice(remaining, batch_size)):
        frames, geometries = zip(*(letterbox(tile.of(image), size) for tile in batch), strict=True)
        results = run(np.stack(frames))
        score = max(score, float(results["score"].max()))
        for name in MAP_NAMES:
            if name not in results:
                continue
            if name not in maps:
                maps[name] = np.full(shape, -np.inf, np.float32)
            for tile, geometry, values in zip(batch, geometries, results[name], strict=True):
                place = tile.of(maps[name])
                np.maximum(place, unletterbox(values, geometry), out=place)
    return score, maps
