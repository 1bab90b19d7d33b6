"""Time and peak memory of an inspection in every runtime, compared with the bare backbone.

The Inspector gives a verdict with regions in the image's own pixels; maps that nobody looks at are not drawn.
The times of preprocessing, and of drawing the evidence with its regions, are also listed separately. The
weights are random, which are as fast as trained ones. The subjects of one case are timed in turns in one
process, and a ratio is the median of those of the turns. Peak memory is that of a process that does nothing
else.

Of U-Net and FPN on the same backbone the graph alone is timed, up to their map and score, in all but torch.

In OpenVINO f32, anomalib's SuperSimpleNet on the same backbone stands beside, timed with the bare backbone in
a process of their own, exported by anomalib and run by its OpenVINOInferencer, which takes an image of any
size, resizes it in the graph, and gives a score and a map, but no regions. Its peak memory has torch in it,
which anomalib imports.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from anomalib_model import export
from gainspect.config import RunConfig
from gainspect.inspection.bundle import Bundle
from peer_networks import peer_graph
from results_table import markdown, number, per, save
from untrained import BareGraph, untrained_bundle

BARE, PEER = "bare backbone", "anomalib SuperSimpleNet"
RUNS = {
    "torch": ("torch", "f32"),
    "onnxruntime": ("onnxruntime", "f32"),
    "openvino f32": ("openvino", "f32"),
    "openvino bf16": ("openvino", "bf16"),
    "openvino int8": ("openvino", "int8"),
}
FORMATS = ("onnx", "openvino", "openvino-int8", "torch")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--sizes", default="256,512")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--image", type=int, default=640, help="side of the images, pixels")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--strategies", default="S1,S9")
    parser.add_argument("--peers", nargs="*", default=["U-Net", "FPN"])
    parser.add_argument("--runtimes", default=",".join(RUNS))
    parser.add_argument("--cpus", type=int, help="keep to so many: on a machine that is not idle, 1 (Linux)")
    parser.add_argument("--name", default="latency", help="of the table in benchmarks/results/")
    options = parser.parse_args()
    if options.cpus is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cpus])
        torch.set_num_threads(options.cpus)  # here nothing is run with it, but it is told
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, options.sizes.split(",")):
            bundles = _bundles(Path(folder) / str(size), options, size)
            peer = {PEER: str(export(Path(folder) / f"peer{size}", options.backbone, size))}
            for batch in map(int, options.batches.split(",")):
                for runtime in options.runtimes.split(","):
                    case = {"batch": batch, "image": options.image, "rounds": options.rounds, "size": size}
                    case |= {"alone": [BARE, *options.peers], "peer": PEER}
                    case |= dict(zip(("runtime", "precision"), RUNS[runtime], strict=True))
                    head = {"px": size, "batch": batch, "runtime": runtime}
                    left_out = options.peers if runtime == "torch" else ()
                    timed = {name: path for name, path in bundles.items() if name not in left_out}
                    found = _rows(case, timed, head)
                    if runtime == "openvino f32":  # apart: anomalib brings torch's threads along
                        found += _rows(case, {BARE: bundles[BARE], **peer}, head)[1:]
                    print(markdown(found), flush=True)
                    rows += found
    text = f"{' '.join((__doc__ or '').split())}\n\nMilliseconds per batch, over {options.rounds} runs.\n\n"
    title = f"Latency: {options.backbone}, images of {options.image} px"
    print("Saved:", save(options.name, title, text + markdown(rows)))


def _bundles(folder: Path, options: argparse.Namespace, size: int) -> dict[str, str]:
    """Paths by name, with the bare backbone first."""
    folder.mkdir()
    common = {"backbone": options.backbone, "size": size}

    def lone(name: str, network: Callable[[RunConfig], nn.Module]) -> Bundle:
        place = folder / f"{name}.gain"
        return untrained_bundle(place, strategy_name="S1", alone=network, formats=FORMATS[:-1], **common)

    def whole(name: str) -> Bundle:
        return untrained_bundle(folder / f"{name}.gain", strategy_name=name, formats=FORMATS, **common)

    made = {BARE: lone(BARE, BareGraph)}
    made |= {name: whole(name) for name in options.strategies.split(",")}
    made |= {name: lone(name, partial(peer_graph, name)) for name in options.peers}
    return {name: str(bundle.path) for name, bundle in made.items()}


def _rows(case: dict[str, Any], bundles: dict[str, str], head: dict[str, object]) -> list[dict[str, object]]:
    """One row per subject. The times are measured in a common process, peak memory in separate ones."""
    seconds = _run(case | {"bundles": bundles})["seconds"]
    base = seconds[BARE]["graph"]
    rows = []
    for name, path in bundles.items():
        steps = seconds[name]
        whole = steps.get("inspector", steps["graph"])
        few = case | {"bundles": {name: path}, "rounds": min(3, case["rounds"])}
        row = head | {
            "": name,
            "graph": _ms(steps["graph"]),
            "graph / bare": number(_ratio(steps["graph"], base)),
            "preprocessing": _ms(steps.get("preprocessing")),
            "evidence and regions": _ms(steps.get("evidence and regions")),
            "whole median": _ms(whole),
            "whole p95": 1000 * float(np.percentile(whole, 95)),
            "whole / bare": number(_ratio(whole, base)),
            "peak MiB": round(_run(few)["peak_mib"]),
        }
        rows.append(row)
    return rows


def _ratio(seconds: list[float], base: list[float]) -> float | None:
    """Median over the rounds, each of which is divided by the bare backbone's of the same round."""
    ratios = [per(mine, bare) for mine, bare in zip(seconds, base, strict=True)]
    told = [ratio for ratio in ratios if ratio is not None]
    return statistics.median(told) if told else None


def _ms(seconds: list[float] | None) -> object:
    return "" if seconds is None else 1000 * statistics.median(seconds)


def _run(case: dict[str, Any]) -> dict[str, Any]:
    script = Path(__file__).with_name("latency_case.py")
    done = subprocess.run([sys.executable, str(script), json.dumps(case)], stdout=subprocess.PIPE, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
