"""What lies in a watched folder: images, what is being written under a temporary name, and all else."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gainspect.data.taken import NO_FILE, UNREADABLE, is_hidden, why_name_not
from gainspect.errors import GainspectError
from gainspect.feeds.settled import FileState

LINK = "links, which are not followed"
SUBFOLDER = "subfolders, without --recursive"
_TEMPORARY = frozenset({".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download"})


@dataclass
class Listing:
    """What one look at a folder finds. Names are relative to it, with forward slashes."""

    images: dict[str, tuple[int, FileState]] = field(default_factory=dict)
    """Inode and state of the files that have the name of an image."""
    temporary: list[tuple[int, FileState]] = field(default_factory=list)
    """The same of files under names of files that are being written."""
    left: dict[str, str] = field(default_factory=dict)
    """Why something is left alone, and the name of the first of its kind."""


def is_temporary(name: str) -> bool:
    """Whether a file is being written, by its name: hidden, or with a suffix that programs use for that.

    >>> is_temporary(".a.png"), is_temporary("a.png.part"), is_temporary("a.png~"), is_temporary("a.png")
    (True, True, True, False)
    """
    return is_hidden(name) or name.endswith("~") or PurePosixPath(name).suffix.lower() in _TEMPORARY


def list_folder(folder: Path, *, recursive: bool) -> Listing:
    """Look into a folder. Links are not followed: what they name lies elsewhere, and is not ours to move.

    Args:
        folder: to look into.
        recursive: whether to look into its subfolders, but for hidden ones.

    Raises:
        GainspectError: it cannot be read.
    """
    listing = Listing()
    try:
        _look_into(folder, "", recursive, listing)
    except OSError as error:
        raise GainspectError(
            f"the folder cannot be read ({error.strerror or error})",
            where=folder,
            hint="Check that the disk or the share is there.",
        ) from error
    return listing


def _look_into(folder: Path, below: str, recursive: bool, listing: Listing) -> None:
    for entry in _entries(folder):
        name = below + entry.name
        if entry.is_symlink():
            if not is_temporary(entry.name):
                listing.left.setdefault(LINK, name)
        elif entry.is_dir(follow_symlinks=False):
            if is_hidden(entry.name):
                continue
            if not recursive:
                listing.left.setdefault(SUBFOLDER, name)
                continue
            try:
                _look_into(Path(entry.path), f"{name}/", recursive, listing)
            except OSError:
                listing.left.setdefault(UNREADABLE, name)
        else:
            _look_at(entry, name, listing)


def _look_at(entry: os.DirEntry[str], name: str, listing: Listing) -> None:
    try:
        found = os.lstat(entry.path)
    except FileNotFoundError:
        return  # renamed or moved away since
    except OSError:
        listing.left.setdefault(UNREADABLE, name)
        return
    if not stat.S_ISREG(found.st_mode):
        listing.left.setdefault(NO_FILE, name)
        return
    known = found.st_ino, FileState(found.st_size, found.st_mtime_ns)
    if is_temporary(entry.name):
        listing.temporary.append(known)
    elif (why := why_name_not(PurePosixPath(entry.name))) is None:
        listing.images[name] = known
    else:
        listing.left.setdefault(why, name)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)
