"""Images whose labels are doubtful: figures are given with and without them."""

from collections.abc import Iterable
from pathlib import Path

from gainspect.data.manifest import Manifest
from gainspect.data.tables import read_rows
from gainspect.errors import GainspectError
from gainspect.names import composed
from gainspect.wording import plural


def read_doubtful(path: Path) -> frozenset[str]:
    """Read the names of images with doubtful labels: the column `file` (or `image`) of a table.

    Args:
        path: CSV or Parquet, by the rules of a manifest.

    Raises:
        GainspectError: the file cannot be read, or has no such column.
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


def require_known(names: Iterable[str], manifest: Manifest) -> None:
    """Refuse a list that names images which the data do not have: they would be left out of nothing.

    Args:
        names: as `read_doubtful` gives them.
        manifest: all parts of the data.

    Raises:
        GainspectError: a name is none of theirs.
    """
    keys = [composed(manifest.key(part)) for part in manifest.parts]
    known = {*keys, *(key.rpartition("/")[2] for key in keys)}
    unknown = sorted(name for name in names if name not in known)
    if unknown:
        raise GainspectError(
            f"the list of doubtful labels names {plural(len(unknown), 'image')} that the data do not have, "
            f"such as {unknown[0]!r}",
            where=manifest.root,
            hint="Name images by their file name or by their path from the data folder.",
        )


def is_named(image: str, names: frozenset[str]) -> bool:
    """Whether names hold an image, by its name in tables or by its file name."""
    whole = composed(image)
    return whole in names or whole.rpartition("/")[2] in names
