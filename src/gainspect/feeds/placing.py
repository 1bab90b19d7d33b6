"""Moving a file into a folder, never over another; a kill leaves it here, there, or in both places."""

import errno
import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath

from gainspect.errors import GainspectError
from gainspect.files import sync_names, write_text

_PROBE = ".gainspect-probe"
FAILED = "failed"
"""The folder of images that could not be judged; others are in that of their decision."""
_REASON = ".txt"
_LONGEST_NAME = 255
_SECOND_NS = 10**9
_COARSEST_NS, _FINE_NS = 2 * _SECOND_NS, 1000
"""By less the time of a copy differs: FAT keeps it in steps of two seconds, NTFS of 100 ns."""


def place(source: Path, folder: Path, name: str, reason: str | None = None) -> Path:
    """Move a file to a folder, under a free name: `a (2).png` if `a.png` is another file.

    If it was there already as a whole (a kill came before its old name went), only the old name is removed.

    Args:
        source: the file.
        folder: where it goes; made if it is not there.
        name: relative to the folder, with forward slashes.
        reason: text that is written beside it, as NAME.txt.

    Returns:
        Where it is now.

    Raises:
        GainspectError: it cannot be moved.
    """
    try:
        wanted = folder / PurePosixPath(name)
        wanted.parent.mkdir(parents=True, exist_ok=True)
        target = _appeared(source, wanted)
        if reason is not None:
            write_text(target.with_name(_shortened(target.name, _REASON)), f"{reason}\n")
        sync_names(target.parent)
        source.unlink()
        sync_names(source.parent)
    except OSError as error:
        raise GainspectError(
            f"cannot be moved to {folder} ({error.strerror or error})",
            where=source,
            hint="Check who may write in both folders, and the room on the disk.",
        ) from error
    return target


def require_movable(folder: Path, done: Path) -> None:
    """Try whether a file can be moved, before the first one has to be.

    Raises:
        GainspectError: it cannot.
    """
    probe, moved = folder / _PROBE, done / _PROBE
    try:
        moved.unlink(missing_ok=True)
        probe.write_bytes(b"")
        moved = place(probe, done, _PROBE)
    except OSError as error:
        raise GainspectError(
            f"files cannot be moved out of it ({error.strerror or error})",
            where=folder,
            hint="Check who may write in it.",
        ) from error
    finally:
        for left in (probe, moved):
            with suppress(OSError):
                left.unlink(missing_ok=True)


def _appeared(source: Path, wanted: Path) -> Path:
    """Let the file appear under a free name, whole; it keeps its old one."""
    for target in _names(wanted):
        try:
            os.link(source, target, follow_symlinks=False)
            return target
        except FileExistsError:
            if _same(source, target):
                return target
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOSPC, errno.EROFS, errno.ENAMETOOLONG):
                raise
            return _copied(source, wanted)  # another file system, or one without hard links
    raise AssertionError("there is always a further name")


def _copied(source: Path, wanted: Path) -> Path:
    temporary = wanted.with_name(f".gainspect-{secrets.token_hex(8)}")
    try:
        shutil.copy2(source, temporary, follow_symlinks=False)
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        for target in _names(wanted):
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                if _same(source, target):
                    return target
                continue
            temporary.replace(target)  # over the empty file of our own
            return target
    finally:
        temporary.unlink(missing_ok=True)
    raise AssertionError("there is always a further name")


def _same(source: Path, target: Path) -> bool:
    """Whether a file under a name that is taken is this one, placed before a kill."""
    if target.is_symlink() or not target.is_file():
        return False
    if source.samefile(target):
        return True
    return _same_time(source, target) and filecmp.cmp(source, target, shallow=False)


def _same_time(source: Path, copy: Path) -> bool:
    """Whether a copy has the time of its source, as exactly as its file system keeps it."""
    then, now = source.stat().st_mtime_ns, copy.stat().st_mtime_ns
    return abs(then - now) < (_COARSEST_NS if now % _SECOND_NS == 0 else _FINE_NS)


def _names(wanted: Path) -> Iterator[Path]:
    """The name, and then others like it."""
    yield wanted
    for number in count(2):
        yield wanted.with_name(_shortened(wanted.stem, f" ({number}){wanted.suffix}"))


def _shortened(stem: str, end: str) -> str:
    """A name of at most so many bytes as file systems take."""
    room = _LONGEST_NAME - len(os.fsencode(end))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + end
