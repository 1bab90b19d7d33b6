"""Tests that the exported formats agree with the trained model."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import assess
from gainspect.inspection.backends.backend import Backend, Precision, RuntimeName
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import Bundle, Format
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.parity import difference, machine, run_frames
from gainspect.metrics.classification import at_threshold
from gainspect.wording import plural

INT8_MARGIN = 0.01
"""How much recall and right-reason rate INT8 may lose on the validation part."""

_RUNS: dict[Format, tuple[tuple[RuntimeName, Precision], ...]] = {
    "onnx": (("onnxruntime", "f32"),),
    "openvino": (("openvino", "f32"), ("openvino", "bf16")),
    "openvino-int8": (("openvino", "int8"),),
    "torch": (("torch", "f32"),),
}
"""The runtimes and precisions with which the parity of each format is tested."""
_MAX_SCORE_DIFFERENCE = 1e-3
"""Largest difference of P(NG) in f32; a graph that differs by more is not the same model."""


def compare_formats(
    bundle: Bundle,
    reference: Backend,
    sample: Mapping[str, NDArray[np.uint8]],
    on_step: Callable[[str], None],
) -> dict[str, Any]:
    """Compare every format with the torch model, on every sample.

    Args:
        bundle: contains the formats, but not yet their parity.
        reference: the torch model.
        sample: (N, S, S, 3) frames by name.
        on_step: called with a description of each step before it starts.

    Returns:
        The content of `parity.json`.

    Raises:
        GainspectError: a format in f32 gives another verdict or other predictions.
    """
    policy, bias = bundle.description.policy, bundle.description.graph.evidence_bias
    expected = {name: run_frames(reference, frames) for name, frames in sample.items()}
    formats = []
    for format_ in bundle.description.formats:
        for runtime, precision in _RUNS[format_]:
            on_step(f"compare {runtime} {precision} with torch")
            backend = open_backend(bundle, runtime, precision, threads=None)
            found = {
                name: difference(
                    expected[name],
                    run_frames(backend, frames),
                    rules=policy,
                    evidence_bias=bias,
                )
                for name, frames in sample.items()
            }
            if precision == "f32":
                _require_equal(format_, found)
            formats.append({"format": format_, **machine(backend), **found})
    return {"reference": machine(reference), "threshold": policy.threshold, "formats": formats}


def _require_equal(format_: Format, found: dict[str, dict[str, Any]]) -> None:
    for name, figures in found.items():
        largest = figures["outputs"]["score"]["max"]
        if figures["flips"] or largest > _MAX_SCORE_DIFFERENCE:
            raise GainspectError(
                f"{format_} does not agree with the torch model: {plural(figures['flips'], 'verdict')} of "
                f"{figures['images']} {name} images differ, and P(NG) differs by up to {largest:.2g}",
                hint="Nothing was written. Leave this format out, or export on another machine.",
            )


def certify_int8(bundle: Bundle, reference: Backend, validation: Manifest) -> dict[str, Any]:
    """Recall and right-reason rate on the validation part, of INT8 and of torch.

    Raises:
        GainspectError: INT8 loses more than the margin, or gives values that are not finite.
    """
    backends = {"f32": reference, "int8": open_backend(bundle, "openvino", "int8", None)}
    try:
        figures = {name: _on_validation(backend, bundle, validation) for name, backend in backends.items()}
    except GainspectError as error:
        raise _int8_refused(error.what) from error
    for name in ("recall", "right_reason_rate"):
        before, after = figures["f32"][name], figures["int8"][name]
        if before is not None and after is not None and after < before - INT8_MARGIN:
            raise _int8_refused(
                f"{name.replace('_', ' ')} on the validation part falls from {before:.3f} to {after:.3f}, "
                f"by more than {INT8_MARGIN}"
            )
    return {"margin": INT8_MARGIN, **figures}


def _on_validation(backend: Backend, bundle: Bundle, validation: Manifest) -> dict[str, float | None]:
    threshold, tiling = bundle.description.policy.threshold, bundle.description.preprocessing.tiling
    assessment = assess(Inspector(backend, threshold=threshold, tiling=tiling), validation)
    reasons = [right for _, right in assessment.reasons]
    return {
        "recall": at_threshold(assessment.scores, assessment.labels, threshold)["recall"],
        "right_reason_rate": float(np.mean(reasons)) if reasons else None,
    }


def _int8_refused(why: str) -> GainspectError:
    return GainspectError(
        f"INT8 is refused: {why}", hint="Nothing was written. Export without openvino-int8."
    )
