"""Which files of a folder are taken for images, and why the others are not. The one rule for all commands."""

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.names import escaped

VERDICTS, DECISIONS = "verdicts.jsonl", "decisions.jsonl"
SETTINGS, LOCK = "verdicts.settings.json", ".verdicts.lock"
PARQUET = "verdicts.parquet"
OVERLAYS = "overlays"
"""What `gainspect inspect --out` writes."""

HIDDEN = "hidden"
BROKEN_LINK = "broken links"
OWN_OUTPUT = "output of gainspect"
NO_SUFFIX = "without suffix"
NO_FILE = "no files"
READ_ALREADY = "links to a folder that is read already"
UNREADABLE = "not readable"

_OWN_FILES = frozenset({VERDICTS, DECISIONS, SETTINGS, LOCK})
_OF_SYSTEMS = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "thumbs.db", "desktop.ini"}
)


@dataclass(frozen=True)
class NotTaken:
    """A file, or a whole folder, that is not taken for images."""

    path: Path
    why: str
    """One of the words above, or the suffix (".jp2")."""


@dataclass
class Found:
    """What a folder holds."""

    images: list[Path] = field(default_factory=list)
    """In order of their paths."""
    not_taken: list[NotTaken] = field(default_factory=list)


def files_below(folder: Path, *, own_output: Path | None = None) -> Found:
    """All image files in a folder and below, and all that is not taken, with its reason.

    Links are followed, each folder once. Hidden files and folders (AppleDouble and .thumbnails too), folders
    of the system (__MACOSX), and what `gainspect inspect` writes are left out.

    Args:
        folder: to look into.
        own_output: the folder that results are being written to; None = none.
    """
    found = Found()
    _look_into(folder, own_output, found, _folders_of(folder), linked=False)
    found.images.sort()
    return found


def _folders_of(folder: Path) -> set[str]:
    """All that need no link to be reached."""
    places = set()
    for place, below, _ in os.walk(folder):
        below[:] = [name for name in below if not is_hidden(name)]
        places.add(os.path.realpath(place))
    return places


def why_not(path: Path) -> str | None:
    """Why a file is not taken for an image, by its name and kind; None if it is taken."""
    if path.name in _OWN_FILES:
        return OWN_OUTPUT
    if is_hidden(path.name):
        return HIDDEN
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return UNREADABLE if isinstance(error, PermissionError) else BROKEN_LINK
    if not stat.S_ISREG(mode):
        return NO_FILE
    suffix = path.suffix.lower()
    return None if suffix in IMAGE_SUFFIXES else escaped(suffix) or NO_SUFFIX


def why_name_not(name: PurePosixPath) -> str | None:
    """The same for a file that only its name is known of, and those of the folders on the way to it.

    >>> why_name_not(PurePosixPath("lot/a.png")), why_name_not(PurePosixPath("lot/.cache/a.png"))
    (None, 'hidden')
    """
    if name.name in _OWN_FILES or PARQUET in name.parts:
        return OWN_OUTPUT
    if any(map(is_hidden, name.parts)):
        return HIDDEN
    suffix = name.suffix.lower()
    return None if suffix in IMAGE_SUFFIXES else escaped(suffix) or NO_SUFFIX


def why_folder_not(path: Path, base: Path, *, own_output: Path | None = None) -> str | None:
    """Why the folders between a base and a file keep the file from being taken; None if they do not.

    Args:
        path: below the base.
        base: where the search began; it was named, so that it counts whatever it is called.
        own_output: as in `files_below`.
    """
    folder = base
    for name in path.relative_to(base).parts[:-1]:
        folder = folder / name
        if is_hidden(name):
            return HIDDEN
        if _is_own_output(folder, own_output):
            return OWN_OUTPUT
    return None


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or one that a system keeps for itself."""
    return name.startswith(".") or name.casefold() in _OF_SYSTEMS


def not_taken_sentence(not_taken: Collection[NotTaken]) -> str | None:
    """What is not taken of a data set, in words; None if there is nothing."""
    return f"Not taken: {reasons(not_taken)}. `gainspect data check` names them." if not_taken else None


def reasons(not_taken: Iterable[NotTaken]) -> str:
    """How many are not taken for which reason, the commonest first.

    >>> reasons([NotTaken(Path("a.jp2"), ".jp2"), NotTaken(Path(".b"), HIDDEN), NotTaken(Path(".c"), HIDDEN)])
    'hidden 2, .jp2 1'
    """
    counts = Counter(item.why for item in not_taken)
    return ", ".join(f"{why} {count}" for why, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def _look_into(folder: Path, own_output: Path | None, found: Found, seen: set[str], *, linked: bool) -> None:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        found.not_taken.append(NotTaken(folder, UNREADABLE))
        return
    for entry in entries:
        if is_hidden(entry.name):
            found.not_taken.append(NotTaken(entry, OWN_OUTPUT if entry.name == LOCK else HIDDEN))
        elif not _is_folder(entry):
            why = why_not(entry)
            if why is None:
                found.images.append(entry)
            else:
                found.not_taken.append(NotTaken(entry, why))
        elif _is_own_output(entry, own_output):
            found.not_taken.append(NotTaken(entry, OWN_OUTPUT))
        elif not linked and not entry.is_symlink():
            _look_into(entry, own_output, found, seen, linked=False)
        elif (place := os.path.realpath(entry)) in seen:
            found.not_taken.append(NotTaken(entry, READ_ALREADY))
        else:
            seen.add(place)
            _look_into(entry, own_output, found, seen, linked=True)


def _is_folder(path: Path) -> bool:
    """As `Path.is_dir`; False for what may not be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_own_output(folder: Path, own_output: Path | None) -> bool:
    beside = folder.name == OVERLAYS and (folder.parent / VERDICTS).is_file()
    beside = beside or (folder.name == PARQUET and (folder.parent / SETTINGS).is_file())
    if own_output is None:
        return beside
    return beside or os.path.realpath(folder) in set(_output_folders(own_output))


def _output_folders(out: Path) -> Iterator[str]:
    yield os.path.realpath(out)
    yield os.path.realpath(out / OVERLAYS)
