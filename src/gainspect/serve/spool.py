"""Answers in the place of decisions, on the local disk until the ledger has them."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from gainspect.errors import GainspectError
from gainspect.files import atomic_path, cannot_write, locked
from gainspect.ledger.records.decision import FailSafe
from gainspect.ledger.records.sealed import Entry

_FILE = "fail_safe.jsonl"


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
                with self._path.open("ab") as file:
                    begin = file.tell()
                    try:
                        file.write(line)
                        file.flush()
                    except OSError:
                        os.truncate(self._path, begin)
                        raise
                    os.fsync(file.fileno())
            except OSError as error:
                raise cannot_write(self._path, error) from error
            self._waiting.append(record)

    def find(self, decision: str) -> FailSafe | None:
        """The answer that was given in the place of a decision, if it is still here."""
        with self._lock:
            return next(
                (one for one in self._waiting if one.decision == decision and one.why != "full"), None
            )

    def drain(self, append: Callable[[FailSafe], Entry]) -> int:
        """Give the ledger what it does not have, in order; how many.

        Each stays here until the ledger has it: after a kill one may be given again, with the same key.

        Args:
            append: returns when the ledger has it.

        Raises:
            GainspectError: the ledger refuses it.
        """
        given = 0
        with self._drains:
            while self._waiting:
                append(self._waiting[0])
                given += 1
                with self._lock:
                    self._waiting.pop(0)
                    if not self._waiting:
                        with atomic_path(self._path) as temporary:
                            temporary.write_bytes(b"")
        return given

    def close(self) -> None:
        """Let another service have the folder."""
        self._held.close()

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
