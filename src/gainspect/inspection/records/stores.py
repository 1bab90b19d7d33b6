"""Where results are written, each file whole: a folder, or a URI of anything that fsspec writes."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath
from typing import Protocol

from gainspect.data.taken import LOCK
from gainspect.errors import GainspectError
from gainspect.files import atomic_path, cannot_write, locked
from gainspect.inspection.sources.remote import below, file_system, unreachable


class Store(Protocol):
    """Files by their names, which may have a folder and a slash before them."""

    place: str
    """The folder, or the URI."""

    def held(self) -> AbstractContextManager[None]:
        """Keep other inspections out, where that is possible.

        Raises:
            GainspectError: another one is at work there.
        """

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder, in order; empty if there is no such folder."""

    def read(self, name: str) -> bytes | None:
        """The content of a file; None: there is none.

        Raises:
            GainspectError: it cannot be read.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write a file; what is there is replaced.

        Raises:
            GainspectError: it cannot be written.
        """

    def remove(self, name: str) -> None:
        """Take a file away.

        Raises:
            GainspectError: that is not possible.
        """


class FolderStore:
    """A folder of this machine; files appear by atomic rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = str(folder)

    def held(self) -> AbstractContextManager[None]:
        """See `Store`."""
        return lock_of(self._folder)

    def names(self, folder: str) -> list[str]:
        """See `Store`."""
        place = self._folder / folder
        return sorted(file.name for file in place.iterdir()) if place.is_dir() else []

    def read(self, name: str) -> bytes | None:
        """See `Store`."""
        path = self._folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise GainspectError(f"cannot read the file ({error.strerror or error})", where=path) from error

    def write(self, name: str, content: bytes) -> None:
        """See `Store`."""
        with atomic_path(self._folder / name) as temporary:
            temporary.write_bytes(content)

    def remove(self, name: str) -> None:
        """See `Store`."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self._folder / name, error) from error


class RemoteStore:
    """What fsspec writes. An object store takes a file whole; elsewhere a kill may leave a part of one."""

    def __init__(self, uri: str) -> None:
        self.place = uri
        self._system, self._root = file_system(uri)

    def held(self) -> AbstractContextManager[None]:
        """An object store has no locks: nobody is kept out."""
        return nullcontext()

    def names(self, folder: str) -> list[str]:
        """See `Store`."""
        try:
            entries = self._system.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:  # file systems raise errors of many kinds
            raise unreachable(below(self.place, folder), error) from error
        return sorted(PurePosixPath(entry).name for entry in entries if not entry.endswith("/"))

    def read(self, name: str) -> bytes | None:
        """See `Store`."""
        try:
            return bytes(self._system.cat_file(self._path(name)))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise unreachable(below(self.place, name), error) from error

    def size(self, name: str) -> int | None:
        """Bytes of a file; None: there is none.

        Raises:
            GainspectError: that cannot be seen.
        """
        try:
            return int(self._system.size(self._path(name)))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise unreachable(below(self.place, name), error) from error

    def write(self, name: str, content: bytes) -> None:
        """See `Store`."""
        path = self._path(name)
        try:
            self._system.makedirs(self._system._parent(path), exist_ok=True)
            self._system.pipe_file(path, content)
        except Exception as error:
            raise unreachable(below(self.place, name), error) from error

    def remove(self, name: str) -> None:
        """See `Store`."""
        try:
            self._system.rm_file(self._path(name))
        except FileNotFoundError:
            return
        except Exception as error:
            raise unreachable(below(self.place, name), error) from error

    def _path(self, name: str) -> str:
        return below(self._root, name)


def lock_of(folder: Path) -> AbstractContextManager[None]:
    """The lock of a folder that verdicts are written into; one inspection at a time holds it.

    Raises:
        GainspectError: another one holds it.
    """
    busy = "another inspection is writing its verdicts into this folder"
    return locked(folder / LOCK, busy=busy, hint="Wait until it has ended, or choose another --out.")
