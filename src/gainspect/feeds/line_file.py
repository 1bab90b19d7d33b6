"""A file of JSON lines that are on the disk when they are said to be."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gainspect.errors import GainspectError
from gainspect.files import cannot_write, sync_names
from gainspect.inspection.records.journal import line_of

_CHUNK = 2**16
"""Bytes that are read at once."""


class LineFile:
    """Lines that are appended and synced; what a kill or a full disk left of a last line is cut off.

    Args:
        path: of the file, which is made if there is none; so is its folder.

    Raises:
        GainspectError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)
            sync_names(path.parent)
            self.end = self._file.seek(0, os.SEEK_END)
            begin, torn = next(self._pieces())
        except OSError as error:
            raise cannot_write(path, error) from error
        if torn:
            self.cut(begin)

    def __enter__(self) -> Self:
        """The file itself, which is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, whatever happened."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append a line for each record: when this returns, they are on the disk; if it raises, none is.

        Raises:
            GainspectError: the disk is full, or cannot be written.
        """
        content = b"".join(map(line_of, records))
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self.end)
            raise cannot_write(self.path, error) from error
        self.end += len(content)

    def cut(self, end: int) -> None:
        """Take all lines from a place on away.

        Raises:
            GainspectError: the file cannot be written.
        """
        try:
            self._file.truncate(end)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.end = end

    def backwards(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Where each line begins, and its record, from the last to the first.

        Raises:
            GainspectError: the file cannot be read, or a line is no JSON object.
        """
        try:
            for begin, line in self._pieces():
                if line:
                    yield begin, self._record(line, begin)
        except OSError as error:
            raise GainspectError(
                f"cannot read the file ({error.strerror or error})", where=self.path
            ) from error

    def _record(self, line: bytes, begin: int) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise GainspectError(
                "this line is no JSON object",
                where=f"{self.path}, byte {begin}",
                hint="Take the line away, or move the file elsewhere.",
            )
        return record

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        """What lies between line ends, and where it begins; the first is what follows the last line end."""
        begin, rest = self.end, b""
        while begin > 0:
            size = min(_CHUNK, begin)
            begin -= size
            self._file.seek(begin)
            rest = self._file.read(size) + rest
            while (end := rest.rfind(b"\n")) >= 0:
                yield begin + end + 1, rest[end + 1 :]
                rest = rest[:end]
        yield 0, rest
