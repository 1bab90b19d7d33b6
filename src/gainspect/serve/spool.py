"""Answers in the place of decisions, on the local disk until the ledger has them."""

import errno
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from gainspect.errors import GainspectError
from gainspect.files import atomic_path, cannot_write, locked, sync_names
from gainspect.ledger.records.decision import FailSafe

_FILE = "fail_safe.jsonl"
_MOST_TOGETHER = 64
"""Answers that are given to the ledger together."""


class Spool:
    """Keeps fail-safe answers, synced, before they are given, so that no failure of the ledger loses one.

    Args:
        folder: of one service; it is locked.

    Raises:
        GainspectError: another service has it, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._held = ExitStack()
        self._held.enter_context(
            locked(
                folder / "lock",
                busy="another service keeps its state here",
                hint="Give each service a folder of its own with --state.",
            )
        )
        self._path = folder / _FILE
        self.place = str(self._path)
        self._lock = threading.Lock()
        self._drains = threading.Lock()
        self._waiting = self._read()
        self._gone = 0
        """Answers in the file that the ledger has, at its beginning."""

    def __len__(self) -> int:
        """How many the ledger does not have yet."""
        return len(self._waiting)

    def add(self, record: FailSafe) -> None:
        """Keep an answer; when this returns, it is on the disk.

        Raises:
            GainspectError: the disk is full, or cannot be written.
        """
        line = record.model_dump_json().encode() + b"\n"
        with self._lock:
            try:
                new = not self._path.exists()
                # Without a buffer: one would write the rest of a line that did not fit when it is closed.
                with self._path.open("ab", buffering=0) as file:
                    begin = file.tell()
                    try:
                        if file.write(line) != len(line):
                            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                        os.fsync(file.fileno())
                    except OSError:
                        os.truncate(self._path, begin)
                        raise
                if new:
                    sync_names(self._path.parent)
            except OSError as error:
                raise cannot_write(self._path, error) from error
            self._waiting.append(record)

    def find(self, key: str) -> FailSafe | None:
        """The answer with a key of its own, if it is still here."""
        with self._lock:
            return next((one for one in self._waiting if one.key == key), None)

    def drain(self, append: Callable[[Sequence[FailSafe]], object]) -> int:
        """Give the ledger what it does not have, in order; how many.

        Each stays here until the ledger has it: after a kill some may be given again, with the same keys.

        Args:
            append: returns when the ledger has them.

        Raises:
            GainspectError: the ledger refuses one, or the disk cannot be written.
        """
        given = 0
        with self._drains:
            while together := self._waiting[:_MOST_TOGETHER]:
                append(together)
                given += len(together)
                with self._lock:
                    self._waiting = self._waiting[len(together) :]
                    self._gone += len(together)
                    if self._gone >= len(self._waiting):  # so that each is written twice at most, on average
                        self._rewrite()
        return given

    def close(self) -> None:
        """Let another service have the folder."""
        self._held.close()

    def _rewrite(self) -> None:
        with atomic_path(self._path) as temporary:
            temporary.write_bytes(b"".join(one.model_dump_json().encode() + b"\n" for one in self._waiting))
        sync_names(self._path.parent)
        self._gone = 0

    def _read(self) -> list[FailSafe]:
        """What an earlier service left; a torn last line was never answered."""
        if not self._path.exists():
            return []
        content = self._path.read_bytes()
        *lines, torn = content.split(b"\n")
        try:
            kept = [FailSafe.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise GainspectError(
                "this is no file of fail-safe answers",
                where=self._path,
                hint="Move it away and keep it: answers in it are in no ledger.",
            ) from error
        if torn:
            with atomic_path(self._path) as temporary:
                temporary.write_bytes(content.removesuffix(torn))
        return kept
