"""Sign what a ledger holds now, so that it can be kept elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from gainspect.files import require_new, write_text
from gainspect.ledger import open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.keys import public_of, read_or_make, usual_key
from gainspect.ledger.note import Signer
from gainspect.ledger.posting import post_note
from gainspect.ledger.records.base import this_station
from gainspect.ledger.records.upkeep import Anchored


@dataclass(frozen=True)
class Anchor:
    """A signed checkpoint."""

    checkpoint: Checkpoint
    note: str
    """As it is kept: a signed note."""
    public_key: Path
    """File of the key by which it is verified."""
    new_key: bool
    """Whether the key was made for it."""


def anchor_ledger(
    url: str, *, key: Path | None = None, out: Path | None = None, post: str | None = None
) -> Anchor:
    """Sign size and root of a ledger; that this was done becomes its next record.

    Args:
        url: see `open_ledger`.
        key: file of the private key, made if there is none; None: with the user's settings (`usual_key`).
        out: file to write; None: none.
        post: URL of another station, to which it is posted; None: it is not.

    Raises:
        GainspectError: there is no such ledger, the key cannot be read or made, `out` is there already, or
            the station does not take it. Then nothing is recorded.
    """
    if out is not None:
        require_new(out)
    with open_ledger(url, create=False) as ledger:
        origin, head = ledger.origin, ledger.head()
        path = key or usual_key(origin)
        new_key = not path.exists()
        signer = read_or_make(path, origin)
        checkpoint = Checkpoint(origin, head.size, head.root)
        note = checkpoint.signed(signer)
        if post is not None:
            post_note(post, note)
        if out is not None:
            write_text(out, note)
        ledger.append(_record(checkpoint, signer))
    return Anchor(checkpoint, note, public_of(path), new_key)


def _record(checkpoint: Checkpoint, signer: Signer) -> Anchored:
    return Anchored(
        station=this_station(),
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        signed_by=str(signer.verifier),
    )
