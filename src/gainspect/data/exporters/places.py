"""Where the images of an export lie."""

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gainspect.names import composed


def free_names(places: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The places, with a number where another one has the same folder and stem, in any case.

    >>> [str(place) for place in free_names([PurePosixPath(p) for p in ("a/1.png", "a/1.jpg", "a/1-2.png")])]
    ['a/1.png', 'a/1-2.jpg', 'a/1-2-2.png']
    """
    taken: set[str] = set()
    found: list[PurePosixPath] = []
    for place in places:
        free, number = place, 2
        while (key := composed(str(free.with_suffix(""))).casefold()) in taken:
            free = place.with_name(f"{place.stem}-{number}{place.suffix}")
            number += 1
        taken.add(key)
        found.append(free)
    return found


def copied(file: Path, target: Path) -> Path:
    """A copy of a file; links are followed.

    Raises:
        OSError: it cannot be read or written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    return target
