"""gainspect: a visual inspector for manufacturing that has to show its reason."""

import os

# OpenCV reads these once, when it is imported: a header that claims more pixels is refused before it fills
# the memory, and what is wrong with a file is said by our own error alone.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

__version__ = "0.1.0"
