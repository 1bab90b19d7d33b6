"""Which repair is suitable for the reason check? Measured on the validation part of a run, not on the test.

A good repair of the evidence lowers P(NG) of caught NG images below the threshold. On OK images, a repair at
a random place in the shape of some evidence should change neither P(NG) nor the verdict; otherwise the repair
itself looks like a defect. Networks are taught repairs that come from their own image. Times are multiples of
that of the network.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np

from gainspect.data.decode import read_image
from gainspect.data.repair import repair
from gainspect.data.repair_regions import control_regions
from gainspect.inspection.bundle import good_parts_of, read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.check import evidence_region
from gainspect.training.run_folder import RunFolder
from gainspect.types import BoolMask, Image, Label
from results_table import markdown, save

_RADIUS = 5
"""Radius of the surroundings that OpenCV's methods use, pixels."""


def _opencv(method: int) -> Callable[[Image, BoolMask], Image]:
    def fill(image: Image, region: BoolMask) -> Image:
        return np.asarray(cv2.inpaint(image, region.astype(np.uint8), _RADIUS, method), np.uint8)

    return fill


METHODS: dict[str, Callable[[Image, BoolMask], Image]] = {
    "from the image itself": repair,
    "diffused (used before)": partial(repair, fill="diffused"),
    "OpenCV Navier–Stokes": _opencv(cv2.INPAINT_NS),
    "OpenCV Telea": _opencv(cv2.INPAINT_TELEA),
}


def main() -> None:
    """Judge, repair, judge again; print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run folder with its bundle")
    parser.add_argument("--data", type=Path, help="data folder, if it has moved since")
    options = parser.parse_args()
    run = RunFolder(options.run)
    bundle = read_bundle(run.bundle_file)
    inspector, good = Inspector.load(bundle, check=False), good_parts_of(bundle)
    threshold = bundle.description.policy.region_threshold
    judged = [
        (part, *_judged(inspector, part.image)) for part in run.manifest(options.data).split("val").parts
    ]
    pieces = [
        (image, evidence_region(evidence, threshold), score)
        for part, image, score, evidence in judged
        if part.label is Label.NG and score >= inspector.threshold
    ]
    shapes, rng = cycle([region for _, region, _ in pieces]), np.random.default_rng(0)
    sound = [
        (image, region, score)
        for part, image, score, _ in judged
        if part.label is Label.OK
        for region in control_regions(_resized(next(shapes), image), rng, 1)
    ]
    used = "from good parts too (used)" if good is not None else "as used"
    methods = {used: partial(repair, good=good), **METHODS}
    rows = [_row(inspector, name, fill, pieces, sound) for name, fill in methods.items()]
    text = f"{' '.join((__doc__ or '').split())}\n\n{markdown(rows)}"
    print(text)
    print("Saved:", save("repairs", f"Repairs on the validation part: {run.config().strategy}", text))


def _judged(inspector: Inspector, path: Path) -> tuple[Image, float, np.ndarray]:
    image = read_image(path)
    verdict = inspector.inspect(image)
    return image, verdict.score, verdict.evidence.evidence


def _resized(region: BoolMask, image: Image) -> BoolMask:
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(region.astype(np.uint8), (width, height)) > 0, np.bool_)


def _row(
    inspector: Inspector,
    name: str,
    fill: Callable[[Image, BoolMask], Image],
    pieces: list[tuple[Image, BoolMask, float]],
    sound: list[tuple[Image, BoolMask, float]],
) -> dict[str, object]:
    seconds = {"repair": 0.0, "network": 0.0}

    def repaired_score(image: Image, region: BoolMask) -> float:
        began = time.perf_counter()
        image = fill(image, region)
        seconds["repair"] += (ended := time.perf_counter()) - began
        score = inspector.scores([image])[0]
        seconds["network"] += time.perf_counter() - ended
        return score

    (caught, repaired), (good, moved) = (
        np.array([(score, repaired_score(image, region)) for image, region, score in cases]).T
        for cases in (pieces, sound)
    )
    threshold = inspector.threshold
    return {
        "repair": name,
        "caught NG images": len(pieces),
        "P(NG) falls by": float((caught - repaired).mean()),
        "not NG then": float((repaired < threshold).mean()),
        "OK images": len(sound),
        "P(NG) rises by": float((moved - good).mean()),
        "mean size of the change": float(np.abs(moved - good).mean()),
        "verdicts that change": float(((moved >= threshold) != (good >= threshold)).mean()),
        "time": seconds["repair"] / seconds["network"],
    }


if __name__ == "__main__":
    main()
