"""Audit a ledger: every record, every picture, and anchors that were kept elsewhere."""

from collections.abc import Sequence
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.checkpoint import Checkpoint, read_anchor
from gainspect.ledger.faults import Verification
from gainspect.ledger.keys import public_of, read_public, usual_key
from gainspect.ledger.note import Verifier
from gainspect.ledger.verification import Shown, verify


def verify_ledger(
    url: str,
    anchors: Sequence[Path] = (),
    *,
    public_key: Path | None = None,
    pictures: str | None = None,
    shown: Shown = lambda rows, count: rows,
) -> Verification:
    """Read all of a ledger, and hold it against anchors.

    Args:
        url: see `open_ledger`.
        anchors: files of signed checkpoints.
        public_key: file of the key that signed them; None: that of the usual key of this user.
        pictures: see `open_ledger`.
        shown: wraps the iterator over the records to show progress.

    Raises:
        GainspectError: the ledger, its pictures or an anchor cannot be read, or the key has not signed it.
    """
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        return verify(ledger, checkpoints_in(ledger, anchors, public_key), shown=shown)


def checkpoints_in(ledger: Ledger, anchors: Sequence[Path], public_key: Path | None) -> list[Checkpoint]:
    """The checkpoints in files, once their signatures are verified.

    Args:
        ledger: whose they are to be.
        anchors: the files.
        public_key: see `verify_ledger`.

    Raises:
        GainspectError: one cannot be read, the key has not signed it, or which key it is, is not known.
    """
    if not anchors:
        return []
    verifier = key_for(ledger, public_key)
    return [read_anchor(path, verifier) for path in anchors]


def key_for(ledger: Ledger, public_key: Path | None) -> Verifier:
    """The public key by which anchors of a ledger are verified.

    Raises:
        GainspectError: none is named, and this user has none.
    """
    usual = public_of(usual_key(ledger.origin))
    if public_key is None and not usual.exists():
        raise GainspectError(
            "by which key the anchors are signed is not known", hint="Name its file with --public-key."
        )
    return read_public(public_key or usual)
