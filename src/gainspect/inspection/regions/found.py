"""Regions of an evidence map: the places that are shown to a person."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import Geometry, Spread
from gainspect.data.tiles import Tile
from gainspect.types import FloatMap, Mask, Region

MAX_REGIONS = 64


class Contributions:
    """The positive contributions to a verdict, at the places of the image that they come from.

    Args:
        values: (h, w) contributions on the model's grid, signed.
        geometry: how the image, or the tile, was letterboxed into the frame that the grid covers.
        tile: where the tile lies in the image; None: the grid shows the whole image.
    """

    def __init__(self, values: FloatMap, geometry: Geometry, tile: Tile | None = None) -> None:
        positive = np.maximum(values, 0)
        self.total = float(positive.sum(dtype=np.float64))
        """Of the whole grid, the border of the letterbox included."""
        self.tile = tile or Tile(0, 0, geometry.height, geometry.width)
        self._spread = Spread(positive, geometry)

    def within(self, inside: NDArray[np.bool_], top: int, left: int) -> tuple[float, bool]:
        """The contributions within a region, and whether some of it lies in what the grid shows.

        Args:
            inside: (h, w), the region in a window of the image.
            top: row of the image where the window begins.
            left: column of the image where the window begins.
        """
        tile = self.tile
        first = max(top, tile.top), max(left, tile.left)
        last = (
            min(top + inside.shape[0], tile.top + tile.height),
            min(left + inside.shape[1], tile.left + tile.width),
        )
        if last[0] <= first[0] or last[1] <= first[1]:
            return 0.0, False
        seen = inside[first[0] - top : last[0] - top, first[1] - left : last[1] - left]
        amounts = self._spread.window(first[0] - tile.top, first[1] - tile.left, *seen.shape)
        return float(amounts.sum(where=seen, dtype=np.float64)), bool(seen.any())


def regions_of(
    evidence: FloatMap, threshold: float, contributions: Contributions | None = None
) -> tuple[Region, ...]:
    """Connected regions (8 neighbors) where the evidence reaches a threshold, in order of decreasing share.

    Args:
        evidence: (H, W), at least 0.
        threshold: in the evidence's own units; 0 means "above 0".
        contributions: of what each place adds to the verdict; None: the evidence itself is shared out.

    Returns:
        At most 64 regions.
    """
    reached = _reached(evidence, threshold)
    # Most images have little evidence; only the box around it is searched.
    left, top, across, down = cv2.boundingRect(reached)
    if not across:
        return ()
    box = reached[top : top + down, left : left + across]
    hot = evidence[top : top + down, left : left + across]
    _, labels = cv2.connectedComponents(box, connectivity=8)
    total = float(evidence.sum(dtype=np.float64)) if contributions is None else contributions.total
    found = []
    for border in _outer_borders(box):
        column, row, width, height = cv2.boundingRect(border)
        inside = slice(row, row + height), slice(column, column + width)
        window = labels[inside] == labels[border[0, 0, 1], border[0, 0, 0]]
        values = np.where(window, hot[inside], 0)
        peak_y, peak_x = np.unravel_index(int(values.argmax()), values.shape)
        peak, amount, in_worst_tile = float(values.max()), 0.0, True
        if contributions is None:
            amount = float(values.sum(dtype=np.float64))
        del values  # as large as the region
        x, y = left + column, top + row
        if contributions is not None:
            amount, in_worst_tile = contributions.within(window, y, x)
        corners = cv2.approxPolyDP(border, 1.0, closed=True).reshape(-1, 2)
        found.append(
            Region(
                polygon=tuple((left + int(u), top + int(v)) for u, v in corners),
                box=(x, y, width, height),
                area=int(np.count_nonzero(window)),
                peak=peak,
                peak_at=(x + int(peak_x), y + int(peak_y)),
                share=amount / total if total > 0 else 0.0,
                in_worst_tile=in_worst_tile,
            )
        )
    return tuple(sorted(found, key=lambda region: (-region.share, -region.peak))[:MAX_REGIONS])


def window_of(evidence: FloatMap, threshold: float, region: Region) -> NDArray[np.bool_]:
    """(h, w): where in its box a region lies, one of those that `regions_of` found with this threshold."""
    x, y, width, height = region.box
    part = evidence[y : y + height, x : x + width]
    _, labels = cv2.connectedComponents(_reached(part, threshold), connectivity=8)
    return np.asarray(labels == labels[region.peak_at[1] - y, region.peak_at[0] - x], np.bool_)


def _reached(evidence: FloatMap, threshold: float) -> Mask:
    """(H, W), 1 where the evidence reaches the threshold and is above 0."""
    reached = evidence >= threshold if threshold > 0 else evidence > 0
    return np.asarray(reached.view(np.uint8))


def _outer_borders(mask: Mask) -> list[NDArray[np.int32]]:
    """Of each connected region (8 neighbors) its outer border, (N, 1, 2): columns and rows."""
    borders, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # The last number of each is the border around it: that of a hole lies in another.
    return [
        np.asarray(border, np.int32) for border, of in zip(borders, hierarchy[0], strict=True) if of[3] < 0
    ]
