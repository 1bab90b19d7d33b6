"""The interface of a backend, and helpers that all backends share."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle, Format

RuntimeName = Literal["auto", "onnxruntime", "openvino", "torch"]
Precision = Literal["f32", "bf16", "int8"]

Predictions = dict[str, NDArray[np.float32]]
"""What the network gives for a batch of images, by the name of the output."""


class Backend(Protocol):
    """Runs the network; safe to call from several threads."""

    size: int
    """Side of the square input, pixels."""
    runtime: str
    """Name of the software that runs the network."""

    @property
    def precision(self) -> str:
        """Precision of the arithmetic."""
        ...

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """The predictions for (B, S, S, 3) RGB images.

        Returns:
            "score" (B,), P(NG); "evidence" (B, h, w) and, if they exist, "cam", "attention" and
            "localization", each at its own resolution. A bundle's network also gives "logit" and
            "contributions".
        """
        ...


def file_of(bundle: Bundle, format_: Format, suffix: str) -> bytes:
    """The content of the file of a format that has this suffix.

    Raises:
        GainspectError: the bundle does not contain this format.
    """
    formats = bundle.description.formats
    for name in formats.get(format_, ()):
        if name.endswith(suffix):
            return bundle.contents[name]
    raise GainspectError(
        f"the bundle does not contain the format {format_} (it has {', '.join(formats)})",
        where=bundle.path,
        hint=f"Export it again with --formats {','.join([*formats, format_])}.",
    )


def package_missing(name: str, requirement: str, error: ImportError) -> GainspectError:
    """The error for a runtime that is not installed."""
    return GainspectError(
        f"this runtime needs the package {name} ({error})", hint=f"Install it: pip install '{requirement}'."
    )


def cannot_run(bundle: Bundle, runtime: str, error: Exception) -> GainspectError:
    """The error for a runtime that cannot run a bundle's network."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return GainspectError(f"{runtime} cannot run this bundle ({first})", where=bundle.path)
