"""Images whose labels are doubtful: figures are given with and without them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
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

    Returns:
        Names for `require_known` and `resolve`.

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


def require_known(names: Collection[str], manifest: Manifest) -> None:
    """Refuse a list that names images which the data do not have: they would be left out of nothing.

    Args:
        names: as `read_doubtful` gives them.
        manifest: all parts of the data.

    Raises:
        GainspectError: a name is none of theirs, or a file name fits several of them.
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
    resolve(frozenset(names), map(manifest.key, manifest.parts))


def resolve(names: frozenset[str], images: Iterable[str]) -> frozenset[str]:
    """Find the images that a list names.

    Args:
        names: as `read_doubtful` returns them. A path must be an image's name in tables exactly; a bare file
            name may stand for the one image that has it.
        images: the names in tables of all images of the data set, not only of the part that is judged:
            a file name that two parts share would otherwise be taken for the wrong image.

    Returns:
        Names in tables; a name that fits no image is left out.

    Raises:
        GainspectError: a bare file name fits several images; the message names them.
    """
    known = {composed(image): image for image in images}
    by_file: dict[str, list[str]] = defaultdict(list)
    for key, image in sorted(known.items()):
        by_file[key.rpartition("/")[2]].append(image)
    found = set()
    for name in names:
        candidates = [known[name]] if name in known else by_file.get(name, [])
        if len(candidates) > 1:
            raise GainspectError(
                f"the doubtful image {name!r} could be {' or '.join(candidates)}",
                hint="Write its path in the list, as it stands in predictions.csv.",
            )
        found.update(candidates)
    return frozenset(found)
