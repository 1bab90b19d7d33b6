"""How the cost of what is done once for a data set grows with it: time and peak memory, on small images.

Each step runs in a process of its own for each number of images, on one thread. Seconds are those of the CPU,
which other work on the machine hardly changes. An exponent is that of the power of the number of images by
which the cost grows from one number to the next; n log n is about 1.1. Memory is the peak above what the
process had before the step. Scores and verdicts are drawn; no network is run.
"""

import argparse
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from gainspect.data.checks import check
from gainspect.data.defect_size import choose_size
from gainspect.data.manifest import Manifest, Part, read_manifest, save_manifest
from gainspect.data.seen import SeenImages
from gainspect.data.splits import assign_splits
from gainspect.data.unchanged import DataRecord
from gainspect.evaluation.assessment import SELECTION, Assessment, assess
from gainspect.evaluation.goals import LeastCost
from gainspect.evaluation.operating_point import choose_policy, operating_point
from gainspect.evaluation.summary import summarize
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.inspection.inspector import Inspector
from gainspect.types import Label

SIDE = 64
"""Of the images, pixels."""
_NG = 5
"""One of so many images is NG, and has a mask."""
_TABLE = "manifest.csv"
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Of this process, on Linux. Source: proc(5)."""


class Cost(NamedTuple):
    """What one step took."""

    seconds: float
    bytes: int


def main() -> None:
    """Write the images, measure, print, save."""
    from results_table import markdown, save  # it imports torch, which the measured processes need not

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", default="1000,10000", help="numbers of images, rising")
    parser.add_argument("--full", action="store_true", help="100,000 images too")
    parser.add_argument("--steps", default=",".join(STEPS))
    options = parser.parse_args()
    numbers = [*map(int, options.images.split(",")), *([100_000] if options.full else [])]
    costs: dict[str, dict[int, Cost]] = {name: {} for name in options.steps.split(",")}
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            write_parts(Path(folder), number)
            for name, of in costs.items():
                of[number] = measured(name, Path(folder))
    table = markdown([_row(name, of) for name, of in costs.items()])
    print(table)
    title = f"Cost by the number of images, of {SIDE} × {SIDE} px"
    print("Saved:", save("scale", title, f"{' '.join((__doc__ or '').split())}\n\n{table}"))


def write_parts(folder: Path, number: int) -> None:
    """Write that many images of noise, masks of the NG ones, and their table: two images of each part."""
    rng = np.random.default_rng(number)
    parts = []
    for index in range(number):
        image, mask = folder / f"{index:06d}.png", None
        pixels = cv2.GaussianBlur(rng.integers(0, 256, (SIDE, SIDE), np.uint8), (0, 0), 2)
        if index % _NG == 0:
            marked, mask = np.zeros((SIDE, SIDE), np.uint8), folder / f"{index:06d}-mask.png"
            y, x = rng.integers(0, SIDE - 12, 2)
            marked[y : y + 12, x : x + 12] = 255
            pixels[marked > 0] //= 2
            cv2.imwrite(str(mask), marked)
        cv2.imwrite(str(image), pixels)
        kind = ("pit", "scratch")[index % 2] if mask else None
        parts.append(
            Part(image, Label.NG if mask else Label.OK, mask, group=f"g{index // 2}", defect_type=kind)
        )
    save_manifest(Manifest(folder, tuple(parts)), folder / _TABLE)


def measured(name: str, folder: Path) -> Cost:
    """Run a step in a new process, on one thread."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run, (name, folder))


def _run(name: str, folder: Path) -> Cost:
    cv2.setNumThreads(1)
    step = STEPS[name](read_manifest(folder / _TABLE))
    _CLEAR.write_text("5")  # the peak begins anew
    before, started = _kilobytes("VmRSS"), time.process_time()
    step()
    return Cost(time.process_time() - started, 1024 * (_kilobytes("VmHWM") - before))


def _kilobytes(name: str) -> int:
    return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))


def _row(name: str, costs: dict[int, Cost]) -> dict[str, object]:
    row: dict[str, object] = {"step": name}
    for number, cost in costs.items():
        row[f"{number:,}: s per 1,000"] = 1000 * cost.seconds / number
    for one, other in pairwise(costs):
        row[f"exponent to {other:,}"] = math.log(costs[other].seconds / costs[one].seconds) / math.log(
            other / one
        )
    for number, cost in costs.items():
        row[f"{number:,}: MiB"] = cost.bytes / 2**20
    return row


class _Dark:
    """A network whose evidence is how dark a place is, at a quarter of the resolution."""

    runtime, precision, size = "none", "f32", SIDE

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        grey = images[:, ::4, ::4].mean(axis=3, dtype=np.float32) / 255
        maps = dict.fromkeys(("cam", "attention", "localization", "evidence"), 1 - grey)
        return {"score": 1 - grey.min(axis=(1, 2)), **maps}


def _assessed(manifest: Manifest) -> Assessment:
    return assess(Inspector(_Dark(), threshold=0.5), manifest)


def _summary(manifest: Manifest) -> Callable[[], object]:
    assessment = _assessed(manifest)
    return lambda: summarize(assessment)


def _epoch(manifest: Manifest) -> Callable[[], object]:
    inspector = Inspector(_Dark(), threshold=0.5)
    return lambda: validation_figures(assess(inspector, manifest, scope=SELECTION), 0.9)


def _policy(manifest: Manifest) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    images = tuple(
        ValidationVerdict(
            image=manifest.key(part),
            label=part.label,
            group=part.group,
            score=float(1 / (1 + np.exp(-rng.normal(3 if part.label is Label.NG else -3, 2)))),
            evidence_peak=float(rng.random()),
            points_at_defect=bool(rng.random() < 0.9) if part.label is Label.NG else None,
            drop=float(rng.random()),
            control_drop=float(rng.normal(0, 0.1)),
            agreement=float(rng.random()),
            gap=None,
        )
        for part in manifest.parts
    )
    verdicts = ValidationVerdicts(
        map_thresholds={"evidence": 0.5}, region_threshold=0.5, controls=2, seed=0, images=images
    )

    def step() -> None:
        policy = choose_policy(verdicts, LeastCost())
        operating_point(verdicts, policy, LeastCost())

    return step


def _split(manifest: Manifest) -> Manifest:
    return assign_splits(manifest, val_fraction=0.2, test_fraction=0.2, seed=1)


STEPS: dict[str, Callable[[Manifest], Callable[[], object]]] = {
    "read the table": lambda manifest: lambda: read_manifest(manifest.root / _TABLE),
    "split": lambda manifest: lambda: _split(manifest),
    "fingerprint": lambda manifest: lambda: DataRecord.of(manifest),
    "hashes of seen images": lambda manifest: lambda: SeenImages.of(_split(manifest)),
    "data check": lambda manifest: lambda: check(_split(manifest)),
    "choose size": lambda manifest: lambda: choose_size(manifest),
    "validation of an epoch": _epoch,
    "assessment": lambda manifest: lambda: _assessed(manifest),
    "summary with intervals": _summary,
    "policy": _policy,
}
"""Each prepares, and gives what is measured."""


if __name__ == "__main__":
    main()
