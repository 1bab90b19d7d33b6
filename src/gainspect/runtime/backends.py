"""What runs a bundle's network: ONNX Runtime or OpenVINO here, torch from its own package."""

import importlib
import threading
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.runtime.bundle import Bundle, Format
from gainspect.runtime.cpus import available_cpus

RuntimeName = Literal["auto", "onnxruntime", "openvino", "torch"]
Precision = Literal["f32", "bf16", "int8"]

Results = dict[str, NDArray[np.float32]]


class Backend(Protocol):
    """Runs the network; safe to call from several threads."""

    size: int
    """Side of the square input, pixels."""
    runtime: str
    """Whose code runs it."""

    @property
    def precision(self) -> str:
        """Of its arithmetic."""
        ...

    def __call__(self, images: NDArray[np.uint8]) -> Results:
        """Judge (B, S, S, 3) RGB images.

        Returns:
            "score" (B,), P(NG); "evidence" (B, h, w) and, as far as they exist, "cam", "attention" and
            "localization", each at a resolution of its own; a bundle's also "logit" and "contributions".
        """
        ...


def require_choice(runtime: str, precision: str) -> None:
    """Refuse a runtime or precision that does not exist.

    Raises:
        GainspectError: with those that do.
    """
    for what, chosen, known in (
        ("runtime", runtime, get_args(RuntimeName)),
        ("precision", precision, get_args(Precision)),
    ):
        if chosen not in known:
            raise GainspectError(f"there is no {what} {chosen!r}", mend=f"Choose from {', '.join(known)}.")


def open_backend(bundle: Bundle, runtime: RuntimeName, precision: Precision, threads: int | None) -> Backend:
    """Make a bundle's network ready to run.

    Args:
        bundle: that was read.
        runtime: "auto" = ONNX Runtime, or OpenVINO for what only it runs.
        precision: of the arithmetic; never chosen by the machine.
        threads: None = all CPUs that the process may use; torch keeps its own.

    Raises:
        GainspectError: the bundle lacks the format, the package is missing, or they do not go together.
    """
    if runtime == "auto":
        runtime = "onnxruntime" if precision == "f32" else "openvino"
    threads = threads or available_cpus()
    if runtime == "openvino":
        return OpenVinoBackend(bundle, precision, threads)
    if precision != "f32":
        raise GainspectError(
            f"{runtime} runs a bundle in f32 only, not {precision}", mend="Choose openvino, or precision f32."
        )
    return OnnxRuntimeBackend(bundle, threads) if runtime == "onnxruntime" else _torch_backend(bundle)


class OnnxRuntimeBackend:
    """ONNX Runtime on the CPU, float32."""

    runtime = "onnxruntime"
    precision = "f32"

    def __init__(self, bundle: Bundle, threads: int) -> None:
        ort = _package("onnxruntime", "gainspect")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # what goes wrong is raised
        # Images come in batches of several sizes: arenas planned for each shape would grow.
        options.enable_mem_pattern = False
        content = _file(bundle, "onnx", ".onnx")
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise _cannot_run(bundle, self.runtime, error) from error
        self._names = [output.name for output in self._session.get_outputs()]
        self._input = self._session.get_inputs()[0].name
        self.size = bundle.description.preprocessing.size

    def __call__(self, images: NDArray[np.uint8]) -> Results:
        """As `Backend` says."""
        return dict(zip(self._names, self._session.run(None, {self._input: images}), strict=True))


class OpenVinoBackend:
    """OpenVINO on the CPU; its precision is pinned, because on some CPUs it takes bf16 by itself."""

    runtime = "openvino"

    def __init__(self, bundle: Bundle, precision: Precision, threads: int) -> None:
        ov = _package("openvino", "gainspect[openvino]")
        core = ov.Core()
        try:
            if precision == "int8" or "openvino" in bundle.description.formats:
                chosen: Format = "openvino-int8" if precision == "int8" else "openvino"
                model = core.read_model(_file(bundle, chosen, ".xml"), _file(bundle, chosen, ".bin"))
            else:
                model = core.read_model(_file(bundle, "onnx", ".onnx"))
            settings = {
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
            }
            self._compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise _cannot_run(bundle, self.runtime, error) from error
        self.precision = precision
        self._names = bundle.description.graph.outputs
        self.size = bundle.description.preprocessing.size
        self._local = threading.local()  # one request a thread: a request runs one inference at a time

    def __call__(self, images: NDArray[np.uint8]) -> Results:
        """As `Backend` says."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        request.infer([images])
        return {
            name: np.array(request.get_output_tensor(index).data, np.float32)
            for index, name in enumerate(self._names)
        }


def _torch_backend(bundle: Bundle) -> Backend:
    """The model itself. By its name, so that nothing here needs torch to be installed."""
    _package("torch", "gainspect[train]")
    backend: Backend = importlib.import_module("gainspect.export.from_bundle").torch_backend(bundle)
    return backend


def _file(bundle: Bundle, format_: Format, suffix: str) -> bytes:
    formats = bundle.description.formats
    for name in formats.get(format_, ()):
        if name.endswith(suffix):
            return bundle.contents[name]
    raise GainspectError(
        f"the bundle holds no {format_} (it has {', '.join(formats)})",
        where=bundle.path,
        mend=f"Export it again with --formats {','.join([*formats, format_])}.",
    )


def _package(name: str, requirement: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise GainspectError(
            f"this runtime needs the package {name} ({error})",
            mend=f"Install it: pip install '{requirement}'.",
        ) from error


def _cannot_run(bundle: Bundle, runtime: str, error: Exception) -> GainspectError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return GainspectError(f"{runtime} cannot run it ({first})", where=bundle.path)
