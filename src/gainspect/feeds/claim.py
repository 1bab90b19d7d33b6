"""The part at hand, written down before it is recorded: a kill leaves no doubt of which files it is made."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gainspect.errors import GainspectError
from gainspect.feeds.marks import Mark, marks_in
from gainspect.files import cannot_write, write_json


@dataclass(frozen=True)
class Claim:
    """A part that is being recorded."""

    key: str
    """Of its record."""
    files: tuple[Mark, ...]
    """Its files, and where each belongs once it is recorded."""


def write_claim(path: Path, claim: Claim) -> None:
    """Write down what is at hand; when this returns, it is on the disk.

    Raises:
        GainspectError: it cannot be written.
    """
    write_json(path, json.loads(json.dumps(asdict(claim))))


def read_claim(path: Path) -> Claim | None:
    """What was at hand when the last watcher ended; None: nothing.

    Raises:
        GainspectError: it cannot be read.
    """
    try:
        said: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise GainspectError(
            f"what was at hand cannot be read ({error})",
            where=path,
            hint="Move the file elsewhere; its part may then be recorded twice.",
        ) from error
    named = said if isinstance(said, dict) else {}
    return Claim(str(named.get("key")), tuple(marks_in(named.get("files"), path)))


def drop_claim(path: Path) -> None:
    """The part is recorded, and its files are moved or marked.

    Raises:
        GainspectError: the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
