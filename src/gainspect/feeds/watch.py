"""A folder as a source of images: finished files, by the part that they show, oldest first.

The folder is looked at again and again (polling): that works on every file system, network shares too, where
the system is not told of what another machine writes.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gainspect.data.manifest import MOST_VIEWS
from gainspect.errors import GainspectError
from gainspect.feeds.listing import list_folder
from gainspect.feeds.settled import FileState, Settling, state_of

NO_PART = "images in whose name --parts finds no part"


@dataclass(frozen=True)
class Arrived:
    """A file that counts as finished."""

    name: str
    """Relative to the folder, with forward slashes."""
    state: FileState


@dataclass(frozen=True)
class Arrival:
    """The images of a part, of which no more is waited for."""

    part: str | None
    """The part's name; None: its one image is decided alone."""
    images: tuple[Arrived, ...]
    """In the order of their names."""
    missing: int = 0
    """How many did not come."""


@dataclass(frozen=True)
class Waits:
    """How long files are waited for, in seconds."""

    settle_s: float = 1.0
    """A file that has not changed for so long counts as finished."""
    give_up_s: float = 30.0
    """A file that cannot be read is taken as it is once it has not changed for so long."""
    part_s: float = 10.0
    """A part is decided from the images that came once no further one has come for so long."""


class WatchedFolder:
    """Gives the images of a folder, part by part.

    Nothing is remembered of them but since when they have been as they are: what was not taken before the
    process ended is still there afterwards.

    Args:
        folder: absolute.
        recursive: whether its subfolders belong to it.
        waits: how long files are waited for.
        part_of: from the path of an image to its part (`part_names.part_finder`); None: each is alone.
        views: how many images a part has; None: that is not known.
        clock: gives the time in seconds, from any beginning.
    """

    def __init__(
        self,
        folder: Path,
        *,
        recursive: bool = False,
        waits: Waits = Waits(),
        part_of: Callable[[str], str | None] | None = None,
        views: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = folder
        self.waits = waits
        self._recursive = recursive
        self._part_of = part_of
        self._views = views
        self._settling = Settling(waits.settle_s, clock)
        self.waiting: dict[str, FileState] = {}
        """The images that are there and were not decided when it was last looked at."""
        self.left: dict[str, str] = {}
        """Why things are left alone, and the name of the first of each kind."""

    def look(self, is_decided: Callable[[str, FileState], bool] = lambda name, state: False) -> list[Arrival]:
        """Look into the folder; the parts that can be decided now, the oldest first.

        Args:
            is_decided: whether a file was decided before and only lies there still.

        Raises:
            GainspectError: the folder cannot be read.
        """
        listing = list_folder(self.path, recursive=self._recursive)
        there = {name: known for name, known in listing.images.items() if not is_decided(name, known[1])}
        parts = self._parts(there, listing.left)
        self.left = listing.left
        self.waiting = {name: there[name][1] for names in parts.values() for name in names}
        self._settling.look({name: there[name] for name in self.waiting}, listing.temporary)
        found = [arrival for part, names in parts.items() for arrival in self._complete(part, names)]
        return sorted(found, key=_age)

    def is_there(self, image: Arrived) -> bool:
        """Whether a file still is as it was when it was looked at."""
        try:
            return state_of(self.path / image.name) == image.state
        except OSError:
            return False

    def gives_up(self, image: Arrived) -> bool:
        """Whether a file that cannot be read is taken as it is; if not, it is looked at again later."""
        if self._settling.unchanged_s(image.name) >= self.waits.give_up_s:
            return True
        self._settling.not_whole(image.name, self.waits.give_up_s)
        return False

    def _parts(
        self, there: Mapping[str, object], left: dict[str, str]
    ) -> dict[tuple[str | None, str], list[str]]:
        """The names by part; without parts each by itself."""
        parts = dict[tuple[str | None, str], list[str]]()
        for name in there:
            part = None if self._part_of is None else self._part_of(str(self.path / name))
            if part is None and self._part_of is not None:
                left.setdefault(NO_PART, name)
                continue
            parts.setdefault((part, name if part is None else ""), []).append(name)
        return parts

    def _complete(self, key: tuple[str | None, str], names: Sequence[str]) -> Iterator[Arrival]:
        part, finished = key[0], [name for name in names if self._settling.finished(name)]
        if not finished:
            return
        if part is None or (self._views is not None and len(finished) >= self._views):
            yield self._arrival(part, finished, 0)
        elif len(finished) == len(names) and self._quiet(names):
            yield self._arrival(part, finished, max(0, (self._views or 0) - len(finished)))

    def _arrival(self, part: str | None, names: Sequence[str], missing: int) -> Arrival:
        taken = sorted(names)[:MOST_VIEWS]
        return Arrival(part, tuple(Arrived(name, self.waiting[name]) for name in taken), missing)

    def _quiet(self, names: Sequence[str]) -> bool:
        return all(self._settling.unchanged_s(name) >= self.waits.part_s for name in names)


def _age(arrival: Arrival) -> tuple[int, str]:
    """By this the part whose first image was written first comes first."""
    return min((image.state.mtime_ns, image.name) for image in arrival.images)


def require_apart(folder: Path, done: Path) -> None:
    """Refuse to move decided files to where they would be found again.

    Raises:
        GainspectError: one of the folders lies in the other, or they are one.
    """
    watched, target = folder.resolve(), done.resolve()
    if watched == target or watched in target.parents or target in watched.parents:
        raise GainspectError(
            "--done and the watched folder lie in one another",
            where=done,
            hint="Choose a folder beside it; on the same file system files are moved without copying.",
        )


def require_folder(folder: Path) -> Path:
    """The absolute path of the folder to be watched.

    Raises:
        GainspectError: there is no such folder.
    """
    if not folder.is_dir():
        raise GainspectError("there is no such folder", where=folder, hint="Make it, or check its path.")
    return folder.resolve()
