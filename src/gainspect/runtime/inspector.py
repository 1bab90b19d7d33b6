"""The Inspector: everything that judges images judges them through this class."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gainspect.data.preprocess import Geometry, letterbox, read_image, unletterbox
from gainspect.errors import GainspectError
from gainspect.types import MAP_NAMES, Evidence, Image, Label, Verdict


class Backend(Protocol):
    """What runs the network."""

    size: int
    """Side of the square input, pixels."""

    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Judge (B, S, S, 3) RGB images.

        Returns:
            "score" (B,), P(NG); "evidence" (B, h, w) and, as far as they exist, "cam", "attention" and
            "localization", each at a resolution of its own.
        """
        ...


class Inspector:
    """Judges images of any size.

    Args:
        backend: runs the network.
        threshold: on P(NG); at or above it the verdict is NG.
        batch_size: images judged at once by `inspect_many`.
    """

    def __init__(self, backend: Backend, *, threshold: float, batch_size: int = 16) -> None:
        self.backend = backend
        self.threshold = threshold
        self.batch_size = batch_size

    def inspect(self, image: Image | Path) -> Verdict:
        """Judge one image (H, W, 3) RGB uint8, or a file.

        Raises:
            GainspectError: the file cannot be read, or the model gave NaN or infinity.
        """
        return next(self.inspect_many([image]))

    def inspect_many(self, images: Iterable[Image | Path]) -> Iterator[Verdict]:
        """Judge images in order, a batch at a time; only one batch is in memory.

        Raises:
            GainspectError: a file cannot be read, or the model gave NaN or infinity.
        """
        remaining = iter(images)
        while batch := list(islice(remaining, self.batch_size)):
            pixels = (read_image(item) if isinstance(item, Path) else item for item in batch)
            frames, geometries = zip(*(letterbox(item, self.backend.size) for item in pixels), strict=True)
            results = self.backend(np.stack(frames))
            _require_finite(results)
            for index, geometry in enumerate(geometries):
                yield self._verdict(results, index, geometry)

    def _verdict(self, results: dict[str, NDArray[np.float32]], index: int, geometry: Geometry) -> Verdict:
        maps = {name: unletterbox(results[name][index], geometry) for name in MAP_NAMES if name in results}
        maps["evidence"] = np.maximum(maps["evidence"], 0)
        score = float(results["score"][index])
        return Verdict(
            label=Label.NG if score >= self.threshold else Label.OK,
            score=score,
            threshold=self.threshold,
            evidence=Evidence(**maps),
        )


def _require_finite(results: dict[str, NDArray[np.float32]]) -> None:
    """NaN compares false with every threshold, so it would pass as OK."""
    broken = [name for name, values in results.items() if not np.isfinite(values).all()]
    if broken:
        raise GainspectError(
            f"the model gave numbers that are not finite ({', '.join(broken)})",
            mend="It diverged or is damaged: train it again, with a lower learning rate.",
        )
