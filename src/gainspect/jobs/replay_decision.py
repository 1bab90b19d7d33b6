"""Judge the pictures of a decision again, with the bundle that judged them, and compare."""

from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.replaying import replayed, require_made_with
from gainspect.ledger.replays import Replay, pictures_of

_MOST_DIGITS = 15
"""More are no place of a record, but a key."""


def replay_decision(
    url: str,
    which: str,
    bundle: Path,
    *,
    pictures: str | None = None,
    threads: int | None = None,
    max_mpx: float | None = None,
) -> Replay:
    """Judge a decision again; see `replaying.replayed`.

    Args:
        url: see `open_ledger`.
        which: place or key of the decision.
        bundle: the bundle that made it.
        pictures: see `open_ledger`.
        threads: see `Inspector.load`.
        max_mpx: see `Inspector.load`.

    Raises:
        GainspectError: there is no such decision, it was made with another bundle, a picture is not there
            as it was (`pictures_of`), or the runtime cannot run here.
    """
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        entry, decision = _decision(ledger, which)
        read = read_bundle(bundle)
        require_made_with(entry, decision, read)
        contents = pictures_of(ledger, entry, decision)
    return replayed(entry, read, contents, threads=threads, max_mpx=max_mpx)


def _decision(ledger: Ledger, which: str) -> tuple[Entry, Decision]:
    if which.isascii() and which.isdecimal() and len(which) <= _MOST_DIGITS:
        entry: Entry | None = ledger.record(int(which))
    else:
        entry = ledger.record_of(which)
    if entry is None:
        raise GainspectError(f"there is no record with the key {which}", where=ledger.database.place)
    if not isinstance(entry.record, Decision):
        raise GainspectError(
            f"record {entry.index} is no decision ({entry.record.kind})",
            where=ledger.database.place,
            hint="`gainspect ledger find --kind decision` lists decisions.",
        )
    return entry, entry.record
