"""The drift watch on streams of real parts: how often it gives a false alarm, how soon it notices a change.

A stream is drawn from the images of a set with a stored score, with replacement, 2 % of them NG. Figures are
those of the images (inspection/statistics.py); a change is made to the pixels, and the figures are taken
anew. Scores stay those of the unchanged images, and the feature distance is left out: a change has to be
noticed by the figures of the image alone. The reference has 200 parts, the stated false-alarm rate is 1 %
unless said otherwise.

False alarms: share of watches with any alarm in the unchanged parts (exact 95 % interval). Delays: parts from
a change, which comes after the unchanged ones, to the alarm. Streams that are not exchangeable are drawn from
a normal distribution, one figure among 8: what a watch then does has no stated rate. With least = 1 an alarm
is held back until the median has moved by the interquartile range of the reference; "moved by" says by how
many of these a change moves the figure that notices it first (OK images).
"""

import argparse
import copy
import csv
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import letterbox
from gainspect.data.importers import load_manifest
from gainspect.evaluation.drift_watch import FALSE_ALARMS, REFERENCE
from gainspect.inspection.statistics import image_statistics
from gainspect.metrics.drift import ChangeMartingale, SequentialRanks
from gainspect.metrics.intervals import clopper_pearson
from gainspect.types import Image, Label
from results_table import markdown, save

Table = NDArray[np.float64]
"""(images, figures)."""
_SIZE = 256
_NG_SHARE = 0.02
_MOST_DELAY = 1000
_KEPT = 1000
"""As in a `DriftWatch`."""


def _exposed(factor: float) -> Callable[[Image], Image]:
    return lambda image: (image * np.float32(factor)).astype(np.uint8)


def _blurred(sigma: float) -> Callable[[Image], Image]:
    return lambda image: cv2.GaussianBlur(image, (0, 0), sigma * min(image.shape[:2]))  # type: ignore[return-value]


def _shifted(image: Image) -> Image:
    by = image.shape[1] // 10
    moved = cv2.copyMakeBorder(image, 0, 0, by, 0, cv2.BORDER_REPLICATE)[:, : image.shape[1]]
    return np.ascontiguousarray(moved, np.uint8)


CHANGES: Mapping[str, Callable[[Image], Image]] = {
    "exposure × 0.25": _exposed(0.25),
    "exposure × 0.5": _exposed(0.5),
    "exposure × 0.8": _exposed(0.8),
    "blur, sigma 1.5 % of the shorter side": _blurred(0.015),
    "blur, sigma 0.3 % of the shorter side": _blurred(0.003),
    "camera shifted by a tenth": _shifted,
}


class Parts:
    """The figures of a set's images, unchanged and after each change."""

    def __init__(self, data: Path, scores: list[Path]) -> None:
        known = {image: score for file in scores for image, score in _scores(file)}
        manifest = load_manifest(data)
        parts = [part for part in manifest.parts if manifest.key(part) in known]
        self.ng = np.array([part.label is Label.NG for part in parts])
        found: dict[str, list[list[float]]] = {name: [] for name in ("unchanged", *CHANGES)}
        for part in parts:
            image = manifest.image(part)
            for name, rows in found.items():
                figures = _figures(image if name == "unchanged" else CHANGES[name](image))
                rows.append([known[manifest.key(part)], *figures.values()])
        self.names = ("score", *figures)
        self.tables = {name: np.array(rows) for name, rows in found.items()}

    def moved(self, change: str, figure: str) -> float:
        """By how many interquartile ranges a change moves the median of a figure of the OK images."""
        place = self.names.index(figure)
        before, after = (self.tables[name][~self.ng, place] for name in ("unchanged", change))
        lower, middle, upper = np.quantile(before, [0.25, 0.5, 0.75])
        return float(abs(np.median(after) - middle) / (upper - lower))

    def draw(self, change: str, rng: np.random.Generator, watches: int, ng: float = _NG_SHARE) -> Table:
        """(watches · figures,) of the next part of each watch."""
        chosen = np.where(
            rng.random(watches) < ng,
            rng.choice(np.flatnonzero(self.ng), watches),
            rng.choice(np.flatnonzero(~self.ng), watches),
        )
        return self.tables[change][chosen].ravel()


def _scores(file: Path) -> Iterator[tuple[str, float]]:
    """Images with their scores: predictions.csv, or validation.json."""
    if file.suffix == ".json":
        rows = json.loads(file.read_text(encoding="utf-8"))["images"]
    else:
        rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return ((row["image"], float(row["score"])) for row in rows)


def _figures(image: Image) -> dict[str, float]:
    return {str(name): value for name, value in image_statistics(*letterbox(image, _SIZE)).items()}


class Watches:
    """Watches side by side, each of the same number of figures.

    Args:
        reference: (parts, watches · figures).
        figures: of one watch.
        rng: for ties, and within gaps.
    """

    def __init__(self, reference: Table, figures: int, rng: np.random.Generator) -> None:
        self.figures = figures
        self._rng = rng
        self._ranks = SequentialRanks(reference, rng.random(reference.shape))
        self._martingale = ChangeMartingale(reference.shape[1])

    def take(self, values: Table) -> Table:
        """(watches, figures) logarithms of capital after the next part of each watch."""
        ties, within = self._rng.random((2, len(values)))
        capital = self._martingale.take(self._ranks.take(values, ties, within))
        return capital.reshape(-1, self.figures)

    def since(self, stream: int) -> int:
        """Number of the part from which on a figure has changed."""
        return self._martingale.change(stream).since


def _started(parts: Parts, rng: np.random.Generator, watches: int) -> Watches:
    """Watches with their reference."""
    reference = np.array([parts.draw("unchanged", rng, watches) for _ in range(REFERENCE)])
    return Watches(reference, len(parts.names), rng)


def _false_alarms(parts: Parts, watches: int, length: int) -> list[dict[str, object]]:
    rng, figures = np.random.default_rng(0), len(parts.names)
    started = _started(parts, rng, watches)
    highest = np.full((watches, figures), -np.inf)
    for _ in range(length):
        highest = np.maximum(highest, started.take(parts.draw("unchanged", rng, watches)))
    rows: list[dict[str, object]] = []
    for rate in (FALSE_ALARMS, 0.05, 0.2):
        count = int((highest.max(axis=1) >= np.log(figures / rate)).sum())
        low, high = clopper_pearson(count, watches)
        told = {"stated": f"{rate:.0%}", "watches": watches, "with an alarm": count}
        rows.append({**told, "share": f"{count / watches:.1%}", "95 % interval": f"{low:.1%} to {high:.1%}"})
    return rows


def _delays(parts: Parts, watches: int, length: int) -> list[dict[str, object]]:
    rng = np.random.default_rng(1)
    started = _started(parts, rng, watches)
    for _ in range(length):
        started.take(parts.draw("unchanged", rng, watches))
    streams = {name: (name, _NG_SHARE) for name in CHANGES}
    streams |= {f"NG parts 2 % → {share:.0%}": ("unchanged", share) for share in (0.05, 0.2)}
    return [_delay(name, parts, copy.deepcopy(started), watches, *stream) for name, stream in streams.items()]


def _delay(
    name: str, parts: Parts, started: Watches, watches: int, change: str, ng: float
) -> dict[str, object]:
    """When watches notice a change, and by which figure first."""
    rng, limit = np.random.default_rng(2), np.log(len(parts.names) / FALSE_ALARMS)
    noticed, by = np.zeros(watches, np.int64), Counter[str]()
    for number in range(1, _MOST_DELAY + 1):
        over = started.take(parts.draw(change, rng, watches, ng)) >= limit
        for one in np.flatnonzero(over.any(axis=1) & (noticed == 0)):
            noticed[one] = number
            by[parts.names[int(over[one].argmax())]] += 1
        if noticed.all():
            break
    found = noticed[noticed > 0]
    return {
        "change": name,
        f"noticed within {_MOST_DELAY:,}": f"{len(found)} of {watches}",
        "median": round(float(np.median(found))) if len(found) else "–",
        "longest": int(found.max()) if len(found) else "–",
        "first by": ", ".join(f"{figure} {count}" for figure, count in by.most_common()),
        "moved by": "–" if not by else f"{parts.moved(change, by.most_common(1)[0][0]):.2g}",
    }


def _not_exchangeable(watches: int, length: int) -> list[dict[str, object]]:
    streams: dict[str, Callable[[np.random.Generator], Table]] = {
        "exchangeable": lambda rng: _noise(rng, watches)
    }
    for size in (50, 500):
        for spread in (0.1, 0.3, 1.0):
            streams[f"lots of {size}, spread of lots {spread:g} of that within"] = _lots(
                watches, size, spread
            )
    for correlation in (0.1, 0.3, 0.6):
        streams[f"each part correlated with the one before, {correlation:g}"] = _correlated(
            watches, correlation
        )
    return [{"stream": name, **_alarmed(draw, watches, length)} for name, draw in streams.items()]


def _alarmed(draw: Callable[[np.random.Generator], Table], watches: int, length: int) -> dict[str, object]:
    """How many watches give an alarm, and how many if a median has to move by the interquartile range."""
    rng = np.random.default_rng(3)
    reference = np.array([draw(rng) for _ in range(REFERENCE)])
    lower, before, upper = np.quantile(reference, [0.25, 0.5, 0.75], axis=0)
    started, values = Watches(reference, 1, rng), np.empty((length, watches))
    alarm, far = np.zeros(watches, bool), np.zeros(watches, bool)
    for number in range(length):
        values[number] = draw(rng)
        over = started.take(values[number])[:, 0] >= np.log(8 / FALSE_ALARMS)
        alarm |= over
        for one in np.flatnonzero(over & ~far):
            since = max(started.since(one), number + 1 - _KEPT)
            moved = abs(np.median(values[since : number + 1, one]) - before[one])
            far[one] = moved >= upper[one] - lower[one]
    return {
        "watches with an alarm": f"{int(alarm.sum())} of {watches}",
        "with least = 1": f"{int(far.sum())} of {watches}",
    }


def _noise(rng: np.random.Generator, watches: int) -> Table:
    return rng.normal(size=watches)


def _lots(watches: int, size: int, spread: float) -> Callable[[np.random.Generator], Table]:
    """Parts that have something in common with those of their lot."""
    numbers, lot = itertools.count(), np.zeros(watches)

    def draw(rng: np.random.Generator) -> Table:
        if next(numbers) % size == 0:
            lot[:] = rng.normal(0, spread, watches)
        return lot + _noise(rng, watches)

    return draw


def _correlated(watches: int, correlation: float) -> Callable[[np.random.Generator], Table]:
    """An autoregressive process of the first order."""
    last = np.zeros(watches)

    def draw(rng: np.random.Generator) -> Table:
        last[:] = correlation * last + np.sqrt(1 - correlation**2) * _noise(rng, watches)
        return last.copy()

    return draw


def main() -> None:
    """Watch and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--set",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME DATA", "SCORES"),
        dest="sets",
        help="name, data folder, files with scores of its images (predictions.csv, validation.json)",
    )
    parser.add_argument("--watches", type=int, default=400, help="for the share of false alarms")
    parser.add_argument("--changed", type=int, default=40, help="watches that see each change")
    parser.add_argument("--length", type=int, default=5000, help="unchanged parts")
    options = parser.parse_args()
    text = f"{' '.join((__doc__ or '').split())}\n"
    for name, data, *scores in options.sets:
        parts = Parts(Path(data), [Path(file) for file in scores])
        count = f"{int((~parts.ng).sum())} OK and {int(parts.ng.sum())} NG images"
        text += f"\n## {name} ({count})\n\n{markdown(_false_alarms(parts, options.watches, options.length))}"
        text += f"\n{markdown(_delays(parts, options.changed, options.length))}"
        print(text, flush=True)
    rows = _not_exchangeable(options.watches, options.length)
    text += f"\n## Streams that are not exchangeable\n\n{markdown(rows)}"
    print("Saved:", save("drift", "The drift watch: false alarms and delays", text))


if __name__ == "__main__":
    main()
