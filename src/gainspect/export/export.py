"""A trained run → a bundle whose every format is proven equal to what was trained."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save as safetensors

import gainspect
from gainspect.config import DataConfig
from gainspect.data.manifest import SPLITS, Manifest, Part
from gainspect.data.preprocess import PADDING, letterbox, read_image, read_mask
from gainspect.data.synthetic import probe_frames
from gainspect.data.tiles import draw_tile
from gainspect.errors import GainspectError
from gainspect.evaluation.evaluate import judge
from gainspect.export.card import CARD, model_card
from gainspect.export.certify import certify_int8, compare_formats
from gainspect.export.from_bundle import WEIGHTS
from gainspect.export.onnx import to_onnx
from gainspect.export.openvino import to_int8, to_openvino
from gainspect.export.policy import choose_policy, with_reason_check
from gainspect.models.inference import InspectionGraph
from gainspect.runtime.bundle import (
    GOLDEN,
    SCHEMA_VERSION,
    Bundle,
    Description,
    Format,
    Graph,
    Policy,
    Preprocessing,
    write_bundle,
)
from gainspect.runtime.inspector import Inspector
from gainspect.runtime.parity import pack_golden, run_frames
from gainspect.training.run import RunFolder
from gainspect.types import Label
from gainspect.wording import plural

PARITY = "parity.json"
FORMATS: tuple[Format, ...] = get_args(Format)
_SAMPLE = 32
"""Validation images in the parity sample."""
_GOLDEN = 4
"""Validation images in the golden answers."""
_CALIBRATION = 128
"""Validation images that INT8 is calibrated on, at most."""


def export_run(
    run: RunFolder,
    out: Path,
    *,
    formats: Sequence[str] = ("onnx", "torch"),
    target_recall: float | None = None,
    threshold: float | None = None,
    data: Path | None = None,
    check: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
) -> tuple[Bundle, dict[str, Any]]:
    """Write a bundle: graphs, policy, golden answers, parity of every format with the torch model.

    Args:
        run: an ended training.
        out: the bundle to write, usually NAME.gain.
        formats: of `FORMATS`; "onnx" is always there.
        target_recall: what the threshold is chosen for on the validation part; the run's own by default.
        threshold: on P(NG), chosen by hand instead.
        data: the data folder, if it has moved since the training.
        check: whether the policy has the reason of NG verdicts checked.
        on_step: told what comes next.

    Returns:
        The bundle, and its parity.

    Raises:
        GainspectError: unknown format, no NG images to choose a threshold on, a format that says other than
            the torch model, or INT8 that loses more than `INT8_MARGIN`.
    """
    chosen = _formats(formats)
    seen, manifest = run.config().data, run.manifest(data)
    validation = manifest.split("val")
    reference = run.backend()
    on_step(f"judge {plural(len(validation.parts), 'validation image')}")
    judgement = judge(Inspector(reference, threshold=0.5, tiling=seen.tiling), validation)
    policy = choose_policy(judgement, target_recall or run.config().training.target_recall, threshold)
    if check:
        on_step("check the reasons of its NG verdicts")
        policy = with_reason_check(policy, reference, validation, seen.tiling)
    on_step("export the graph")
    contents = graph_files(
        reference.graph, chosen, seen.size, lambda: frames_of(_sample(validation, _CALIBRATION), seen)
    )
    sample = {"probes": probe_frames(seen.size), "validation": frames_of(_sample(validation, _SAMPLE), seen)}
    golden = np.concatenate([sample["probes"], frames_of(_sample(validation, _GOLDEN), seen)])
    contents[GOLDEN] = pack_golden(golden, run_frames(reference, golden))
    description = _describe(out.stem, run, manifest, reference.graph, policy, chosen)
    bundle = Bundle(out, description, "", contents)
    parity = compare_formats(bundle, reference, sample, on_step)
    if "openvino-int8" in chosen:
        on_step("judge the validation part in INT8")
        parity["int8"] = certify_int8(bundle, reference, validation)
    contents[PARITY] = (json.dumps(parity, indent=2) + "\n").encode()
    contents[CARD] = model_card(description, parity).encode()
    return write_bundle(out, description, contents), parity


def _describe(
    name: str,
    run: RunFolder,
    manifest: Manifest,
    graph: InspectionGraph,
    policy: Policy,
    formats: Sequence[Format],
) -> Description:
    config, result, environment = run.config(), run.result(), run.environment()
    return Description(
        schema_version=SCHEMA_VERSION,
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        gainspect=gainspect.__version__,
        strategy=config.strategy,
        preprocessing=_preprocessing(config.data),
        graph=Graph(outputs=graph.outputs, evidence_bias=graph.model.bias_margin().item()),
        policy=policy,
        formats={format_: FILES[format_] for format_ in formats},
        training={
            "config": config.model_dump(mode="json"),
            "environment": {key: value for key, value in environment.items() if key != "data"},
            "epoch": result["epoch"],
            "validation": result["validation"],
            "seconds": result["seconds"],
        },
        data={
            "fingerprint": environment["data"]["fingerprint"],
            "images": {split: len(manifest.split(split).parts) for split in SPLITS},
            "ng": {split: int(manifest.split(split).labels.sum()) for split in SPLITS},
        },
        files={},
    )


def _preprocessing(seen: DataConfig) -> Preprocessing:
    if seen.tiling is None:
        return Preprocessing(size=seen.size, padding=PADDING)
    return Preprocessing(size=seen.size, padding=PADDING, tile=seen.tile, overlap=seen.overlap)


def _formats(names: Sequence[str]) -> tuple[Format, ...]:
    if unknown := [name for name in names if name not in FORMATS]:
        raise GainspectError(f"there is no format {unknown[0]!r}", mend=f"Choose from {', '.join(FORMATS)}.")
    return tuple(name for name in FORMATS if name == "onnx" or name in names)


FILES: dict[Format, tuple[str, ...]] = {
    "onnx": ("model.onnx",),
    "openvino": ("model.xml", "model.bin"),
    "openvino-int8": ("model-int8.xml", "model-int8.bin"),
    "torch": (WEIGHTS,),
}


def graph_files(
    graph: InspectionGraph,
    formats: Sequence[Format],
    size: int,
    calibration: Callable[[], NDArray[np.uint8]],
) -> dict[str, bytes]:
    """The files of every format, by name, as `FILES` lists them.

    Args:
        graph: to export.
        formats: which.
        size: side of its input, pixels.
        calibration: (N, size, size, 3) frames for INT8, if that is wanted.
    """
    onnx = to_onnx(graph, size)
    contents = {"model.onnx": onnx}
    if "openvino" in formats:
        contents |= to_openvino(onnx, "model")
    if "openvino-int8" in formats:
        contents |= to_int8(onnx, "model-int8", calibration())
    if "torch" in formats:
        contents[WEIGHTS] = safetensors(graph.model.state_dict())
    return contents


def _sample(manifest: Manifest, count: int) -> list[Part]:
    """At most so many parts, half of them NG if there are enough, spread over the manifest."""
    halves = [[part for part in manifest.parts if part.label is label] for label in (Label.NG, Label.OK)]
    return [
        half[place]
        for half in halves
        if half
        for place in np.unique(np.linspace(0, len(half) - 1, min(count // 2, len(half))).astype(int))
    ]


def frames_of(parts: Sequence[Part], seen: DataConfig) -> NDArray[np.uint8]:
    """(N, size, size, 3) as the graph sees them; with tiles one of each image."""
    rng, frames = np.random.default_rng(0), []
    for part in parts:
        image = read_image(part.image)
        if seen.tiling is not None:
            mask = None if part.mask is None else read_mask(part.mask, image.shape)
            image = draw_tile(image.shape, mask, seen.tiling, rng).of(image)
        frames.append(letterbox(image, seen.size)[0])
    return np.stack(frames)
