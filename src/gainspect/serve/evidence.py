"""The evidence of decisions that people look at, small, so that pages show it and nothing is judged again."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.policy import HeatScale
from gainspect.report.drawing.heat import heat_layer, heat_of
from gainspect.types import FloatMap

SIDE = 768
"""Longer side at most, pixels: evidence has no finer detail than the model's own grid."""
_MOST_BYTES = 64 * 2**20

Heat = NDArray[np.uint8]
"""(H', W') evidence on the calibrated scale of its bundle: 0 cold … 255 hot."""


class RecentEvidence:
    """Heat by key of the decision and place of the image, the last ones; for several threads.

    Args:
        most_bytes: of all of it.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, int], Heat] = OrderedDict()
        self._bytes = 0
        self._watched: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, station: str) -> Iterator[None]:
        """While a page is open there, the evidence of what a station decides is kept."""
        with self._lock:
            self._watched[station] += 1
        try:
            yield
        finally:
            with self._lock:
                self._watched[station] -= 1

    def is_watched(self, station: str) -> bool:
        """Whether somebody is going to look at what a station decides."""
        return self._watched[station] > 0

    def keep(self, key: str, place: int, heat: Heat) -> None:
        """Keep the heat of an image; what was not asked for longest goes."""
        with self._lock:
            self._drop(key, place)
            self._kept[key, place] = heat
            self._bytes += heat.nbytes
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._drop(*next(iter(self._kept)))

    def get(self, key: str, place: int) -> Heat | None:
        """The heat of an image; None: it is not kept."""
        with self._lock:
            found = self._kept.get((key, place))
            if found is not None:
                self._kept.move_to_end((key, place))
            return found

    def _drop(self, key: str, place: int) -> None:
        dropped = self._kept.pop((key, place), None)
        self._bytes -= 0 if dropped is None else dropped.nbytes


def small_heat(evidence: FloatMap, scale: HeatScale) -> Heat:
    """(H, W) evidence → heat of at most `SIDE` pixels; the hottest of the pixels that become one counts."""
    heat = np.round(255 * heat_of(evidence, scale)).astype(np.uint8)
    factor = SIDE / max(heat.shape)
    if factor >= 1:
        return heat
    reach = int(np.ceil(1 / factor)) | 1  # odd: as far to all sides
    hottest = cv2.dilate(heat, np.ones((reach, reach), np.uint8))
    height, width = (max(1, round(side * factor)) for side in heat.shape)
    return np.asarray(cv2.resize(hottest, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def layer_png(heat: Heat) -> bytes:
    """Heat as a PNG with alpha, in the colors of the calibrated scale."""
    layer = cv2.cvtColor(heat_layer(heat), cv2.COLOR_RGBA2BGRA)
    return bytes(cv2.imencode(".png", layer)[1])
