"""Images whose labels are doubtful: figures are given with and without them."""

import csv
from pathlib import Path

from gainspect.errors import GainspectError


def read_doubtful(path: Path) -> frozenset[str]:
    """Read the names of images with doubtful labels: the column `file` (or `image`) of a CSV.

    Raises:
        GainspectError: the file cannot be read, or has no such column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            column = next((name for name in ("file", "image") if name in columns), None)
            names = frozenset(row[column] for row in reader if row[column]) if column else frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise GainspectError(f"cannot read the list of doubtful images ({error})", where=path) from error
    if column is None:
        raise GainspectError(
            "column 'file' is missing", where=path, hint="List one image per row in a column `file`."
        )
    return names


def is_named(image: str, names: frozenset[str]) -> bool:
    """Whether an image is among the names, by its name in tables or by its file name."""
    return image in names or image.rpartition("/")[2] in names
