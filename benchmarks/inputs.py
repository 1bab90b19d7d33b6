"""The input check on test parts: how many images it sends to a person, and which disturbances it notices.

For each set: the images of the test part that become REVIEW only because they are unlike the training, with
the exact 95 % interval (Clopper and Pearson). Then OK images of the test part that are decided OK are
disturbed, and decided again. "another product" are OK test images of the other sets. The reason check is left
out: it changes no OK.
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.run_export import export_run
from gainspect.metrics.intervals import clopper_pearson
from gainspect.training.run_folder import RunFolder
from gainspect.types import Image, Label, ReviewReason, Verdict
from results_table import markdown, save

Disturb = Callable[[Image], Image]


def _blurred(image: Image, sigma: float) -> Image:
    return _image(cv2.GaussianBlur(image, (0, 0), sigma * min(image.shape[:2])))


def _moved(image: Image, length: float) -> Image:
    width = max(3, round(length * min(image.shape[:2])))
    return _image(cv2.filter2D(image, -1, np.full((1, width), 1 / width, np.float32)))


def _half(image: Image) -> Image:
    cut = image.copy()
    cut[len(cut) // 2 :] = 0
    return cut


def _dead_rows(image: Image) -> Image:
    cut = image.copy()
    cut[len(cut) // 3 :][: max(1, len(cut) // 20)] = 0
    return cut


def _shifted(image: Image) -> Image:
    shifted, by = np.zeros_like(image), image.shape[1] // 4
    shifted[:, by:] = image[:, : image.shape[1] - by]
    return shifted


def _glare(image: Image) -> Image:
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    radius = 0.15 * min(height, width)
    spot = np.exp(-((y - 0.4 * height) ** 2 + (x - 0.6 * width) ** 2) / (2 * radius**2))
    return _image(image + 400 * spot[..., None])


def _jpeg(image: Image) -> Image:
    return _image(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 10])[1], 1))


def _image(values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> Image:
    return np.ascontiguousarray(np.clip(values, 0, 255).astype(np.uint8))


KINDS: dict[str, Disturb] = {
    "black": np.zeros_like,
    "white": lambda image: np.full_like(image, 255),
    "noise": lambda image: np.random.default_rng(0).integers(0, 256, image.shape, np.uint8),
    "half a frame (the rest black)": _half,
    "blur, sigma 1.5 % of the shorter side": lambda image: _blurred(image, 0.015),
    "motion blur, 5 % of the shorter side": lambda image: _moved(image, 0.05),
    "quarter exposure": lambda image: _image(image // 4),
    "overexposure, three times": lambda image: _image(image * np.float32(3)),
    "dead rows (5 %)": _dead_rows,
    "shift by a quarter": _shifted,
    "rotation by 90°": lambda image: _image(np.rot90(image)),
    "swapped channels": lambda image: _image(image[..., ::-1]),
    "JPEG quality 10": _jpeg,
    "glare": _glare,
    "negative": lambda image: _image(255 - image),
}


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="RUN folders; they are copied to WORK, and exported there")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--images", type=int, default=40, help="most OK images of a set that are disturbed")
    parser.add_argument("--others", nargs="*", type=Path, default=[], help="data folders of other products")
    options = parser.parse_args()
    sets = {run.manifest().root.name: run for run in (_copy(Path(run), options.work) for run in options.runs)}
    tests = {data.resolve().name: load_manifest(data).split("test") for data in options.others}
    tests |= {name: run.manifest().split("test") for name, run in sets.items()}
    text = f"{' '.join((__doc__ or '').split())}\n"
    for name, run in sets.items():
        inspector = Inspector.load(_bundle(run), check=False)
        others = {f"another product ({other})": tests[other] for other in tests if other != name}
        text += f"\n## {name}\n\n{_of_set(inspector, tests[name], others, options.images)}"
        print(text, flush=True)
    print("Saved:", save("inputs", "The input check on test parts and on disturbed images", text))


def _copy(run: Path, work: Path) -> RunFolder:
    """A copy, since exporting writes into a run."""
    place = work / "-".join(run.resolve().parts[-3:])
    if not place.exists():
        shutil.copytree(run, place)
    return RunFolder(place)


def _bundle(run: RunFolder) -> Path:
    if not run.bundle_file.exists():
        export_run(run, run.bundle_file, formats=("onnx",))
    return run.bundle_file


def _of_set(inspector: Inspector, test: Manifest, others: dict[str, Manifest], most: int) -> str:
    judged = list(zip(test.parts, inspector.judge(map(test.image, test.parts)), strict=True))
    rows = [_added(label, [found for part, found in judged if part.label is label]) for label in Label]
    passed = [part for part, found in judged if part.label is found.label is Label.OK]
    chosen = [passed[place] for place in _spread(len(passed), most)]
    disturbed = [
        _noticed(kind, list(inspector.judge(disturb(test.image(part)) for part in chosen)))
        for kind, disturb in KINDS.items()
    ]
    for kind, other in others.items():
        ok = [part for part in other.parts if part.label is Label.OK]
        shown = [ok[place] for place in _spread(len(ok), most)]
        disturbed.append(_noticed(kind, list(inspector.judge(map(other.image, shown)))))
    return f"{markdown([row for row in rows if row])}\n{markdown(disturbed)}"


def _spread(count: int, most: int) -> list[int]:
    """At most so many places of a list, in even steps."""
    return [int(place) for place in np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))]


def _added(label: Label, verdicts: Sequence[Verdict]) -> dict[str, object]:
    if not verdicts:
        return {}
    found = [verdict for verdict in verdicts if _only_unlike(verdict)]
    low, high = clopper_pearson(len(found), len(verdicts))
    return {
        "test images": f"{len(verdicts)} {label.upper()}",
        "more REVIEW": f"{len(found)} ({len(found) / len(verdicts):.1%})",
        "95 % interval": f"{low:.1%} to {high:.1%}",
        "unlike, whatever the decision": sum(bool(verdict.unlike) for verdict in verdicts),
        "by": _figures(verdicts),
    }


def _noticed(kind: str, verdicts: Sequence[Verdict]) -> dict[str, object]:
    return {
        "disturbed": kind,
        "images": len(verdicts),
        "REVIEW unlike_training": sum(_only_unlike(verdict) for verdict in verdicts),
        "NG or borderline": sum(
            verdict.label is not Label.OK and not _only_unlike(verdict) for verdict in verdicts
        ),
        "still OK": sum(verdict.label is Label.OK for verdict in verdicts),
        "by": _figures(verdicts),
    }


def _only_unlike(verdict: Verdict) -> bool:
    return verdict.review_reasons == (ReviewReason.UNLIKE_TRAINING,)


def _figures(verdicts: Sequence[Verdict]) -> str:
    """The figures that are outside of their range, and in how many images."""
    counts = Counter(unlike.name for verdict in verdicts for unlike in verdict.unlike)
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


if __name__ == "__main__":
    main()
