"""What surrounds the pixels of a file: its format, whether it is whole, and that it is one image. Bytes only.

A format has a module of its own with `fault`, which says why a file of it is not read. What lies within the
coded pixels is left to the decoder.
"""

from gainspect.data.containers.exif import entries as tiff_entries
from gainspect.data.containers.fault import Fault
from gainspect.data.containers.kinds import is_jpeg, kind_of
from gainspect.data.containers.whole import exif_of, fault_of

__all__ = ["Fault", "exif_of", "fault_of", "is_jpeg", "kind_of", "tiff_entries"]
