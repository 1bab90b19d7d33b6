"""The bytes of images by their names; of what is far away several are fetched at once."""

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from gainspect.data.image_header import require_within
from gainspect.errors import GainspectError
from gainspect.inspection.inputs import RAISE_LIMIT
from gainspect.inspection.sources.remote import is_uri, read_remote
from gainspect.inspection.sources.tables import RowReader, row_of

STDIN = "-"
_AHEAD = 8
"""Files that are fetched at once, and so held encoded before they are looked at."""


class Contents:
    """Reads images of every kind.

    Args:
        max_mpx: the largest decoded size, in millions of pixels; of larger ones no more than the header of
            a file is read.
        stdin: reads what "-" stands for.
    """

    def __init__(self, max_mpx: float, stdin: Callable[[], bytes] = lambda: sys.stdin.buffer.read()) -> None:
        self._max_mpx = max_mpx
        self._stdin = stdin
        self._rows = RowReader()

    def read(self, source: str) -> bytes:
        """The content of an image file.

        Raises:
            OSError: it cannot be read.
            GainspectError: the same, in words; or the image is over the limit.
        """
        if source == STDIN:
            return self._stdin()
        if (row := row_of(source)) is not None:
            return self._rows.read(*row)
        if is_uri(source):
            return read_remote(source, self._max_mpx)
        require_within(Path(source), self._max_mpx, where=source, hint=RAISE_LIMIT)
        return Path(source).read_bytes()

    def each(self, sources: Iterable[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Each name with what reads its content, as `read` does; those behind URIs are fetched ahead."""
        waiting: deque[tuple[str, Future[bytes] | None]] = deque()
        fetching: ThreadPoolExecutor | None = None
        try:
            for source in sources:
                fetched = None
                if is_uri(source) and row_of(source) is None:
                    fetching = fetching or ThreadPoolExecutor(_AHEAD)
                    fetched = fetching.submit(self.read, source)
                waiting.append((source, fetched))
                if fetching is None or len(waiting) == _AHEAD:
                    yield self._reader(*waiting.popleft())
            while waiting:
                yield self._reader(*waiting.popleft())
        finally:
            if fetching is not None:
                fetching.shutdown(cancel_futures=True)

    def sha256(self, source: str) -> str | None:
        """SHA-256 of an image file; None: it cannot be read now."""
        try:
            if row_of(source) is None and not is_uri(source):
                with Path(source).open("rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
            return hashlib.sha256(self.read(source)).hexdigest()
        except (OSError, GainspectError):
            return None

    def _reader(self, source: str, fetched: Future[bytes] | None) -> tuple[str, Callable[[], bytes]]:
        return source, (lambda: self.read(source)) if fetched is None else fetched.result


class GivenContents(Contents):
    """Files that are there already.

    Args:
        max_mpx: see `Contents`.
        given: the content of each file, in order.
    """

    def __init__(self, max_mpx: float, given: Sequence[bytes]) -> None:
        super().__init__(max_mpx)
        self._given = given

    def each(self, sources: Iterable[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """See `Contents`."""
        for source, content in zip(sources, self._given, strict=True):
            yield source, partial(bytes, content)
