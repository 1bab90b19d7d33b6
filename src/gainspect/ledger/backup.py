"""A copy of a ledger in a file, with its pictures, that is verified before it is there."""

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.files import cannot_write, require_new
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.databases import open_database
from gainspect.ledger.faults import Verification
from gainspect.ledger.merkle_log import PICTURES, Ledger
from gainspect.ledger.pictures import PictureFolder
from gainspect.ledger.records.columns import pictures_kept_by
from gainspect.ledger.verification import verify

_LEFT_OUT = ("sessions", "devices", "invitations", "attempts", "claims")
"""What a copy does not keep: a session that was open then must not be open again."""


def back_up(ledger: Ledger, folder: Path, name: str, anchors: Sequence[Checkpoint] = ()) -> Verification:
    """Copy a ledger as it is at one moment; others may append meanwhile.

    Args:
        ledger: a file of SQLite.
        folder: to be made; the copy is `folder / name`, its pictures are beside it.
        name: of the file.
        anchors: checkpoints that the copy has to hold against.

    Returns:
        What the audit of the copy found: no fault.

    Raises:
        GainspectError: the folder is there already or cannot be written, or the copy does not verify. Then
            there is no folder.
    """
    require_new(folder)
    temporary = folder.with_name(f".{secrets.token_hex(8)}")
    try:
        temporary.mkdir(parents=True)
        ledger.database.copy_to(temporary / name)
        store = PictureFolder(temporary / f"{name}{PICTURES}")
        copy = Ledger(open_database(str(temporary / name), create=False), store)
        try:
            _copy_pictures(ledger, copy, store)
            copy.database.write(lambda rows: [rows.run(f"{name}/clear") for name in _LEFT_OUT])
            found = verify(copy, anchors)
            copy.database.forget()  # all is in the file, and nothing in a log beside it
        finally:
            copy.close()
        if found.first is not None:
            raise GainspectError(
                f"the copy does not verify: {found.first.what}",
                where=ledger.database.place,
                hint="Verify the ledger. If it is sound, a rule has just removed pictures: repeat it.",
            )
        temporary.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return found


def _copy_pictures(ledger: Ledger, copy: Ledger, store: PictureFolder) -> None:
    """Copy the pictures that the records of the copy name, as far as they are there."""
    for entry in copy.records():
        for sha256 in pictures_kept_by(entry.record):
            content = None if ledger.pictures is None else ledger.pictures.read(sha256)
            if content is not None:
                store.put(content)
