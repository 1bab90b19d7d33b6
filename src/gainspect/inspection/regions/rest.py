"""What the score of an image would be without some of its regions, by the network's own head."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import Spread
from gainspect.inspection.tiled import Grid
from gainspect.types import FloatMap


class Head(NamedTuple):
    """How a network sums its evidence up."""

    pools: Literal["sum", "weighted mean"]
    """"sum": the logit is the bias plus the contributions, each of which depends on its cell alone. "weighted
    mean": that of the evidence head (`models.evidence`), where a strong cell takes weight from all others."""
    bias: float
    """The logit without any evidence."""


class Window(NamedTuple):
    """A part of an image: pixels, and the row and column where they begin."""

    pixels: NDArray[np.float32]
    top: int
    left: int


def rest_of(grids: Sequence[Grid], regions: Sequence[Window], head: Head) -> float | None:
    """The largest P(NG) of these frames without the cells that regions touch; None if it cannot be known.

    With "weighted mean" the other cells get back the weight that the regions took from them, for a strong
    blemish that is accepted must not outweigh a faint defect beside it. With wᵢ the weight of cell i, its
    contribution over its evidence, the rest is bias + Σ w · (Σ contributions / Σ w over the other cells):
    what the head would say of the other cells alone.

    Args:
        grids: of the whole image, or of each tile whose score counts.
        regions: 1 inside, 0 outside.
        head: of the network.
    """
    found = [_rest(grid, regions, head) for grid in grids]
    known = [score for score in found if score is not None]
    return max(known) if known and len(known) == len(found) else None


def on_grid(window: Window, grid: Grid, shape: tuple[int, ...]) -> FloatMap:
    """(h, w): the sum of a window's pixels in each cell of a grid of this shape, by the share they cover."""
    tile, pixels = grid.tile, window.pixels
    top, left = max(window.top, tile.top), max(window.left, tile.left)
    bottom = min(window.top + pixels.shape[0], tile.top + tile.height)
    right = min(window.left + pixels.shape[1], tile.left + tile.width)
    if bottom <= top or right <= left:
        return np.zeros(shape, np.float32)
    seen = pixels[top - window.top : bottom - window.top, left - window.left : right - window.left]
    spread = Spread(np.zeros(shape, np.float32), grid.geometry)
    return spread.cells(seen, top - tile.top, left - tile.left)


def _rest(grid: Grid, regions: Sequence[Window], head: Head) -> float | None:
    if grid.contributions is None:
        return None
    contributions = grid.contributions.astype(np.float64)
    others = np.ones(contributions.shape, np.bool_)
    for region in regions:
        others &= on_grid(region, grid, contributions.shape) <= 0
    left = float(contributions.sum(where=others))
    if head.pools == "weighted mean":
        evidence = grid.evidence.astype(np.float64)
        if evidence.shape != contributions.shape:
            return None
        weights = np.divide(contributions, evidence, out=np.zeros_like(evidence), where=evidence > 0)
        of_others = float(weights.sum(where=others))
        left *= float(weights.sum()) / of_others if of_others > 0 else 0.0
    logit = head.bias + left
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
