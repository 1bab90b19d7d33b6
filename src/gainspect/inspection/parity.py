"""Whether two runtimes agree: the same predictions and the same verdicts for the same frames."""

import io
import json
import math
import platform
import zipfile
import zlib
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Backend, Precision, Predictions, RuntimeName
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import GOLDEN, PARITY, Bundle
from gainspect.inspection.cpus import available_cpus, cpu_isa
from gainspect.policy import Rules

MAX_SCORE_DIFFERENCE = 1e-3
"""Largest difference of P(NG) in f32; a graph that differs by more is not the same model."""
_PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "torch": "torch"}
_FRAMES = "frames"
_BATCH = 4
_GOLDEN_IMAGES, _GOLDEN_BYTES_PER_PIXEL = 32, 32
"""More than any bundle holds: 13 images of 3 bytes a pixel, and maps of 4 bytes a quarter or less of it."""


def run_frames(backend: Backend, frames: NDArray[np.uint8]) -> Predictions:
    """The predictions for (N, S, S, 3) frames, a few frames at a time; of the features only their means.

    "features" is then (N, C): all of them would be larger than the network.
    """
    batches = [backend(frames[start : start + _BATCH]) for start in range(0, len(frames), _BATCH)]
    for batch in batches:
        if "features" in batch:
            batch["features"] = batch["features"].mean(axis=(2, 3))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def difference(
    reference: Predictions, found: Predictions, *, rules: Rules, evidence_bias: float
) -> dict[str, Any]:
    """How far the predictions `found` differ from `reference`.

    Returns:
        "images": their number; "flips": the number whose decision by the score differs; "outputs": for
        each output the largest and the mean absolute difference; "evidence_identity": the largest
        |sum of contributions + bias − logit| in `found`.
    """
    edges = [rules.threshold if rules.review_from is None else rules.review_from, rules.threshold]
    flips = np.digitize(reference["score"], edges) != np.digitize(found["score"], edges)
    outputs = {}
    for name, expected in reference.items():
        distance = np.abs(found[name].astype(np.float64) - expected)
        outputs[name] = {"max": float(distance.max()), "mean": float(distance.mean())}
    total = found["contributions"].sum(axis=(1, 2), dtype=np.float64) + evidence_bias
    return {
        "images": len(flips),
        "flips": int(flips.sum()),
        "outputs": outputs,
        "evidence_identity": float(np.abs(total - found["logit"]).max()),
    }


def machine(backend: Backend) -> dict[str, Any]:
    """What the figures of a parity test depend on besides the model."""
    return {
        "runtime": backend.runtime,
        "version": version(_PACKAGES[backend.runtime]),
        "precision": backend.precision,
        "cpu": cpu_isa(),
        "threads": available_cpus(),
        "platform": platform.platform(),
    }


def score_limit(bundle: Bundle, runtime: str, precision: str) -> float:
    """By how much P(NG) may differ between two machines that judge with the same runtime and precision.

    In f32 it is the limit that every format was held to when the bundle was written, and otherwise twice the
    largest difference from the trained model that was measured then: each machine may lie that far off it.

    Returns:
        The limit; 0 if the bundle says nothing of this runtime and precision.
    """
    if precision == "f32":
        return MAX_SCORE_DIFFERENCE
    measured = json.loads(bundle.contents[PARITY])["formats"] if PARITY in bundle.contents else []
    return max(
        (
            2 * figures["outputs"]["score"]["max"]
            for row in measured
            if (row["runtime"], row["precision"]) == (runtime, precision)
            for figures in row.values()
            if isinstance(figures, dict) and "outputs" in figures
        ),
        default=0.0,
    )


def pack_golden(frames: NDArray[np.uint8], expected: Predictions) -> bytes:
    """Frames and the reference predictions for them, as an .npz file without pickle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{_FRAMES: frames}, **expected)
    return buffer.getvalue()


def _golden(bundle: Bundle) -> dict[str, Any]:
    """Unpack frames and predictions, which take no more memory than those of a few dozen images.

    Raises:
        GainspectError: there are none, they are too large, or they cannot be read.
    """
    if GOLDEN not in bundle.contents:
        raise GainspectError("the bundle has no golden predictions", where=bundle.path)
    limit = _GOLDEN_IMAGES * _GOLDEN_BYTES_PER_PIXEL * bundle.description.preprocessing.size**2
    golden: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(bundle.contents[GOLDEN])) as archive:
            if sum(info.file_size for info in archive.infolist()) > limit:
                raise ValueError(f"they would unpack to more than {limit / 2**20:,.0f} MiB")
            for info in archive.infolist():
                content = archive.read(info)
                golden[info.filename.removesuffix(".npy")] = _array(content)
        frames = golden[_FRAMES]
        if frames.dtype != np.uint8 or frames.ndim != 4 or not {"score", "logit"} <= golden.keys():
            raise ValueError("they are of another kind")
    except (ValueError, KeyError, OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise GainspectError(f"cannot read the golden predictions ({error})", where=bundle.path) from error
    return golden


def _array(content: bytes) -> NDArray[Any]:
    """An array in NumPy's format; nothing is allocated for a shape that its content does not fill."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"version {version}")
    shape, columns_first, dtype = np.lib.format.read_array_header_1_0(file)
    if columns_first or dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError("an array is not as large as it says")
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)


def golden_parity(bundle: Bundle, runtime: RuntimeName, precision: Precision) -> dict[str, Any]:
    """Compare this machine's predictions with the golden predictions stored in the bundle.

    Returns:
        The entries of `difference` and of `machine`.

    Raises:
        GainspectError: the bundle has no golden predictions, or this runtime or precision cannot run it.
    """
    golden = _golden(bundle)
    backend = open_backend(bundle, runtime, precision, threads=None)
    found = run_frames(backend, golden.pop(_FRAMES))
    policy, graph = bundle.description.policy, bundle.description.graph
    compared = difference(golden, found, rules=policy, evidence_bias=graph.evidence_bias)
    return {**machine(backend), **compared}
