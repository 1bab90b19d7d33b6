"""gainspect: a visual inspector for manufacturing that has to show its reason."""

import os
from typing import TYPE_CHECKING, Any

# OpenCV reads these once, when it is imported: a header that claims more pixels is refused before it fills
# the memory, and what is wrong with a file is said by our own error alone.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gainspect.inspection.inspector import Inspector

__all__ = ["Inspector", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the Inspector when it is asked for: the command line starts without it."""
    if name == "Inspector":
        from gainspect.inspection.inspector import Inspector

        return Inspector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
