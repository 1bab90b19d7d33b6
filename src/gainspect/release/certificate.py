"""Tests that the exported formats agree with the trained model."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import SELECTION, assess
from gainspect.inspection.backends.backend import Backend, Precision, RuntimeName
from gainspect.inspection.backends.choice import open_backend
from gainspect.inspection.bundle import Bundle, Format
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.parity import MAX_SCORE_DIFFERENCE, difference, machine, run_frames
from gainspect.metrics.classification import at_threshold
from gainspect.policy import InputPolicy
from gainspect.types import Label
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
_MAX_DISTANCE_DIFFERENCE = 1e-2
"""The same as the limit of P(NG) for the distance to the training, of an image that lies as far away as is
usual at most."""
INT8_REVIEW_MARGIN = 0.02
"""Which larger share of the OK validation images may be unlike the training in INT8; one image always may."""


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
                _require_near(format_, policy.inputs, found)
            formats.append({"format": format_, **machine(backend), **found})
    return {"reference": machine(reference), "threshold": policy.threshold, "formats": formats}


def _require_equal(format_: Format, found: dict[str, dict[str, Any]]) -> None:
    for name, figures in found.items():
        largest = figures["outputs"]["score"]["max"]
        if figures["flips"] or largest > MAX_SCORE_DIFFERENCE:
            raise GainspectError(
                f"{format_} does not agree with the torch model: {plural(figures['flips'], 'verdict')} of "
                f"{figures['images']} {name} images differ, and P(NG) differs by up to {largest:.2g}",
                hint="Nothing was written. Leave this format out, or export on another machine.",
            )


def _require_near(format_: Format, inputs: InputPolicy | None, found: dict[str, dict[str, Any]]) -> None:
    """Refuse a format whose distances differ; those of probes, which lie anywhere, are not looked at."""
    usual = None if inputs is None else inputs.ranges.get("distance")
    if usual is None or usual.high is None:
        return
    largest = found["validation"]["outputs"]["distance"]["max"]
    if largest > _MAX_DISTANCE_DIFFERENCE * usual.high:
        raise GainspectError(
            f"{format_} does not agree with the torch model: the feature distance differs by up to "
            f"{largest:.2g}, where {usual.high:.2g} is usual",
            hint="Nothing was written. Leave this format out, or export on another machine.",
        )


def certify_int8(bundle: Bundle, reference: Backend, validation: Manifest) -> dict[str, Any]:
    """Recall, right-reason rate and OK images unlike the training on the validation part, INT8 and torch.

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
    (before, images), (after, _) = figures["f32"]["unlike"], figures["int8"]["unlike"]
    if after - before > max(1, INT8_REVIEW_MARGIN * images):
        raise _int8_refused(
            f"{after} of {plural(images, 'OK image')} of the validation part are unlike the training, "
            f"{before} in f32"
        )
    return {"margin": INT8_MARGIN, "review_margin": INT8_REVIEW_MARGIN, **figures}


def _on_validation(backend: Backend, bundle: Bundle, validation: Manifest) -> dict[str, Any]:
    policy, tiling = bundle.description.policy, bundle.description.preprocessing.tiling
    inspector = Inspector(backend, threshold=policy.threshold, tiling=tiling, inputs=policy.inputs)
    assessment = assess(inspector, validation, scope=SELECTION)
    reasons = [right for _, right in assessment.reasons]
    ok = [image for image in assessment.images if image.label is Label.OK]
    return {
        "recall": at_threshold(assessment.scores, assessment.labels, policy.threshold)["recall"],
        "right_reason_rate": float(np.mean(reasons)) if reasons else None,
        "unlike": (sum(image.unlike for image in ok), len(ok)),
    }


def _int8_refused(why: str) -> GainspectError:
    return GainspectError(
        f"INT8 is refused: {why}", hint="Nothing was written. Export without openvino-int8."
    )
