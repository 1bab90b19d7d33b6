"""Thumbnails of very many images: the first lie in memory, all others in a temporary file."""

import tempfile
import weakref
from collections.abc import Sequence
from typing import IO, Protocol

import numpy as np

from gainspect.data.near_duplicates.thumbnail import SIDE, Thumbnail
from gainspect.errors import GainspectError

IN_MEMORY = 2**14
"""So many thumbnails are kept in memory (128 MiB)."""
_BYTES = SIDE * SIDE * np.dtype(np.float16).itemsize


class Thumbnails(Protocol):
    """A list of thumbnails, or what can be read like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Thumbnail: ...


class ThumbnailStore:
    """Takes thumbnails one by one; its temporary file is gone with it."""

    def __init__(self) -> None:
        self._first: list[Thumbnail] = []
        self._file: IO[bytes] | None = None
        self._count = 0

    def append(self, thumbnail: Thumbnail) -> None:
        """Keep one more.

        Raises:
            GainspectError: it cannot be written.
        """
        if len(self._first) < IN_MEMORY:
            self._first.append(thumbnail)
        else:
            try:
                self._write(thumbnail)
            except OSError as error:
                raise GainspectError(
                    f"cannot keep thumbnails in the folder for temporary files ({error.strerror or error})",
                    where=tempfile.gettempdir(),
                    hint=f"Free {_BYTES // 1024} kB an image there, or name another folder in TMPDIR.",
                ) from error
        self._count += 1

    def _write(self, thumbnail: Thumbnail) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it is closed with the store
            weakref.finalize(self, self._file.close)
        self._file.seek((self._count - IN_MEMORY) * _BYTES)
        if self._file.write(thumbnail.tobytes()) < _BYTES:
            raise OSError("it is full")

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int, /) -> Thumbnail:
        if place < len(self._first):
            return self._first[place]
        assert self._file is not None  # it holds all others
        self._file.seek((place - IN_MEMORY) * _BYTES)
        return np.frombuffer(self._file.read(_BYTES), np.float16).reshape(SIDE, SIDE)


class Chosen:
    """Some of these thumbnails, in another order."""

    def __init__(self, thumbnails: Thumbnails, places: Sequence[int]) -> None:
        self._thumbnails, self._places = thumbnails, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: int, /) -> Thumbnail:
        return self._thumbnails[self._places[place]]
