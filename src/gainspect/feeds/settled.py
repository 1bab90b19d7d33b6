"""Which files are finished: what has not changed for a while, and what got its name by a rename."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class FileState(NamedTuple):
    """What tells one content of a file from another without reading it."""

    size: int
    """Bytes."""
    mtime_ns: int
    """When it was written, by the clock of whoever keeps it."""


@dataclass
class _Seen:
    state: FileState
    since: float
    renamed: bool
    from_s: float = 0.0
    """It is not read before it has been unchanged for so many seconds."""


class Settling:
    """How long each file has been as it is, by the clock of this process: that of a share may be another.

    Args:
        settle_s: after so many seconds without a change a file counts as finished.
        clock: gives the time in seconds, from any beginning.
    """

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle_s = settle_s
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._temporary: set[tuple[int, FileState]] = set()

    def look(
        self,
        files: Mapping[str, tuple[int, FileState]],
        temporary: Collection[tuple[int, FileState]] = (),
    ) -> None:
        """Take in what is there now.

        Args:
            files: inode and state by name. The inode may change on a share; it counts only for renames, and 0
                is none.
            temporary: inode and state of files under names of files that are being written.
        """
        now, seen = self._clock(), dict[str, _Seen]()
        for name, (inode, state) in files.items():
            before = self._seen.get(name)
            if before is not None and before.state == state:
                seen[name] = before
            else:
                seen[name] = _Seen(state, now, inode != 0 and (inode, state) in self._temporary)
        self._seen, self._temporary = seen, set(temporary)

    def unchanged_s(self, name: str) -> float:
        """For how many seconds a file has been as it is."""
        return self._clock() - self._seen[name].since

    def finished(self, name: str) -> bool:
        """Whether a file counts as finished; whether it is whole, only reading it tells."""
        seen, unchanged = self._seen[name], self.unchanged_s(name)
        return (seen.renamed or unchanged >= self._settle_s) and unchanged >= seen.from_s

    def not_whole(self, name: str, at_most_s: float) -> None:
        """Let a file wait that was found not to be whole, until it has been unchanged for twice as long.

        Args:
            name: of the file.
            at_most_s: once it has been unchanged for so many seconds, it is read in any case.
        """
        self._seen[name].from_s = min(2 * self.unchanged_s(name), at_most_s)


def state_of(path: Path) -> FileState | None:
    """The state of a file; None: there is none.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileState(found.st_size, found.st_mtime_ns)
