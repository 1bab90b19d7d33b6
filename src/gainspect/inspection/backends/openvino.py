"""OpenVINO, which also runs bf16 and INT8."""

import threading

import numpy as np
from numpy.typing import NDArray

from gainspect.inspection.backends.backend import Precision, Predictions, cannot_run, file_of, package_missing
from gainspect.inspection.bundle import Bundle, Format


class OpenVinoBackend:
    """OpenVINO on the CPU; the precision is fixed, because on some CPUs OpenVINO uses bf16 by default."""

    runtime = "openvino"

    def __init__(self, bundle: Bundle, precision: Precision, threads: int) -> None:
        try:
            import openvino as ov
        except ImportError as error:
            raise package_missing("openvino", "gainspect[openvino]", error) from error
        core = ov.Core()
        try:
            if precision == "int8" or "openvino" in bundle.description.formats:
                chosen: Format = "openvino-int8" if precision == "int8" else "openvino"
                model = core.read_model(file_of(bundle, chosen, ".xml"), file_of(bundle, chosen, ".bin"))
            else:
                model = core.read_model(file_of(bundle, "onnx", ".onnx"))
            settings = {
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
            }
            self._compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise cannot_run(bundle, self.runtime, error) from error
        self.precision = precision
        self._names = bundle.description.graph.outputs
        self.size = bundle.description.preprocessing.size
        self._local = threading.local()  # one request per thread: a request runs one inference at a time

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """See `Backend`."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        request.infer([images])
        return {
            name: np.array(request.get_output_tensor(index).data, np.float32)
            for index, name in enumerate(self._names)
        }
