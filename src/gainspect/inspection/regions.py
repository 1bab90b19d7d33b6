"""Regions of an evidence map: the places that are shown to a person."""

import cv2
import numpy as np

from gainspect.types import FloatMap, Region

_MAX_REGIONS = 64


def regions_of(evidence: FloatMap, threshold: float) -> tuple[Region, ...]:
    """Connected regions (8 neighbors) where the evidence reaches a threshold, in order of decreasing share.

    Args:
        evidence: (H, W), at least 0.
        threshold: in the evidence's own units; 0 means "above 0".

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
        found.append(
            Region(
                polygon=_outline(window, x, y),
                box=(x, y, width, height),
                area=area,
                peak=float(values.max()),
                peak_at=(x + int(peak_x), y + int(peak_y)),
                share=float(values.sum(dtype=np.float64)) / total,
            )
        )
    return tuple(sorted(found, key=lambda region: -region.share)[:_MAX_REGIONS])


def _outline(
    window: np.ndarray[tuple[int, int], np.dtype[np.bool_]], x: int, y: int
) -> tuple[tuple[int, int], ...]:
    """Corners of a polygon within one pixel of the outer contour, in pixels of the image."""
    contours, _ = cv2.findContours(window.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(contours, key=len)
    corners = cv2.approxPolyDP(largest, 1.0, closed=True).reshape(-1, 2)
    return tuple((x + int(column), y + int(row)) for column, row in corners)
