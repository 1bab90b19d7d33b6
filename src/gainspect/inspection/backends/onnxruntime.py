"""ONNX Runtime, which can run every bundle."""

import numpy as np
from numpy.typing import NDArray

from gainspect.inspection.backends.backend import Predictions, cannot_run, file_of, package_missing
from gainspect.inspection.bundle import Bundle


class OnnxRuntimeBackend:
    """ONNX Runtime on the CPU, float32."""

    runtime = "onnxruntime"
    precision = "f32"

    def __init__(self, bundle: Bundle, threads: int) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise package_missing("onnxruntime", "gainspect", error) from error
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors only, and these are raised anyway
        # Batches have different sizes, and memory planned for each of them would add up.
        options.enable_mem_pattern = False
        content = file_of(bundle, "onnx", ".onnx")
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise cannot_run(bundle, self.runtime, error) from error
        self._names = [output.name for output in self._session.get_outputs()]
        self._input = self._session.get_inputs()[0].name
        self.size = bundle.description.preprocessing.size

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """See `Backend`."""
        return dict(zip(self._names, self._session.run(None, {self._input: images}), strict=True))
