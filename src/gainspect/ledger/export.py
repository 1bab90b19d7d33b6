"""A folder that an outsider can verify without gainspect (`docs/verify.py`).

records.jsonl    one record a line: exactly the bytes that were hashed, and a line feed
proofs.jsonl     of an excerpt: for each line of records.jsonl its index and its inclusion proof
checkpoint.txt   the signed note over the tree; a line `pictures` in it says that they were exported
key.pub          the public key that signed it; who relies on it compares it with one from elsewhere
pictures/        if they were asked for: the files by their SHA-256, as aa/aabbcc…
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.files import new_folder
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.note import Verifier, opened_note
from gainspect.ledger.pictures import PictureFolder
from gainspect.ledger.questions import in_order
from gainspect.ledger.records.columns import pictures_kept_by
from gainspect.ledger.records.sealed import Entry

RECORDS, PROOFS, CHECKPOINT, KEY, PICTURES = (
    "records.jsonl",
    "proofs.jsonl",
    "checkpoint.txt",
    "key.pub",
    "pictures",
)
WITH_PICTURES = "pictures"
"""Extension of the checkpoint of an export that has them: an outsider tells lost ones from ones left out."""

_HASH_BYTES = 68
"""Of a hash in a proof, with its quotes, comma and blank."""
_PROOF_BYTES = 64
"""Of a proof beside its hashes."""
_FILE_BYTES = 4096
"""That a file may take beside its content: the rest of a block, and its name."""


def write_export(
    ledger: Ledger,
    folder: Path,
    note: str,
    verifier: Verifier,
    *,
    wanted: Sequence[int] | None = None,
    shown: Callable[[Iterator[Entry], int], Iterator[Entry]] = lambda entries, _: entries,
) -> int:
    """Write records with what proves them; how many.

    Args:
        ledger: whose.
        folder: to be made.
        note: a signed checkpoint of the ledger; records behind it are left out. If it has the extension
            `WITH_PICTURES`, the pictures of the records are written too, as far as they are there.
        verifier: the key that signed it.
        wanted: the places of an excerpt's records, in any order; None: all.
        shown: gives the records on as they are written, of which there are so many; it may end that by an
            error.

    Raises:
        GainspectError: the folder is there or cannot be written, the checkpoint is not of this ledger, a
            record is not among those that it is over, or where the pictures are was not said.
    """
    pictures = WITH_PICTURES in opened_note(note, verifier).split("\n")[3:]
    checkpoint = Checkpoint.opened(note, verifier)
    if checkpoint.origin != ledger.origin or ledger.proofs.root(checkpoint.size) != checkpoint.root:
        raise GainspectError(
            "this checkpoint is not of this ledger, or the ledger was changed", hint="Verify the ledger."
        )
    with new_folder(folder) as temporary:
        (temporary / CHECKPOINT).write_text(note, encoding="utf-8")
        (temporary / KEY).write_text(f"{verifier}\n", encoding="utf-8")
        if wanted is None:
            entries, count = iter(ledger.records(0, checkpoint.size)), checkpoint.size
        else:
            places = sorted(set(wanted))
            _write_proofs(ledger, temporary / PROOFS, places, checkpoint.size)
            entries, count = map(ledger.record, places), len(places)
        return _write_records(ledger, temporary, shown(entries, count), pictures=pictures)


def export_sizes(
    ledger: Ledger, size: int, *, wanted: Sequence[int] | None = None, pictures: bool
) -> Iterator[int]:
    """Bytes that an export would write, record by record with its pictures: what it needs is their sum.

    Args:
        ledger: whose.
        size: of the tree of its checkpoint.
        wanted: see `write_export`.
        pictures: whether they are written.

    Raises:
        GainspectError: the ledger or its pictures cannot be read.
    """
    proof = 0 if wanted is None else _PROOF_BYTES + _HASH_BYTES * size.bit_length()
    store, counted = ledger.pictures if pictures else None, set[str]()
    for entry in ledger.records(0, size) if wanted is None else in_order(ledger, [*set(wanted)]):
        found = len(entry.content) + 1 + proof
        if store is not None:
            new = {*pictures_kept_by(entry.record)} - counted
            counted |= new
            found += sum(_FILE_BYTES + (store.size(sha256) or 0) for sha256 in new)
        yield found


def _write_records(ledger: Ledger, folder: Path, entries: Iterator[Entry], *, pictures: bool) -> int:
    count = 0
    store = PictureFolder(folder / PICTURES)
    with (folder / RECORDS).open("wb") as file:
        for entry in entries:
            file.write(entry.content + b"\n")
            count += 1
            for sha256 in pictures_kept_by(entry.record) if pictures else ():
                if ledger.pictures is None:
                    raise GainspectError(
                        "this ledger has pictures", hint="Say where they are, with --pictures."
                    )
                content = ledger.pictures.read(sha256)
                if content is not None:
                    store.put(content)
    return count


def _write_proofs(ledger: Ledger, path: Path, places: Sequence[int], size: int) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for index in places:
            proof = [piece.hex() for piece in ledger.proofs.inclusion(index, size)]
            file.write(json.dumps({"index": index, "proof": proof}) + "\n")
