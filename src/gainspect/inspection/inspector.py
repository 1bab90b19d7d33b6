"""The Inspector: all code that judges images uses this class."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gainspect.data.decode import as_rgb8, read_image
from gainspect.data.framing import PADDING, letterbox, unletterbox
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Backend, Precision, Predictions, RuntimeName
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import Bundle, read_bundle
from gainspect.inspection.reason.check import check_reasons
from gainspect.inspection.regions import Contributions, regions_of
from gainspect.inspection.tiled import Judged, judge_tiles
from gainspect.policy import ReasonPolicy
from gainspect.types import MAP_NAMES, Evidence, Image, Label, Region, Verdict

Input = NDArray[np.uint8] | NDArray[np.uint16] | Path | str
"""An image file, or pixels in a form that `as_rgb8` accepts."""


class Inspector:
    """Judges images of any size; safe to share between threads.

    Args:
        backend: runs the network.
        threshold: at or above this P(NG), the verdict is NG.
        region_threshold: regions are where the evidence reaches this value; None: no regions are computed.
        batch_size: number of images that `inspect_many` judges at once; with tiling, of tiles of one image.
        tiling: how to cut images into tiles, as in training; None: the network sees each image whole.
        reason: how to check the reason of NG verdicts; None: it is not checked. Needs a region threshold.
        padding: gray value of the letterbox's border, as in training.
    """

    bundle: Bundle | None = None
    """The bundle that the Inspector was loaded from."""

    def __init__(
        self,
        backend: Backend,
        *,
        threshold: float,
        region_threshold: float | None = None,
        batch_size: int = 16,
        tiling: Tiling | None = None,
        reason: ReasonPolicy | None = None,
        padding: int = PADDING,
    ) -> None:
        self.backend = backend
        self.threshold = threshold
        self.region_threshold = region_threshold
        self.batch_size = batch_size
        self.tiling = tiling
        self.reason = reason
        self.padding = padding

    @property
    def images_at_once(self) -> int:
        """How many images `inspect_many` has in memory at once."""
        return self.batch_size if self.tiling is None else 1

    @classmethod
    def load(
        cls,
        bundle: Path | str | Bundle,
        runtime: RuntimeName = "auto",
        precision: Precision = "f32",
        *,
        threads: int | None = None,
        batch_size: int = 8,
        check: bool = True,
    ) -> "Inspector":
        """Load a bundle, verify it, and run it once, so that the first part does not take longer.

        Args:
            bundle: its path, or the result of `read_bundle`.
            runtime: "auto" is ONNX Runtime for f32, otherwise OpenVINO.
            precision: precision of the arithmetic.
            threads: number of threads; None: all CPUs that the process may use (cgroup quota, affinity). The
                runtime "torch" ignores it and keeps the threads of the process.
            batch_size: number of images that `inspect_many` judges at once.
            check: whether to check reasons as the bundle's policy defines; False: never.

        Raises:
            GainspectError: the bundle is refused, or the runtime cannot run it.
        """
        if not isinstance(bundle, Bundle):
            bundle = read_bundle(Path(bundle))
        backend = open_backend(bundle, runtime, precision, threads)
        policy = bundle.description.policy
        inspector = cls(
            backend,
            threshold=policy.threshold,
            region_threshold=policy.region_threshold,
            batch_size=batch_size,
            tiling=bundle.description.preprocessing.tiling,
            reason=policy.reason if check else None,
            padding=bundle.description.preprocessing.padding,
        )
        inspector.bundle = bundle
        inspector.inspect(np.zeros((backend.size, backend.size, 3), np.uint8))
        return inspector

    def inspect(self, image: Input) -> Verdict:
        """Judge one image.

        Raises:
            GainspectError: the file cannot be read, the array is not an image, or the model gave NaN or
                infinity.
        """
        return next(self.inspect_many([image]))

    def inspect_many(self, images: Iterable[Input]) -> Iterator[Verdict]:
        """Judge images in order, one batch at a time; only one batch is in memory.

        Raises:
            GainspectError: see `inspect`.
        """
        remaining = iter(images)
        while batch := list(islice(remaining, self.images_at_once)):
            pixels = [_pixels(item) for item in batch]
            verdicts = [self._verdict(judged) for judged in self._judge(pixels)]
            if self.reason is not None and self.region_threshold is not None:
                verdicts = check_reasons(pixels, verdicts, self.scores, self.reason, self.region_threshold)
            yield from verdicts

    def scores(self, images: Iterable[Image]) -> list[float]:
        """Only P(NG) of each image, one batch at a time (with tiling, image by image).

        Raises:
            GainspectError: the model gave NaN or infinity.
        """
        if self.tiling is not None:
            return [judged.score for judged in self._judge(images)]
        frames = (letterbox(image, self.backend.size, self.padding)[0] for image in images)
        found: list[float] = []
        while batch := list(islice(frames, self.batch_size)):
            found += [float(score) for score in self._run(np.stack(batch))["score"]]
        return found

    def _judge(self, images: Iterable[Image]) -> Iterator[Judged]:
        """What the network says of each image, the maps in the image's own geometry."""
        size = self.backend.size
        if self.tiling is not None:
            yield from (
                judge_tiles(self._run, image, size, self.tiling, self.batch_size, self.padding)
                for image in images
            )
            return
        frames, geometries = zip(*(letterbox(image, size, self.padding) for image in images), strict=True)
        results = self._run(np.stack(frames))
        names = [name for name in MAP_NAMES if name in results]
        for index, geometry in enumerate(geometries):
            maps = {name: unletterbox(results[name][index], geometry) for name in names}
            given = results.get("contributions")
            contributions = None if given is None else np.array(given[index])
            yield Judged(float(results["score"][index]), maps, contributions, geometry)

    def _run(self, frames: NDArray[np.uint8]) -> Predictions:
        results = self.backend(frames)
        _require_finite(results)
        return results

    def _verdict(self, judged: Judged) -> Verdict:
        maps, given, tile = judged.maps, judged.contributions, judged.tile
        evidence = np.maximum(maps["evidence"], 0, out=maps["evidence"])
        regions: tuple[Region, ...] = ()
        if self.region_threshold is not None:
            contributions = None if given is None else Contributions(given, judged.geometry, tile)
            regions = regions_of(evidence, self.region_threshold, contributions)
        place = None if tile is None else (tile.left, tile.top, tile.width, tile.height)
        return Verdict(
            label=Label.NG if judged.score >= self.threshold else Label.OK,
            score=judged.score,
            threshold=self.threshold,
            evidence=Evidence(**maps, contributions=given, tile=place),
            regions=regions,
        )


def _pixels(image: Input) -> NDArray[np.uint8]:
    return read_image(Path(image)) if isinstance(image, Path | str) else as_rgb8(image)


def _require_finite(results: Predictions) -> None:
    """Raise an error for NaN, which would pass as OK because it is not ≥ any threshold, and for infinity."""
    broken = [name for name, values in results.items() if not np.isfinite(values).all()]
    if broken:
        raise GainspectError(
            f"the model gave numbers that are not finite ({', '.join(broken)})",
            hint="The training diverged or the model is damaged. Train again, with a lower learning rate.",
        )
