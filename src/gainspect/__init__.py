"""gainspect: a visual inspector for manufacturing that has to show its reason."""

import os
from typing import TYPE_CHECKING, Any

# OpenCV reads these variables once, when it is imported. An image whose header claims more pixels is refused
# before it fills the memory, and the only message about a bad file is gainspect's own.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gainspect.inspection.inspector import Inspector

__all__ = ["Inspector", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the Inspector only when it is used, so that the command line starts quickly."""
    if name == "Inspector":
        from gainspect.inspection.inspector import Inspector

        return Inspector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
