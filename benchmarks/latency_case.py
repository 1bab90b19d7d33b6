"""One case of latency.py, in a separate process, so that its peak memory can be measured.

`python latency_case.py '{"runtime": …}'` prints JSON. torch is imported only if it is the runtime.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gainspect.data.framing import letterbox, unletterbox
from gainspect.data.synthetic import photograph, render_part
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import Bundle, read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.regions.found import regions_of
from gainspect.types import Image

Work = dict[str, Callable[[], Any]]


def main() -> None:
    """Run the case that the command line describes."""
    case = json.loads(sys.argv[1])
    images = [part(index, case["image"]) for index in range(case["batch"])]
    work: dict[str, Work] = {}
    for name, path in case["bundles"].items():
        if name == case.get("peer"):
            work[name] = peer(Path(path), images, case["size"])
            continue
        bundle = read_bundle(Path(path))
        work[name] = alone(bundle, images, case) if name in case["alone"] else inspector(bundle, images, case)
    seconds = in_turns(work, case["rounds"])
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))


def part(index: int, size: int) -> Image:
    """A synthetic part with a scratch."""
    rng = np.random.default_rng(index)
    return photograph(rng, *render_part(rng, material="brushed", defect="scratch", cue="none", size=size))[0]


def alone(bundle: Bundle, images: list[Image], case: dict[str, Any]) -> Work:
    """A network alone: the bare backbone, or in ONNX or OpenVINO a peer."""
    size = bundle.description.preprocessing.size
    frames = np.stack([letterbox(image, size)[0] for image in images])
    if case["runtime"] != "torch":
        backend = open_backend(bundle, case["runtime"], case["precision"], None)
        return {"graph": lambda: backend(frames)}
    import torch

    from gainspect.config import RunConfig
    from untrained import BareGraph

    graph = BareGraph(RunConfig.model_validate(bundle.description.training["config"])).eval()

    def run() -> None:
        with torch.inference_mode():
            graph(torch.from_numpy(frames))

    return {"graph": run}


def peer(path: Path, images: list[Image], size: int) -> Work:
    """The model of anomalib with its own inferencer, which takes one image at a time, of any size."""
    from anomalib_model import inferencer

    runs = inferencer(path)
    frames = np.stack([letterbox(image, size)[0] for image in images])
    given = {runs.input_blob.any_name: runs.pre_process(frames)}
    return {
        "graph": lambda: runs.model(given),
        "inspector": lambda: [runs.predict(image) for image in images],
    }


def inspector(bundle: Bundle, images: list[Image], case: dict[str, Any]) -> Work:
    """The whole way from pixels to verdicts, and its parts."""
    judge = Inspector.load(bundle, case["runtime"], case["precision"], batch_size=case["batch"])
    backend: Backend = judge.backend
    framed = [letterbox(image, backend.size) for image in images]
    frames = np.stack([frame for frame, _ in framed])
    results = backend(frames)

    def evidence_and_regions() -> None:
        for index, (_, geometry) in enumerate(framed):
            evidence = np.maximum(unletterbox(results["evidence"][index], geometry), 0)
            regions_of(evidence, judge.region_threshold or 0.0)

    return {
        "graph": lambda: backend(frames),
        "preprocessing": lambda: [letterbox(image, backend.size) for image in images],
        "evidence and regions": evidence_and_regions,
        "inspector": lambda: list(judge.inspect_many(images)),
    }


def in_turns(work: dict[str, Work], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each step, measured in turns, so that a drift of the machine's speed affects all equally."""
    seconds: dict[str, dict[str, list[float]]] = {
        name: {step: [] for step in steps} for name, steps in work.items()
    }
    for turn in range(rounds + 1):
        for name, steps in work.items():
            for step, run in steps.items():
                started = time.perf_counter()
                run()
                if turn:  # the first turn warms up
                    seconds[name][step].append(time.perf_counter() - started)
    return seconds


def peak_mib() -> float:
    """Largest resident memory of this process so far, MiB (without that of the parent process)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
