"""Atomic writing: a file appears completely or not at all."""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gainspect.errors import GainspectError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it over `path` when the block ends without an error.

    A crash, a full disk or a kill leaves the old file unchanged. A missing parent folder is created.

    Raises:
        GainspectError: the folder cannot be written, or the disk is full.
    """
    # Short, whatever the file is called: names end at 255 bytes.
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix[:16]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not tempfile: it makes the file private (0600), but others must be able to read the result.
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; it becomes that when the block ends without an error.

    Raises:
        GainspectError: something is there already, or it cannot be written.
    """
    require_new(folder)
    temporary = folder.with_name(f".{secrets.token_hex(8)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(path: Path, *, busy: str, hint: str) -> Iterator[None]:
    """Hold a lock on a file that is made for it; the system frees it when the process ends, however it ends.

    The file is empty and stays. A missing parent folder is created.

    Args:
        path: the file to lock.
        busy: what is wrong if another process, or another call in this one, holds it.
        hint: how to mend that.

    Raises:
        GainspectError: it is held already, or the file cannot be made or locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise cannot_write(path, error) from error
    with file:
        try:
            _lock(file.fileno())
        except BlockingIOError as error:
            raise GainspectError(busy, where=path.parent, hint=hint) from error
        except OSError as error:
            raise GainspectError(
                f"cannot lock ({error.strerror or error})",
                where=path,
                hint="Choose a folder on a file system that has locks, such as a local disk.",
            ) from error
        yield


def _lock(descriptor: int) -> None:
    """Lock an open file, without waiting.

    Raises:
        BlockingIOError: it is locked.
        OSError: it cannot be locked.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def require_new(path: Path) -> None:
    """Refuse to write over what is there.

    Raises:
        GainspectError: something is there.
    """
    if path.exists() or path.is_symlink():
        raise GainspectError(
            "there is already such a file", where=path, hint="Choose another name with --out."
        )


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 text atomically; lone surrogates, which it lacks, as `\udHHH` (as JSON escapes them)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically.

    Raises:
        ValueError: NaN or infinity, which JSON does not have (write None for "undefined").
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sync_names(*folders: Path) -> None:
    """Let the names of new files reach the disk; Windows does that by itself.

    Raises:
        OSError: there is no such folder.
    """
    for folder in folders if os.name == "posix" else ():
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not every file system syncs folders
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> GainspectError:
    """The error for a file that cannot be written."""
    return GainspectError(
        f"cannot write ({error.strerror or error})",
        where=path,
        hint="Check that the folder is writable and that the disk is not full.",
    )
