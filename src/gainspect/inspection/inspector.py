"""The Inspector: all code that judges images uses this class."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import cast

import numpy as np
from numpy.typing import NDArray

from gainspect.data.depth import Depth, require_bits
from gainspect.data.framing import PADDING, letterbox
from gainspect.data.good_parts import GoodParts
from gainspect.data.image_header import require_limit
from gainspect.data.manifest import MOST_VIEWS
from gainspect.data.tiles import Tile, Tiling
from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import (
    Backend,
    Precision,
    Predictions,
    RuntimeName,
    cannot_run,
)
from gainspect.inspection.backends.choice import open_backend, require_choice
from gainspect.inspection.batches import USUAL_BATCH, batches, pixels_of_image
from gainspect.inspection.bundle import Bundle, good_parts_of, read_bundle
from gainspect.inspection.grid_map import GridMap
from gainspect.inspection.inputs import (
    PilImage,
    images_of,
    in_short,
    path_of,
    pixels_of,
    require_count,
    require_number,
    require_rgb8,
    require_threads,
)
from gainspect.inspection.reason.check import check_reasons
from gainspect.inspection.regions.apply_rules import ReadsRegions, reader_of
from gainspect.inspection.regions.found import Contributions, regions_of
from gainspect.inspection.statistics import image_statistics
from gainspect.inspection.tiled import Judged, add_maps, grid_of, judge_tiles
from gainspect.policy import InputPolicy, ReasonPolicy, Rules, View, ViewRule, decide, part_score
from gainspect.types import (
    CHECK_REASONS,
    Evidence,
    Image,
    InputStatistics,
    Label,
    MapName,
    NgReason,
    PartVerdict,
    Region,
    RuleFindings,
    Verdict,
)

Input = NDArray[np.uint8] | NDArray[np.uint16] | PilImage | os.PathLike[str] | str
"""An image file, a Pillow image, or an array (H, W) or (H, W, 1, 3 or 4); color is RGB or RGBA."""


class Inspector:
    """Judges images of any size; safe to share between threads.

    Args:
        backend: runs the network.
        threshold: from this P(NG) on, the verdict is NG.
        review_from: from this P(NG) on, and below the threshold, it is REVIEW; None: there is no such band.
        views: how the images of a part become one score; None: the largest counts.
        region_threshold: regions are where the evidence reaches this value; None: no regions are computed.
        batch_size: number of images that `inspect_many` judges at once; with tiling, of tiles of one image.
        tiling: how to cut images into tiles, as in training; None: the network sees each image whole.
        reason: how to check the reason of NG verdicts; None: it is not checked. Needs a region threshold.
        max_mpx: images with more millions of decoded pixels are refused before they are decoded; None: 64,
            or what the environment variable GAINSPECT_MAX_MPX says.
        padding: gray value of the letterbox's border, as in training.
        depth: how many of their bits 16-bit images use, as in training; None: not known, so images that do
            not state it are refused.
        regions: what is said of regions besides where they are: types, measures, rules; None: nothing.
        inputs: which images are like those of the training; None: no image is looked at.
        good: good parts that the repairs of a check may come from; None: they come from the image itself.

    Raises:
        GainspectError: an argument is out of its range.
    """

    bundle: Bundle | None = None
    """The bundle that the Inspector was loaded from."""

    def __init__(
        self,
        backend: Backend,
        *,
        threshold: float,
        review_from: float | None = None,
        views: ViewRule | None = None,
        region_threshold: float | None = None,
        batch_size: int = 16,
        tiling: Tiling | None = None,
        reason: ReasonPolicy | None = None,
        max_mpx: float | None = None,
        padding: int = PADDING,
        depth: Depth | None = None,
        regions: ReadsRegions | None = None,
        inputs: InputPolicy | None = None,
        good: GoodParts | None = None,
    ) -> None:
        if region_threshold is not None:
            region_threshold = require_number("region_threshold", region_threshold, -math.inf, math.inf)
        elif reason is not None:
            raise GainspectError("checking reasons needs a region threshold", hint="Give region_threshold.")
        for name, value, known in (
            ("tiling", tiling, Tiling),
            ("reason", reason, ReasonPolicy),
            ("inputs", inputs, InputPolicy),
        ):
            if value is not None and not isinstance(value, known):
                raise GainspectError(
                    f"{name} is {in_short(value)}", hint=f"Give a {known.__name__}, or None."
                )
        if not hasattr(backend, "size"):
            raise GainspectError(f"{in_short(backend)} runs no network", hint="Use Inspector.load.")
        self.backend = backend
        threshold = require_number("threshold", threshold, 0, 1)
        if review_from is not None:
            review_from = require_number("review_from", review_from, 0, threshold)
        self.rules = Rules(threshold=threshold, review_from=review_from, views=views)
        self.region_threshold = region_threshold
        self.batch_size = batch_size
        self.tiling = tiling
        self.reason = reason
        self.padding = padding
        self.depth = depth
        self.regions = regions
        self.inputs = inputs
        self.good = good
        self.max_mpx = require_limit(max_mpx)

    @property
    def threshold(self) -> float:
        """From this P(NG) on, the verdict is NG. Setting it leaves no band for REVIEW below it."""
        return self.rules.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        threshold = require_number("threshold", value, 0, 1)
        self.rules = self.rules.model_copy(update={"threshold": threshold, "review_from": None})

    @property
    def policy_id(self) -> str | None:
        """The id of the bundle's policy; None without a bundle, or if it is not applied as it is."""
        if self.bundle is None:
            return None
        policy = self.bundle.description.policy
        rules = None if self.regions is None else self.regions.rules
        applied = self.rules, self.reason, rules, self.inputs
        chosen = policy.rules, policy.reason, policy.region_rules, policy.inputs
        return policy.policy_id if applied == chosen else None

    @property
    def batch_size(self) -> int:
        """Number of images that `inspect_many` judges at once; with tiling, of tiles of one image."""
        return self._batch_size

    @batch_size.setter
    def batch_size(self, value: int) -> None:
        self._batch_size = require_count("batch_size", value)

    @property
    def images_at_once(self) -> int:
        """How many images `inspect_many` has in memory at once, at most: of large images fewer."""
        return self.batch_size if self.tiling is None else 1

    @classmethod
    def load(
        cls,
        bundle: os.PathLike[str] | str | Bundle,
        runtime: RuntimeName = "auto",
        precision: Precision = "f32",
        *,
        threads: int | None = None,
        batch_size: int = USUAL_BATCH,
        check: bool = True,
        max_mpx: float | None = None,
        bits: int | None = None,
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
            max_mpx: images with more millions of decoded pixels are refused before they are decoded; None:
                64, or what the environment variable GAINSPECT_MAX_MPX says.
            bits: how many of their bits 16-bit images use, 8 … 16, for a bundle that was trained without
                such images; None: as in training, where without such images they are refused.

        Raises:
            GainspectError: the bundle is refused, the runtime cannot run it, or an argument is out of its
                range.
        """
        require_choice(runtime, precision)
        threads, batch_size = require_threads(threads), require_count("batch_size", batch_size)
        max_mpx = require_limit(max_mpx)
        if not isinstance(check, bool):
            raise GainspectError(f"check is {in_short(check)}", hint="Give True or False.")
        if not isinstance(bundle, Bundle):
            bundle = read_bundle(path_of(bundle, what="the bundle"))
        depth = _depth(bundle, bits)
        policy = bundle.description.policy
        _require_distance(bundle)
        backend = open_backend(bundle, runtime, precision, threads)
        inspector = cls(
            backend,
            threshold=policy.threshold,
            review_from=policy.review_from,
            views=policy.views,
            region_threshold=policy.region_threshold,
            batch_size=batch_size,
            tiling=bundle.description.preprocessing.tiling,
            reason=policy.reason if check else None,
            max_mpx=max_mpx,
            padding=bundle.description.preprocessing.padding,
            depth=depth,
            regions=reader_of(bundle, precision),
            inputs=policy.inputs,
            good=good_parts_of(bundle) if check else None,
        )
        inspector.bundle = bundle
        try:
            next(inspector.judge([np.zeros((backend.size, backend.size, 3), np.uint8)]))
        except GainspectError:
            raise
        except Exception as error:  # runtimes raise errors of many kinds for a graph that is not ours
            raise cannot_run(bundle, backend.runtime, error) from error
        return inspector

    def inspect(self, image: Input) -> Verdict:
        """Judge one image.

        Raises:
            GainspectError: it is not an image, cannot be read, or is over `max_mpx`, or the model gave NaN or
                infinity.
        """
        return next(self.judge([self.read(image)]))

    def decide(self, images: Iterable[Input]) -> PartVerdict:
        """Decide on one part by its images (views, exposures), in any order.

        Raises:
            GainspectError: there is no image, or there are more than 100; or see `inspect`.
        """
        given = cast("list[Input]", list(islice(images_of(images), MOST_VIEWS + 1)))
        if not 0 < len(given) <= MOST_VIEWS:
            raise GainspectError(
                "a part has no images" if not given else f"a part has more than {MOST_VIEWS} images",
                hint="Give the images of one part.",
            )
        verdicts = tuple(self.inspect_many(given))
        score = part_score([verdict.score for verdict in verdicts], self.rules.views)
        return PartVerdict(decide(list(map(view_of, verdicts)), self.rules), score, verdicts)

    def read(self, image: Input) -> Image:
        """The pixels of an image as `judge` takes them.

        Raises:
            GainspectError: see `inspect`.
        """
        return pixels_of(image, self.max_mpx, self.depth)

    def inspect_many(self, images: Iterable[Input]) -> Iterator[Verdict]:
        """Judge images in order, one batch at a time; only one batch is in memory.

        Raises:
            GainspectError: `images` is a single image or no images; or see `inspect`.
        """
        named = enumerate(images_of(images), start=1)
        pixels = (
            pixels_of(image, self.max_mpx, self.depth, where=f"image {place}") for place, image in named
        )
        return self.judge(pixels)

    def judge(self, images: Iterable[Image]) -> Iterator[Verdict]:
        """As `inspect_many`, for images as `gainspect.data` reads them: (H, W, 3) uint8.

        Raises:
            GainspectError: one is of another shape or type, or the model gave NaN or infinity.
        """
        given = map(require_rgb8, images_of(images))
        for pixels in batches(given, self.images_at_once, pixels_of_image):
            verdicts = [
                self._verdict(judged, image)
                for judged, image in zip(self._judge(pixels), pixels, strict=True)
            ]
            if self.reason is not None and self.region_threshold is not None:
                verdicts = check_reasons(
                    pixels, verdicts, self.scores, self.reason, self.region_threshold, self.good
                )
            yield from map(self._decided, verdicts)

    def scores(self, images: Iterable[Image]) -> list[float]:
        """Only P(NG) of each image, as `judge` takes them; one batch (with tiling, one image) at a time.

        Raises:
            GainspectError: see `judge`.
        """
        images = map(require_rgb8, images_of(images))
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
                judge_tiles(
                    self._run, image, size, self.tiling, self.batch_size, self.padding, self._keep_from
                )
                for image in images
            )
            return
        frames, geometries = zip(*(letterbox(image, size, self.padding) for image in images), strict=True)
        results = self._run(np.stack(frames))
        for index, geometry in enumerate(geometries):
            given = results.get("contributions")
            shape = geometry.height, geometry.width
            whole, maps = Tile(0, 0, *shape), dict[MapName, GridMap]()
            add_maps(maps, shape, results, index, geometry, whole)
            yield Judged(
                score=float(results["score"][index]),
                maps=maps,
                contributions=None if given is None else np.array(given[index]),
                geometry=geometry,
                grids=() if self.regions is None else (grid_of(results, index, geometry, whole),),
                distance=float(results["distance"][index]) if "distance" in results else None,
                frame=frames[index],
            )

    @property
    def _keep_from(self) -> float | None:
        """From which P(NG) on the grids of tiles are kept: all that could make the image NG or REVIEW."""
        return None if self.regions is None else self.rules.least_stopped

    def _run(self, frames: NDArray[np.uint8]) -> Predictions:
        results = self.backend(frames)
        _require_finite(results)
        return results

    def _inputs(self, judged: Judged, image: Image) -> InputStatistics:
        """The figures of an image; with tiles, its distance is the largest of all tiles."""
        frame, geometry = judged.frame, judged.geometry
        if frame is None:
            frame, geometry = letterbox(image, self.backend.size, self.padding)
        inputs = image_statistics(frame, geometry)
        return inputs if judged.distance is None else {**inputs, "distance": judged.distance}

    def _verdict(self, judged: Judged, image: Image) -> Verdict:
        """What is known before reasons are checked: its label is NG if that of its score is to be checked."""
        maps, given, tile = judged.maps, judged.contributions, judged.tile
        place = None if tile is None else (tile.left, tile.top, tile.width, tile.height)
        evidence = Evidence(**maps, contributions=given, tile=place)
        regions: tuple[Region, ...] = ()
        if self.region_threshold is not None and maps["evidence"].reaches(self.region_threshold):
            contributions = None if given is None else Contributions(given, judged.geometry, tile)
            regions = regions_of(evidence.evidence, self.region_threshold, contributions)
        found: RuleFindings | None = None
        if self.regions is not None and self.region_threshold is not None:
            regions, found = self.regions.read(regions, evidence, self.region_threshold, judged.grids)
        inputs = None if self.inputs is None else self._inputs(judged, image)
        verdict = Verdict(
            label=Label.OK,
            score=judged.score,
            threshold=self.threshold,
            evidence=evidence,
            regions=regions,
            region_rules=found,
            inputs=inputs,
            unlike=() if inputs is None or self.inputs is None else self.inputs.unlike(inputs),
        )
        # An image that is NG by a rule on its regions alone has no NG score whose reason could be checked.
        checked = NgReason.SCORE in decide([view_of(verdict)], self.rules).fired
        return replace(verdict, label=Label.NG) if checked else verdict

    def _decided(self, verdict: Verdict) -> Verdict:
        """The verdict with its label, which what its check found may have changed."""
        decision = decide([view_of(verdict)], self.rules)
        return replace(
            verdict, label=decision.label, review_reasons=decision.review_reasons, fired=decision.fired
        )


def view_of(verdict: Verdict) -> View:
    """What a policy looks at in a verdict."""
    doubts = tuple(reason for reason in verdict.review_reasons if reason in CHECK_REASONS)
    found = verdict.region_rules or RuleFindings()
    return View(verdict.score, doubts, found.ng, found.review, found.rest, bool(verdict.unlike))


def _depth(bundle: Bundle, bits: int | None) -> Depth | None:
    """The depth of 16-bit images: that of the training, or what a caller says where there was none."""
    trained = bundle.description.preprocessing.depth
    if bits is None:
        return trained
    depth = Depth(require_bits(bits))
    if trained is not None and trained.bits != depth.bits:
        raise GainspectError(
            f"bits is {bits}, but the bundle was trained on images of {trained.bits} bits",
            where=bundle.path,
            hint="Leave it out, or train with such images.",
        )
    return trained or depth


def _require_distance(bundle: Bundle) -> None:
    """Refuse a limit that cannot be applied."""
    policy = bundle.description.policy.inputs
    if policy is not None and "distance" in policy.ranges.keys() - set(bundle.description.graph.outputs):
        raise GainspectError(
            "its policy limits the distance to the training, but its network gives none",
            where=bundle.path,
            hint="Export it again from its run.",
        )


def _require_finite(results: Predictions) -> None:
    """Raise an error for NaN, which would pass as OK because it is not ≥ any threshold, and for infinity."""
    broken = [name for name, values in results.items() if not np.isfinite(values).all()]
    if broken:
        raise GainspectError(
            f"the model gave numbers that are not finite ({', '.join(broken)})",
            hint="The training diverged or the model is damaged. Train again, with a lower learning rate.",
        )
