"""Prove to whoever keeps an anchor that a ledger goes on from it, without showing any record."""

from pathlib import Path

from gainspect.files import require_new, write_text
from gainspect.jobs.verify_ledger import key_for
from gainspect.ledger import open_ledger
from gainspect.ledger.checkpoint import Checkpoint, read_anchor
from gainspect.ledger.consistency import consistency_proof
from gainspect.ledger.keys import read_private, usual_key


def prove_ledger(
    url: str,
    anchor: Path,
    out: Path,
    *,
    later: Path | None = None,
    key: Path | None = None,
    public_key: Path | None = None,
) -> tuple[Checkpoint, Checkpoint]:
    """Write a consistency proof (`ledger.consistency`); the two checkpoints that it joins.

    Args:
        url: see `open_ledger`.
        anchor: file of the older checkpoint.
        out: file to write.
        later: file of the later checkpoint; None: what the ledger holds now is signed.
        key: file of the private key, to sign that; None: with the user's settings.
        public_key: file of the key that signed the anchors; None: that of the usual key of this user.

    Raises:
        GainspectError: `out` is there already; an anchor or a key cannot be read; or the ledger does not go
            on from the anchor.
    """
    require_new(out)
    with open_ledger(url, create=False) as ledger:
        verifier = key_for(ledger, public_key)
        older = read_anchor(anchor, verifier)
        if later is None:
            head, signer = ledger.head(), read_private(key or usual_key(ledger.origin), ledger.origin)
            newer = Checkpoint(ledger.origin, head.size, head.root)
            note = newer.signed(signer)
        else:
            newer, note = read_anchor(later, verifier), later.read_text(encoding="utf-8")
        write_text(out, consistency_proof(ledger, older, newer, note))
    return older, newer
