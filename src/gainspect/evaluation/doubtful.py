"""Images whose labels are doubtful: figures are given with and without them."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from gainspect.errors import GainspectError


def read_doubtful(path: Path) -> frozenset[str]:
    """Read the names of images with doubtful labels: the column `file` (or `image`) of a CSV; see `resolve`.

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
    known = frozenset(images)
    by_file: dict[str, list[str]] = defaultdict(list)
    for image in sorted(known):
        by_file[image.rpartition("/")[2]].append(image)
    found = set()
    for name in names:
        candidates = [name] if name in known else by_file.get(name, [])
        if len(candidates) > 1:
            raise GainspectError(
                f"the doubtful image {name!r} could be {' or '.join(candidates)}",
                hint="Write its path in the list, as it stands in predictions.csv.",
            )
        found.update(candidates)
    return frozenset(found)
