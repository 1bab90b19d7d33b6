"""What the input check costs: time with it, as a ratio of the time without it, in one process and in turns.

The graph gives one more number, the distance to the training; the whole inspection (a verdict with maps and
regions, without the reason check) also takes the figures of the image. Weights are random. A ratio is the
median over pairs of runs that follow each other, with its quartiles.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from gainspect.data.framing import letterbox
from gainspect.inspection.inspector import Inspector
from latency_case import Work, in_turns, part
from results_table import markdown, save
from untrained import untrained_bundle

WITH, WITHOUT = "with", "without"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--sizes", default="256,512")
    parser.add_argument("--image", type=int, default=640, help="side of the images, pixels")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, options.sizes.split(",")):
            work = {name: _work(Path(folder), name, size, options) for name in (WITHOUT, WITH)}
            seconds = in_turns(work, options.rounds)
            rows.append({"px": size, **{step: _ratio(seconds, step) for step in work[WITH]}})
    print(markdown(rows))
    title = f"Cost of the input check: {options.backbone}, ONNX Runtime, images of {options.image} px"
    print("Saved:", save("input_cost", title, f"{' '.join((__doc__ or '').split())}\n\n{markdown(rows)}"))


def _work(folder: Path, name: str, size: int, options: argparse.Namespace) -> Work:
    path = folder / f"{name}-{size}.gain"
    bundle = untrained_bundle(path, backbone=options.backbone, size=size, familiar=name == WITH)
    inspector = Inspector.load(bundle, "onnxruntime", threads=options.threads)
    image = part(0, options.image)
    frames = letterbox(image, size)[0][np.newaxis]
    return {"graph": lambda: inspector.backend(frames), "inspection": lambda: inspector.inspect(image)}


def _ratio(seconds: dict[str, dict[str, list[float]]], step: str) -> str:
    ratios = np.divide(seconds[WITH][step], seconds[WITHOUT][step])
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
