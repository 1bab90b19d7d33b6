"""Write records of a ledger, with what proves them, for somebody who has no gainspect."""

from collections.abc import Sequence
from pathlib import Path

from gainspect.ledger import open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.export import WITH_PICTURES, write_export
from gainspect.ledger.keys import read_private, usual_key


def export_ledger(
    url: str,
    out: Path,
    *,
    wanted: Sequence[int] | None = None,
    key: Path | None = None,
    images: bool = False,
    pictures: str | None = None,
) -> int:
    """Write an export (`ledger.export`), signed now; how many records it has.

    Args:
        url: see `open_ledger`.
        out: folder to make.
        wanted: the places of an excerpt's records; None: all.
        key: file of the private key; None: with the user's settings. A new one would be known to nobody.
        images: whether to write the pictures too.
        pictures: see `open_ledger`.

    Raises:
        GainspectError: see `write_export`; or there is no key, or it cannot be read.
    """
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        head, origin = ledger.head(), ledger.origin
        signer = read_private(key or usual_key(origin), origin)
        note = Checkpoint(origin, head.size, head.root).signed(signer, *([WITH_PICTURES] if images else []))
        return write_export(ledger, out, note, signer.verifier, wanted=wanted)
