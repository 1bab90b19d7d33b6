"""From the name of a runtime to the backend that runs a bundle's network."""

from typing import get_args

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Backend, Precision, RuntimeName, package_missing
from gainspect.inspection.bundle import Bundle
from gainspect.inspection.cpus import available_cpus


def require_choice(runtime: str, precision: str) -> None:
    """Refuse a runtime or precision that does not exist.

    Raises:
        GainspectError: the message lists those that exist.
    """
    for what, chosen, known in (
        ("runtime", runtime, get_args(RuntimeName)),
        ("precision", precision, get_args(Precision)),
    ):
        if not isinstance(chosen, str) or chosen not in known:
            raise GainspectError(
                f"there is no {what} {str(chosen)[:80]!r}", hint=f"Choose from {', '.join(known)}."
            )


def open_backend(bundle: Bundle, runtime: RuntimeName, precision: Precision, threads: int | None) -> Backend:
    """Make a bundle's network ready to run.

    Args:
        bundle: the bundle, as `read_bundle` returned it.
        runtime: "auto" is ONNX Runtime, or OpenVINO for a precision that only OpenVINO supports.
        precision: precision of the arithmetic; it never depends on the machine.
        threads: number of threads; None: all CPUs that the process may use. torch ignores it.

    Raises:
        GainspectError: the bundle lacks the format, the package is missing, or the runtime does not support
            the precision.
    """
    if runtime == "auto":
        runtime = "onnxruntime" if precision == "f32" else "openvino"
    threads = threads or available_cpus()
    if runtime == "openvino":
        from gainspect.inspection.backends.openvino import OpenVinoBackend

        return OpenVinoBackend(bundle, precision, threads)
    if precision != "f32":
        raise GainspectError(
            f"{runtime} runs a bundle in f32 only, not {precision}", hint="Choose openvino, or precision f32."
        )
    if runtime == "onnxruntime":
        from gainspect.inspection.backends.onnxruntime import OnnxRuntimeBackend

        return OnnxRuntimeBackend(bundle, threads)
    try:
        from gainspect.inspection.backends.torch import torch_backend
    except ImportError as error:
        raise package_missing("torch", "gainspect[train]", error) from error
    return torch_backend(bundle)
