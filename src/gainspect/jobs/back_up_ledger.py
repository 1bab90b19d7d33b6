"""Copy a ledger, and verify the copy."""

from collections.abc import Sequence
from pathlib import Path

from gainspect.jobs.verify_ledger import checkpoints_in
from gainspect.ledger import open_ledger
from gainspect.ledger.backup import back_up
from gainspect.ledger.databases import file_of
from gainspect.ledger.faults import Verification


def back_up_ledger(
    url: str,
    out: Path,
    anchors: Sequence[Path] = (),
    *,
    public_key: Path | None = None,
    pictures: str | None = None,
) -> Verification:
    """Copy a ledger with its pictures (`ledger.backup`).

    Args:
        url: see `open_ledger`; a file of SQLite.
        out: folder to make; the copy in it has the name of the ledger's file.
        anchors: files of signed checkpoints that the copy has to hold against.
        public_key: file of the key that signed them; None: that of the usual key of this user.
        pictures: see `open_ledger`.

    Raises:
        GainspectError: see `back_up`; or an anchor cannot be read, or the key has not signed it.
    """
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        return back_up(ledger, out, Path(file_of(url)).name, checkpoints_in(ledger, anchors, public_key))
