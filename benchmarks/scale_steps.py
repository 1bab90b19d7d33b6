"""The steps that `scale.py` measures; as a script, one of them on one set of images: `STEP FOLDER`.

A step imports what it needs when it is prepared, so that an older gainspect can be measured as far as it has
the same functions.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from gainspect.data.manifest import Manifest, Part, read_manifest, save_manifest
from gainspect.data.splits import assign_splits
from gainspect.types import Label

SIDE = 64
"""Of the images, pixels."""
TABLE = "manifest.csv"
_NG = 5
"""One of so many images is NG, and has a mask."""
_THRESHOLD = 0.66
"""On the score and on the evidence of `_Dark`: it misses faint spots, and calls some OK images NG."""
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Of this process, on Linux. Source: proc(5)."""

Step = Callable[[], object]


class Cost(NamedTuple):
    """What one step took."""

    seconds: float
    """Of the CPU."""
    bytes: int
    """The peak above what the process had before the step."""


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
            pixels[marked > 0] = rng.uniform(0.4, 0.9) * pixels[marked > 0]
            cv2.imwrite(str(mask), marked)
        cv2.imwrite(str(image), pixels)
        kind = ("pit", "scratch")[index % 2] if mask else None
        parts.append(
            Part(image, Label.NG if mask else Label.OK, mask, group=f"g{index // 2}", defect_type=kind)
        )
    save_manifest(Manifest(folder, tuple(parts)), folder / TABLE)


def run(name: str, folder: Path) -> Cost:
    """Prepare a step, run it in this process, and measure it."""
    cv2.setNumThreads(1)
    step = STEPS[name](read_manifest(folder / TABLE))
    _CLEAR.write_text("5")  # the peak begins anew
    before, started = _kilobytes("VmRSS"), time.process_time()
    step()
    return Cost(time.process_time() - started, 1024 * (_kilobytes("VmHWM") - before))


def _kilobytes(name: str) -> int:
    return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))


class _Dark:
    """In the place of a network: P(NG) is the darkness of the darkest pixel, at a quarter of the side."""

    runtime, precision, size = "none", "f32", SIDE

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        grey = images[:, ::4, ::4].mean(axis=3, dtype=np.float32) / 255
        maps = dict.fromkeys(("cam", "attention", "localization", "evidence"), 1 - grey)
        return {"score": 1 - grey.min(axis=(1, 2)), **maps}


def _inspector() -> Any:
    from gainspect.inspection.inspector import Inspector

    return Inspector(_Dark(), threshold=_THRESHOLD)


def _split(manifest: Manifest) -> Manifest:
    return assign_splits(manifest, val_fraction=0.2, test_fraction=0.2, seed=1)


def _read(manifest: Manifest) -> Step:
    return lambda: read_manifest(manifest.root / TABLE)


def _fingerprint(manifest: Manifest) -> Step:
    from gainspect.data.unchanged import DataRecord

    return lambda: DataRecord.of(manifest)


def _seen(manifest: Manifest) -> Step:
    from gainspect.data.seen import SeenImages

    return lambda: SeenImages.of(_split(manifest))


def _check(manifest: Manifest) -> Step:
    from gainspect.data.checks import check

    return lambda: check(_split(manifest))


def _choose_size(manifest: Manifest) -> Step:
    from gainspect.data.defect_size import choose_size

    return lambda: choose_size(manifest)


def _epoch(manifest: Manifest) -> Step:
    from gainspect.evaluation.assessment import assess
    from gainspect.evaluation.validation_figures import validation_figures

    inspector, scope = _inspector(), {}
    with suppress(ImportError):  # it came with the measures against its cost
        from gainspect.evaluation.assessment import SELECTION

        scope = {"scope": SELECTION}
    return lambda: validation_figures(assess(inspector, manifest, **scope), 0.9)


def _assessment(manifest: Manifest) -> Step:
    from gainspect.evaluation.assessment import assess

    inspector = _inspector()
    return lambda: assess(inspector, manifest)


def _summary(manifest: Manifest) -> Step:
    from gainspect.evaluation.assessment import assess
    from gainspect.evaluation.summary import summarize

    assessment = assess(_inspector(), manifest)
    return lambda: summarize(assessment)


def _policy(manifest: Manifest) -> Step:
    from gainspect.evaluation.goals import LeastCost
    from gainspect.evaluation.operating_point import choose_policy, operating_point
    from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts

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


def _report(manifest: Manifest) -> Step:
    from gainspect.inspection import inspector
    from gainspect.jobs.write_report import write_inspection_report

    inspector.open_backend = lambda *_: _Dark()
    folder = Path(tempfile.mkdtemp())
    bundle = _bundle(folder / "dark.gain")

    def step() -> None:
        try:
            write_inspection_report(bundle, data=manifest.root / TABLE, out=folder / "report.html")
        finally:
            shutil.rmtree(folder)

    return step


def _bundle(path: Path) -> Path:
    """A bundle without a network, whose policy checks reasons."""
    from gainspect.inspection.bundle import Description, Graph, Preprocessing, write_bundle
    from gainspect.policy import HeatScale, Policy, ReasonPolicy

    policy = Policy(
        threshold=_THRESHOLD,
        target_recall=0.9,
        split="val",
        ng=10,
        ok=20,
        region_threshold=_THRESHOLD,
        heat=HeatScale(cold=0.6, hot=0.9),
        reason=ReasonPolicy(
            min_drop=0.1, max_control_drop=0.5, min_agreement=0.5, split="val", verdicts=9, marked=9
        ),
    )
    description = Description(
        schema_version=2,
        name="dark",
        created="2026-01-01T00:00:00+00:00",
        gainspect="0.1.0",
        strategy="S9",
        preprocessing=Preprocessing(size=SIDE, padding=128),
        graph=Graph(outputs=(), evidence_bias=0),
        policy=policy,
        formats={"onnx": ("model.onnx",)},
        training={"config": {"model": {"backbone": "none"}}, "epoch": 1, "seconds": 1},
        data={"fingerprint": "none", "images": {}, "ng": {}},
        files={},
    )
    write_bundle(path, description, {"model.onnx": b"no network"})
    return path


STEPS: dict[str, Callable[[Manifest], Step]] = {
    "read the table": _read,
    "split": lambda manifest: lambda: _split(manifest),
    "fingerprint": _fingerprint,
    "hashes of seen images": _seen,
    "data check": _check,
    "choose size": _choose_size,
    "validation of an epoch": _epoch,
    "assessment": _assessment,
    "summary with intervals": _summary,
    "policy": _policy,
    "report": _report,
}
"""Each prepares, and gives what is measured."""


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
