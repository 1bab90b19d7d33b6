"""Judging a large image tile by tile: one score, and maps of the whole image."""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import PADDING, Geometry, letterbox
from gainspect.data.tiles import Tile, Tiling, tiles_of
from gainspect.inspection.backends.backend import Predictions
from gainspect.inspection.grid_map import GridMap
from gainspect.types import MAP_NAMES, FloatMap, Image, MapName


class Grid(NamedTuple):
    """What the network says of one frame, on its own grid: of the whole image, or of one tile of it."""

    score: float
    """P(NG)"""
    contributions: FloatMap | None
    """(h, w); None if the backend gives none."""
    evidence: FloatMap
    """(h', w')"""
    features: FloatMap | None
    """(C, h″, w″); None if the backend gives none."""
    geometry: Geometry
    """How the image, or the tile, was letterboxed into the frame."""
    tile: Tile
    """Where it lies in the image."""


class Judged(NamedTuple):
    """What the network says of one image."""

    score: float
    """P(NG)"""
    maps: dict[MapName, GridMap]
    """Each in its own units; the evidence at least 0."""
    contributions: FloatMap | None
    """(h, w) on the model's grid; None if the backend gives none."""
    geometry: Geometry
    """How the image, or the tile, was letterboxed into the frame that the grid covers."""
    tile: Tile | None = None
    """The tile that contributions and score come from; None: the whole image."""
    grids: tuple[Grid, ...] = ()
    """Of the image, or of each tile whose score is high enough; empty if they were not asked for."""
    distance: float | None = None
    """Distance to the images of the training, the largest of all tiles; None if the backend gives none."""
    frame: Image | None = None
    """(S, S, 3), the image letterboxed; None: it was cut into tiles."""


def grid_of(results: Predictions, index: int, geometry: Geometry, tile: Tile) -> Grid:
    """One frame of a batch."""
    copies = {
        name: np.array(results[name][index]) if name in results else None
        for name in ("contributions", "features")
    }
    return Grid(
        float(results["score"][index]),
        copies["contributions"],
        np.array(results["evidence"][index]),
        copies["features"],
        geometry,
        tile,
    )


def add_maps(
    maps: dict[MapName, GridMap],
    shape: tuple[int, int],
    results: Predictions,
    index: int,
    geometry: Geometry,
    tile: Tile,
) -> None:
    """Add what one frame of a batch says of an image (H, W) to the maps of the image."""
    for name in MAP_NAMES:
        if name in results:
            known = maps.setdefault(name, GridMap(shape, least=0.0 if name == "evidence" else -np.inf))
            known.add(results[name][index], geometry, tile)


def judge_tiles(
    run: Callable[[NDArray[np.uint8]], Predictions],
    image: Image,
    size: int,
    tiling: Tiling,
    batch_size: int,
    padding: int = PADDING,
    keep_from: float | None = None,
) -> Judged:
    """Judge an image of any size; its score is that of its worst tile.

    Memory: one batch, which is twice 3·B·S² bytes for the frames and what the network needs for B frames, in
    as many positions as it sees them; the maps on the network's grids: 4 bytes a cell, times the number of
    maps and of tiles (a map at stride 2 has a cell for 4 pixels of a frame); and the grids that are kept,
    with features. A map that is looked at takes 4·H·W bytes, and 8·(S² + T²) while it is drawn. (The image
    itself takes 3·H·W bytes, the search for regions, if there are any, up to 12·H·W bytes.)

    Args:
        run: gives the predictions for (B, S, S, 3) frames, as a `Backend` does.
        image: (H, W, 3).
        size: S, side of the network's input, pixels.
        tiling: how the image is cut; T is the side of its tiles.
        batch_size: B, number of tiles per batch.
        padding: gray value of the letterbox's border.
        keep_from: the grids of tiles from this P(NG) on are kept; None: of none.

    Returns:
        The largest P(NG) of all tiles, the contributions of the tile that has it, the maps, and the largest
        distance of all tiles.
    """
    shape = image.shape[0], image.shape[1]
    maps = dict[MapName, GridMap]()
    worst, highest = Judged(0.0, maps, None, Geometry(*shape, size, 0, 0, size, size)), -np.inf
    grids: list[Grid] = []
    distances: list[float] = []
    remaining = iter(tiles_of(*shape, tiling))
    while batch := list(islice(remaining, batch_size)):
        frames, geometries = zip(*(letterbox(tile.of(image), size, padding) for tile in batch), strict=True)
        results = run(np.stack(frames))
        # Of tiles that are all NG with certainty, only the logit says which is the worst.
        ranks = results.get("logit", results["score"])
        if float(ranks.max()) > highest:
            at = int(ranks.argmax())
            highest = float(ranks[at])
            given = results.get("contributions")
            whole = (batch[at].height, batch[at].width) == shape
            worst = Judged(
                score=float(results["score"][at]),
                maps=maps,
                contributions=None if given is None else np.array(given[at]),
                geometry=geometries[at],
                tile=None if whole else batch[at],
            )
        if keep_from is not None:
            kept = np.flatnonzero(results["score"] >= keep_from)
            grids += [grid_of(results, at, geometries[at], batch[at]) for at in map(int, kept)]
        distances += map(float, results.get("distance", ()))
        for tile, geometry, index in zip(batch, geometries, range(len(batch)), strict=True):
            add_maps(maps, shape, results, index, geometry, tile)
    return worst._replace(grids=tuple(grids), distance=max(distances, default=None))
