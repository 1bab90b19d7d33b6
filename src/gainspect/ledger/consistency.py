"""Proofs that a ledger goes on from what an anchor signed (`docs/verify_consistency.py` verifies them).

Such a proof is the text that C2SP's witnesses take (https://c2sp.org/tlog-witness, add-checkpoint): a line
`old` with the size of the anchor, hashes (RFC 6962, 2.1.2) in Base64, an empty line, and the later note.
"""

import base64

from gainspect.errors import GainspectError
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.merkle_log import Ledger
from gainspect.wording import plural


def consistency_proof(ledger: Ledger, older: Checkpoint, newer: Checkpoint, note: str) -> str:
    """The proof that the tree of a checkpoint begins with that of an older one.

    Args:
        ledger: whose.
        older: what an anchor signed.
        newer: a later checkpoint.
        note: this one, signed.

    Raises:
        GainspectError: the ledger has not had one of these trees, or the older one is the larger.
    """
    for checkpoint in (older, newer):
        if checkpoint.origin != ledger.origin or ledger.proofs.root(checkpoint.size) != checkpoint.root:
            raise GainspectError(
                f"this ledger does not begin with the {plural(checkpoint.size, 'record')} that were signed "
                f"as those of {checkpoint.origin}",
                where=ledger.database.place,
                hint="Verify it with this anchor.",
            )
    proof = ledger.proofs.consistency(older.size, newer.size)
    lines = [f"old {older.size}", *(base64.b64encode(piece).decode() for piece in proof)]
    return "\n".join([*lines, "", note])
