"""Many inspections from several threads: is memory constant, and is every result that of a single thread?

A small untrained bundle inspects images of mixed sizes in ONNX Runtime and OpenVINO; results are compared bit
for bit. The slope of the resident memory is that of a least-squares line through its samples after the first
fifth.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from gainspect.inspection.inspector import Inspector
from gainspect.types import Image, Verdict
from results_table import markdown, number, per, save
from untrained import untrained_bundle

_PAGE_KIB = 4
_WARM_UP = 0.2


def main() -> None:
    """Soak, print, save; exit code 1 if a result differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inspections", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--runtimes", default="onnxruntime,openvino")
    parser.add_argument("--backbone", default="test_efficientnet")
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bundle = untrained_bundle(Path(folder) / "soak.gain", backbone=options.backbone, size=options.size)
        for runtime in options.runtimes.split(","):
            inspector = Inspector.load(bundle, runtime, threads=1)
            rows.append({"runtime": runtime} | soak(inspector, options.inspections, options.threads))
            print(markdown(rows[-1:]), flush=True)
    title = f"Soak: {options.inspections} inspections, {options.threads} threads"
    text = f"{' '.join((__doc__ or '').split())}\n\n{options.backbone}, S9, {options.size} px.\n\n"
    print("Saved:", save("soak", title, text + markdown(rows)))
    sys.exit(any(row["results that differ"] for row in rows))


def soak(inspector: Inspector, count: int, threads: int) -> dict[str, object]:
    """Inspect `count` images and record the memory.

    Returns:
        One row of the table.
    """
    images = mixed_images()
    expected = [inspector.inspect(image) for image in images]
    order = np.random.default_rng(1).integers(0, len(images), count)
    step = max(1, count // 100)
    differing, samples, started = 0, [], time.perf_counter()

    def same(index: int) -> bool:
        return equal(inspector.inspect(images[index]), expected[index])

    remaining = iter(order)
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(remaining, step)):
            differing += len(batch) - sum(pool.map(same, batch))
            done += len(batch)
            samples.append((done, resident_kib()))
    seconds = time.perf_counter() - started
    at, kib = np.array([s for s in samples if s[0] > _WARM_UP * count], float).T
    return {
        "inspections": count,
        "results that differ": differing,
        "MiB after warm-up": kib[0] / 1024,
        "MiB at the end": kib[-1] / 1024,
        "slope, KiB per 1000": 1000 * float(np.polyfit(at, kib, 1)[0]),
        "inspections/s": number(per(count, seconds)),
    }


def mixed_images() -> list[Image]:
    """Noise images of many sizes and shapes, 31 to 403 pixels per side."""
    rng = np.random.default_rng(0)
    sides = [31, 64, 100, 150, 222, 403]
    return [
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height in sides
        for width in (sides[(sides.index(height) + 2) % len(sides)], height)
    ]


def equal(verdict: Verdict, other: Verdict) -> bool:
    """Whether label, score, regions and maps of two verdicts are the same, bit for bit."""
    maps, others = verdict.evidence.maps(), other.evidence.maps()
    return (
        (verdict.label, verdict.score, verdict.regions) == (other.label, other.score, other.regions)
        and maps.keys() == others.keys()
        and all(values.tobytes() == others[name].tobytes() for name, values in maps.items())
    )


def resident_kib() -> int:
    """Resident memory of this process, KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB


if __name__ == "__main__":
    main()
