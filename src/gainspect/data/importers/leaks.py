"""What lies in several splits, so that figures on one of them are too good."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from gainspect.data.importers.groups import ROBOFLOW
from gainspect.data.manifest import Part, Split
from gainspect.wording import plural

ANEW = "--resplit (in other commands: --import resplit=yes)"
"""How a set is divided anew: sentences on an import are shown by each command that imports."""
_TWIN = re.compile(ROBOFLOW)


class _Seen(NamedTuple):
    name: str
    split: Split | None


def leaks(parts: Sequence[Part], names: Sequence[str]) -> Iterator[str]:
    """Sentences: items, files and pictures of Roboflow that lie in several splits or several times in one.

    Files are compared byte by byte: pictures that are stored in two ways are found by `gainspect data check`.

    Args:
        parts: rows of a manifest.
        names: of their images, for the sentences and to find twins by.
    """
    seen = [_Seen(name, part.split) for part, name in zip(parts, names, strict=True)]
    groups = _sets(part.group for part in parts)
    yield from _crossing(groups, seen, "item", "by their group", f"{ANEW} keeps each in one")
    yield from _crossing(
        same_files(parts), seen, "image", "file by file the same", f"{ANEW} keeps equal files in one"
    )
    twins = (_TWIN.search(name) for name in names)
    sources = _sets("" if twin is None else twin[1] for twin in twins)
    elsewhere = f"(in other commands: --import 'group={ROBOFLOW}' --import resplit=yes)"
    together = f"--group '{ROBOFLOW}' --resplit {elsewhere} keeps each in one"
    yield from _crossing(sources, seen, "picture", "by the names that Roboflow gives", together)
    yield from _copies(sources, seen, parts)


def _sets(keys: Iterable[Hashable]) -> list[list[int]]:
    """The places of equal keys that say something; those of more than one place."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        if key:
            places[key].append(place)
    return [found for found in places.values() if len(found) > 1]


def same_files(parts: Sequence[Part]) -> list[list[int]]:
    """The places of images with equal bytes, for each such file; only files of equal length are read."""

    def refined(sets: list[list[int]], key: Callable[[Part], Hashable]) -> list[list[int]]:
        divided = (
            [[places[i] for i in same] for same in _sets(key(parts[p]) for p in places)] for places in sets
        )
        return [same for sets_ in divided for same in sets_]

    alike = refined([list(range(len(parts)))], lambda part: part.image.stat().st_size)
    return refined(alike, lambda part: hashlib.sha256(part.image.read_bytes()).hexdigest())


def _crossing(
    sets: Sequence[Sequence[int]], seen: Sequence[_Seen], what: str, how: str, mend: str
) -> Iterator[str]:
    crossing = [places for places in sets if len({seen[place].split for place in places} - {None}) > 1]
    if not crossing:
        return
    named = [seen[place] for place in crossing[0] if seen[place].split is not None]
    first, other = named[0], next(image for image in named if image.split != named[0].split)
    lie = "lies" if len(crossing) == 1 else "lie"
    yield (
        f"{plural(len(crossing), what)} {lie} in several splits, {how}, such as {first.name} ({first.split}) "
        f"and {other.name} ({other.split}): figures will be too good; {mend}."
    )


def _copies(sources: Sequence[Sequence[int]], seen: Sequence[_Seen], parts: Sequence[Part]) -> Iterator[str]:
    """Augmented copies of a picture within one split, which count as often as they are there.

    A part that is drawn out of them would divide copies, unless they are of one group.
    """
    copied: list[tuple[str, str]] = []
    for places in sources:
        of_split: dict[Split | None, str] = {}
        pairs = (
            (of_split.setdefault(seen[place].split, seen[place].name), seen[place].name) for place in places
        )
        copied += [pair for pair in pairs if pair[0] != pair[1]][:1]
    if copied:
        first, second = copied[0]
        splits = {image.split for image in seen}
        is_ = "is" if len(copied) == 1 else "are"
        where = " in one split" if splits != {None} else ""
        grouped = all(len({parts[place].group or place for place in places}) == 1 for places in sources)
        drawn = not {"val", "test"} <= splits and not grouped
        yield (
            f"{plural(len(copied), 'picture')} of Roboflow's export {is_} there several times{where}, "
            f"such as {first} and {second}: augmented copies, which count as often as they are there"
            + (f". Where a part is drawn, --group '{ROBOFLOW}' keeps them together." if drawn else ".")
        )
