"""Pictures by the SHA-256 of their files, in a folder or behind any URI that fsspec writes."""

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Protocol

from gainspect.errors import GainspectError
from gainspect.files import atomic_path, cannot_write, sync_names

_NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.ENXIO)


class NoPictureFileError(GainspectError):
    """In the place of a picture stands something else than a file, such as a folder, or a link to itself."""


class PictureStore(Protocol):
    """Files by their hashes."""

    place: str
    """The folder, or the URI."""

    def put(self, content: bytes) -> str:
        """Store a file; its SHA-256, hexadecimal. When this returns, it is on the disk.

        Raises:
            GainspectError: it cannot be written.
        """

    def has(self, sha256: str) -> bool:
        """Whether there is a file under this hash; what it holds is not looked at."""

    def read(self, sha256: str) -> bytes | None:
        """What is stored under a hash, whether it has that hash or not; None: nothing is.

        Raises:
            NoPictureFileError: what is there is no file.
            GainspectError: it cannot be read.
        """

    def size(self, sha256: str) -> int | None:
        """Bytes of what is stored under a hash; None: nothing is.

        Raises:
            GainspectError: that cannot be seen.
        """

    def remove(self, sha256: str) -> None:
        """Take a file away, if it is there.

        Raises:
            GainspectError: that is not possible.
        """


class PictureFolder:
    """Pictures in a folder of this machine, as aa/aabbcc…; it is made when the first is stored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = str(folder)

    def put(self, content: bytes) -> str:
        """See `PictureStore`."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if not self._holds(sha256, content):
            with atomic_path(path) as temporary:
                temporary.write_bytes(content)
        # Also of a file that is there: whoever wrote it may have been killed before this.
        sync_names(path.parent, self._folder, self._folder.parent)
        return sha256

    def has(self, sha256: str) -> bool:
        """See `PictureStore`."""
        return self._path(sha256).is_file()

    def read(self, sha256: str) -> bytes | None:
        """See `PictureStore`."""
        path = self._path(sha256)
        try:
            with open(path, "rb", opener=_opened_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise NoPictureFileError("this is no file", where=path)
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            kind = NoPictureFileError if error.errno in _NO_FILE else GainspectError
            raise kind(f"cannot read the picture ({error.strerror or error})", where=path) from error

    def size(self, sha256: str) -> int | None:
        """See `PictureStore`."""
        path = self._path(sha256)
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise GainspectError(
                f"cannot read the picture ({error.strerror or error})", where=path
            ) from error

    def remove(self, sha256: str) -> None:
        """See `PictureStore`."""
        path = self._path(sha256)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _holds(self, sha256: str, content: bytes) -> bool:
        try:
            return self.read(sha256) == content
        except NoPictureFileError:
            return False

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


class RemotePictures:
    """The same behind a URI."""

    def __init__(self, uri: str) -> None:
        from gainspect.inspection.records.stores import RemoteStore

        self._store = RemoteStore(uri)
        self.place = uri

    def put(self, content: bytes) -> str:
        """See `PictureStore`."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self.read(sha256) != content:
            self._store.write(_name(sha256), content)
        return sha256

    def has(self, sha256: str) -> bool:
        """See `PictureStore`."""
        return sha256 in self._store.names(sha256[:2])

    def read(self, sha256: str) -> bytes | None:
        """See `PictureStore`."""
        return self._store.read(_name(sha256))

    def size(self, sha256: str) -> int | None:
        """See `PictureStore`."""
        return self._store.size(_name(sha256))

    def remove(self, sha256: str) -> None:
        """See `PictureStore`."""
        self._store.remove(_name(sha256))


def open_pictures(place: str) -> PictureStore:
    """The pictures in a folder or behind a URI."""
    return RemotePictures(place) if "://" in place else PictureFolder(Path(place))


def _name(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _opened_at_once(path: str, flags: int) -> int:
    """Open without waiting for whoever writes into a pipe that stands there."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
