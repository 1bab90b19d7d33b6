"""Regions of an evidence map: the places that are shown to a person."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import Geometry, Spread
from gainspect.data.tiles import Tile
from gainspect.types import FloatMap, Region

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
    inside = (evidence >= threshold) & (evidence > 0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    total = float(evidence.sum(dtype=np.float64))
    found = []
    for index in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[index])
        window = labels[y : y + height, x : x + width] == index
        values = np.where(window, evidence[y : y + height, x : x + width], 0)
        peak_y, peak_x = np.unravel_index(int(values.argmax()), values.shape)
        peak, amount, whole, in_worst_tile = (
            float(values.max()),
            float(values.sum(dtype=np.float64)),
            total,
            True,
        )
        del values  # as large as the region
        if contributions is not None:
            (amount, in_worst_tile), whole = contributions.within(window, y, x), contributions.total
        found.append(
            Region(
                polygon=_outline(window, x, y),
                box=(x, y, width, height),
                area=area,
                peak=peak,
                peak_at=(x + int(peak_x), y + int(peak_y)),
                share=amount / whole if whole > 0 else 0.0,
                in_worst_tile=in_worst_tile,
            )
        )
    return tuple(sorted(found, key=lambda region: (-region.share, -region.peak))[:MAX_REGIONS])


def window_of(evidence: FloatMap, threshold: float, region: Region) -> NDArray[np.bool_]:
    """(h, w): where in its box a region lies, one of those that `regions_of` found with this threshold."""
    x, y, width, height = region.box
    part = evidence[y : y + height, x : x + width]
    _, labels = cv2.connectedComponents(((part >= threshold) & (part > 0)).astype(np.uint8), connectivity=8)
    return np.asarray(labels == labels[region.peak_at[1] - y, region.peak_at[0] - x], np.bool_)


def _outline(
    window: np.ndarray[tuple[int, int], np.dtype[np.bool_]], x: int, y: int
) -> tuple[tuple[int, int], ...]:
    """Corners of a polygon within one pixel of the outer contour, in pixels of the image."""
    contours, _ = cv2.findContours(window.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(contours, key=len)
    corners = cv2.approxPolyDP(largest, 1.0, closed=True).reshape(-1, 2)
    return tuple((x + int(column), y + int(row)) for column, row in corners)
