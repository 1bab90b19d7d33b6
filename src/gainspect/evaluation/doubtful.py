"""Images whose labels are doubtful: figures are given with and without them."""

from pathlib import Path

from gainspect.data.tables import read_rows
from gainspect.errors import GainspectError
from gainspect.names import composed


def read_doubtful(path: Path) -> frozenset[str]:
    """Read the names of images with doubtful labels: the column `file` (or `image`) of a table.

    Args:
        path: CSV or Parquet, by the rules of a manifest.

    Raises:
        GainspectError: not readable, or without such a column.
    """
    column = "file"
    try:
        rows = list(read_rows(path, known=["file", "image"], required=["file"]))
    except GainspectError as error:
        if "column 'file' is missing" not in error.what:
            raise
        try:
            column, rows = "image", list(read_rows(path, known=["file", "image"], required=["image"]))
        except GainspectError:
            raise error from None
    named = (composed(row.values[column].strip()).replace("\\", "/") for row in rows)
    return frozenset(name.removeprefix("./") for name in named if name)


def is_named(image: str, names: frozenset[str]) -> bool:
    """Whether names hold an image, by its name in tables or by its file name."""
    whole = composed(image)
    return whole in names or whole.rpartition("/")[2] in names
