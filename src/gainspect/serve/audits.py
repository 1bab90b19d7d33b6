"""What an auditor lets run: all of a ledger is verified, or records are exported. One of each at a time."""

import logging
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from gainspect.errors import GainspectError
from gainspect.files import cannot_write
from gainspect.ledger import Ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.export import WITH_PICTURES, export_sizes, write_export
from gainspect.ledger.faults import Verification
from gainspect.ledger.keys import read_private, usual_key
from gainspect.ledger.note import Signer
from gainspect.ledger.records.base import now
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.verification import verify
from gainspect.serve.problems import Problem

_RESERVE_BYTES = 2**30
"""So much room stays on the disk, which the service needs for itself."""
_log = logging.getLogger("gainspect.serve")
Result = TypeVar("Result")


class Stopped(Exception):
    """The service ends."""


@dataclass(frozen=True)
class Progress(Generic[Result]):
    """How far something is."""

    state: Literal["running", "done", "failed"]
    begun: datetime
    done: int = 0
    total: int = 0
    """Records."""
    ended: datetime | None = None
    result: Result | None = None
    """When it is done."""
    failure: Problem | None = None
    """When it failed."""


class Task(Generic[Result]):
    """Something that runs in a thread of its own, once at a time.

    Args:
        name: of it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self.progress: Progress[Result] | None = None
        """None: it was never begun in this service."""

    def begin(self, work: Callable[[], Result]) -> None:
        """Let it run.

        Raises:
            Problem: it runs already.
        """
        with self._lock:
            if self.progress is not None and self.progress.state == "running":
                raise Problem(409, "running", "this is running already", "Wait until it is done.")
            self.progress = Progress("running", now())
            self._thread = threading.Thread(target=self._run, args=(work,), name=self._name, daemon=True)
            self._thread.start()

    def counted(self, rows: Iterator[Any], count: int) -> Iterator[Any]:
        """Rows as they come, while it is told how many there were.

        Raises:
            Stopped: the service ends.
        """
        for number, row in enumerate(rows, start=1):
            yield row
            self.require_going_on()
            if number % 100 == 0 or number == count:
                assert self.progress is not None
                self.progress = replace(self.progress, done=number, total=count)

    def require_going_on(self) -> None:
        """Give it up where the service ends.

        Raises:
            Stopped: it does.
        """
        if self._ends.is_set():
            raise Stopped

    def stop(self) -> None:
        """End it where it is."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, work: Callable[[], Result]) -> None:
        assert self.progress is not None
        try:
            found = work()
        except Problem as problem:
            self._failed(problem)
        except GainspectError as error:
            self._failed(Problem(503, "failed", str(error)))
        except Stopped:
            self._failed(Problem(503, "stopping", "the service ended"))
        except Exception:  # whoever waits must know
            _log.exception("an error of gainspect itself")
            self._failed(Problem(500, "internal", "an error of gainspect itself"))
        else:
            self.progress = replace(self.progress, state="done", ended=now(), result=found)

    def _failed(self, problem: Problem) -> None:
        assert self.progress is not None
        self.progress = replace(self.progress, state="failed", ended=now(), failure=problem)


@dataclass(frozen=True)
class Exported:
    """A ZIP of an export."""

    path: Path
    records: int
    size: int
    """Over how many records its checkpoint was signed."""


class Audits:
    """Verifies and exports a ledger.

    Args:
        ledger: that is audited.
        key: file of the private key that signs exports; None: the usual one of the ledger.
        place: folder for the export, of this service alone; what is in it goes.
    """

    def __init__(self, ledger: Ledger, key: Path | None, place: Path) -> None:
        self._ledger, self._key, self._place = ledger, key, place
        self.verification = Task[Verification]("verification")
        self.export = Task[Exported]("export")
        self._clear()  # it may be there after a kill

    def verify(self) -> None:
        """Begin to read every record and every picture.

        Raises:
            Problem: that runs already.
        """
        self.verification.begin(lambda: verify(self._ledger, shown=self.verification.counted))

    def begin_export(self, wanted: Sequence[int] | None, *, pictures: bool) -> None:
        """Begin an export as `docs/verify.py` reads it; an earlier one is removed.

        Args:
            wanted: places of the records; None: all.
            pictures: whether their pictures are in it.

        Raises:
            Problem: one runs already, there is no key, or no record to export.
        """
        if wanted is not None and not wanted:
            raise Problem(422, "nothing_to_export", "there is no record to export", "Ask for something else.")
        signer = self._signer()
        self.export.begin(lambda: self._exported(signer, wanted, pictures=pictures))

    def stop(self) -> None:
        """End what runs, and remove what was exported."""
        self.verification.stop()
        self.export.stop()
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)

    def _require_room(self, need: int = 0) -> None:
        """Look whether an export may write more.

        Args:
            need: bytes that it is known to write.

        Raises:
            Stopped: the service ends.
            Problem: the disk has no room that the service does not need.
        """
        self.export.require_going_on()
        room = shutil.disk_usage(self._place).free - _RESERVE_BYTES
        if room < need:
            takes = f", which takes {need / 1e6:.1f} MB or more" if need else ""
            raise Problem(
                507,
                "no_room",
                f"the disk has too little room for this export{takes}: {max(0, room) / 1e6:.1f} MB "
                f"beside the {_RESERVE_BYTES / 1e6:.0f} MB that the service needs",
                "Export fewer records, or without pictures; or make room.",
            )

    def _watched(self, entries: Iterator[Entry], count: int) -> Iterator[Entry]:
        for entry in self.export.counted(entries, count):
            self._require_room()
            yield entry

    def _signer(self) -> Signer:
        path = self._key or usual_key(self._ledger.origin)
        if not path.exists():
            raise Problem(
                409,
                "no_signing_key",
                "this service has no key to sign an export with",
                "`gainspect ledger anchor` makes one; the setting signing_key names its file.",
            )
        try:
            return read_private(path, self._ledger.origin)
        except GainspectError as error:
            raise Problem(
                409, "signing_key_unusable", "the key to sign an export with cannot be used", error.hint
            ) from error

    def _exported(self, signer: Signer, wanted: Sequence[int] | None, *, pictures: bool) -> Exported:
        self._clear()
        try:
            self._place.mkdir(parents=True)
            return self._written(self._place, signer, wanted, pictures=pictures)
        except OSError as error:
            self._clear()
            raise cannot_write(self._place, error) from error
        except BaseException:
            self._clear()
            raise

    def _written(
        self, folder: Path, signer: Signer, wanted: Sequence[int] | None, *, pictures: bool
    ) -> Exported:
        """The ZIP of an export in a folder; nothing else stays there."""
        head, origin = self._ledger.head(), self._ledger.origin
        note = Checkpoint(origin, head.size, head.root).signed(signer, *([WITH_PICTURES] if pictures else []))
        places = None if wanted is None else [place for place in wanted if place < head.size]
        need = 0
        for size in export_sizes(self._ledger, head.size, wanted=places, pictures=pictures):
            need += 2 * size  # its folder, and the ZIP of it
            self._require_room(need)
        count = write_export(
            self._ledger, folder / "export", note, signer.verifier, wanted=places, shown=self._watched
        )
        self._zipped(folder / "export", folder / "export.zip")
        shutil.rmtree(folder / "export")
        return Exported(folder / "export.zip", count, head.size)

    def _zipped(self, folder: Path, path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    self._require_room()
                    archive.write(file, f"export/{file.relative_to(folder).as_posix()}")
