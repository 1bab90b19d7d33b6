"""A folder's verdicts, written line by line as they are made: a kill loses none, and the work goes on there.

The one exception to writing by atomic rename. A line is handed to the system as soon as it is made, so that a
kill of the process takes none; what it, or a full disk, left of a line is cut off when the journal is opened
again. The system is told to bring lines to the disk once a second (`_SYNC_S`): a power cut takes the verdicts
of about that time, which are then made again. After each line that would take as long as some networks do for
an image.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from gainspect.data.taken import PARQUET, SETTINGS, VERDICTS
from gainspect.errors import GainspectError
from gainspect.files import atomic_path, cannot_write, write_json
from gainspect.inspection.records.stores import lock_of
from gainspect.inspection.records.verdict_key import OTHER_OUT, Key, Settings, key_in, require_same

_SYNC_S = 1.0
_GO_ON = "Run the same command again: it goes on where it stopped."


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as a line: JSON in valid UTF-8, with the JSON escape of a lone surrogate."""
    return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


class Journal:
    """The verdicts of one folder, one line for each image; one process at a time has it open.

    If an image is written again, its later line counts, and `settle` takes the earlier one away. In memory is
    where the line of each image begins, not what it says.

    Args:
        folder: where verdicts.jsonl lies, or will lie.
        settings: what new verdicts are made with.

    Raises:
        GainspectError: another process has it open; it holds verdicts made with other settings, or with
            settings that are not known, or something else than verdicts; or it cannot be written.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.path = folder / VERDICTS
        self.place = str(self.path)
        self.settings = settings
        self._begins: dict[str, int] = {}
        self._lines, self._end = 0, 0
        self._synced = time.monotonic()
        with ExitStack() as opened:
            opened.enter_context(lock_of(folder))
            if (folder / PARQUET).is_dir():
                raise GainspectError(
                    f"the verdicts there are Parquet files ({PARQUET}), not lines",
                    where=folder,
                    hint=f"{OTHER_OUT}.",
                )
            if not _holds_lines(self.path):
                write_json(folder / SETTINGS, asdict(settings))
            require_same(folder / SETTINGS, settings, self.path)
            try:
                self._appended = opened.enter_context(self.path.open("ab", buffering=0))
                self._read = opened.enter_context(self.path.open("rb"))
            except OSError as error:
                raise cannot_write(self.path, error) from error
            self._scan()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        """The journal itself, which is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, whatever happened."""
        self.close()

    def __len__(self) -> int:
        """Number of images that have a line."""
        return len(self._begins)

    def images(self) -> list[str]:
        """The images that have a line, in the order of their lines."""
        return sorted(self._begins, key=self._begins.__getitem__)

    def record(self, image: str) -> dict[str, Any] | None:
        """What is written of an image (see `stream.record_of`); None: nothing yet."""
        begin = self._begins.get(image)
        if begin is None:
            return None
        record: dict[str, Any] = json.loads(self._line(begin))
        return record

    def key(self, image: str) -> Key | None:
        """The key of the verdict on an image; None: there is none, perhaps because of an error."""
        return key_in(self.record(image), self.settings)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write what is known of an image now, unless it says so already.

        Raises:
            GainspectError: the disk is full, or cannot be written. What was appended before is kept.
        """
        line = line_of(record)
        begin = self._begins.get(record["image"])
        if begin is not None and self._line(begin) == line:
            return
        try:
            _write(self._appended, line)
            now = time.monotonic()
            if now - self._synced >= _SYNC_S:
                os.fsync(self._appended.fileno())
                self._synced = now
        except OSError as error:
            with suppress(OSError):
                self._appended.truncate(self._end)
            raise GainspectError(
                f"cannot write ({error.strerror or error})", where=self.path, hint=f"Make room. {_GO_ON}"
            ) from error
        self._begins[record["image"]] = self._end
        self._lines += 1
        self._end += len(line)

    def settle(self, images: Iterable[str]) -> None:
        """Leave one line for each image, in order: first those that are not named, as they are, then these.

        Where there is something to change, the file is replaced as a whole, atomically. Nothing is appended
        after that.

        Args:
            images: as `names.escaped` writes them; one without a line is passed over.

        Raises:
            GainspectError: it cannot be written. It then is as it was.
        """
        if self._read.seek(0, os.SEEK_END) != self._end:  # Ctrl-C came between a line and its entry
            self._scan()
        named = [image for image in dict.fromkeys(images) if image in self._begins]
        apart = set(named)
        begins = [self._begins[name] for name in (*(i for i in self.images() if i not in apart), *named)]
        if len(begins) == self._lines and begins == sorted(begins):
            return
        with atomic_path(self.path) as temporary:
            with temporary.open("wb") as settled:
                settled.writelines(map(self._line, begins))
            self._appended.close()  # both are of the file that is replaced; the lock is kept
            self._read.close()

    def close(self) -> None:
        """Let all lines reach the disk, and let others open the journal."""
        with self._opened, suppress(OSError):  # a disk that fails now took each line before
            if not self._appended.closed:
                os.fsync(self._appended.fileno())

    def _line(self, begin: int) -> bytes:
        self._read.seek(begin)
        return self._read.readline()

    def _scan(self) -> None:
        """Find where lines begin; a last one that is not whole is cut off."""
        self._begins, self._lines, self._end = {}, 0, 0
        self._read.seek(0)
        for line in self._read:
            image = _image_of(line)
            if image is None:
                if self._read.read(1):
                    raise GainspectError(
                        "this is no record of a verdict",
                        where=f"{self.path}, line {self._lines + 1}",
                        hint=f"{OTHER_OUT}, or take this line away: its image is judged again.",
                    )
                break
            self._begins[image] = self._end
            self._lines += 1
            self._end += len(line)
        try:
            self._appended.truncate(self._end)
        except OSError as error:
            raise cannot_write(self.path, error) from error


def _write(file: BinaryIO, line: bytes) -> None:
    """Write all of it; a file without a buffer may take less at once."""
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]


def _image_of(line: bytes) -> str | None:
    """The image of a whole line; None: it is not whole, or no record."""
    try:
        record = json.loads(line)
        image, _ = record["image"], record["verdict"]
    except (ValueError, TypeError, KeyError):
        return None
    return image if isinstance(image, str) and line.endswith(b"\n") else None


def _holds_lines(path: Path) -> bool:
    """Whether something was written that a new journal may not take over."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise cannot_write(path, error) from error
