"""Removes pictures by rule. Their hashes stay, and the removal is a record: an audit does not miss them.

The record comes before the removal, so that a kill between them leaves a picture too many and never a hole.
Both are done as the only writer: no decision that names the picture anew can come between.
"""

from collections.abc import Sequence
from datetime import timedelta

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.base import Actor, now, written_time
from gainspect.ledger.records.columns import pictures_removed_by
from gainspect.ledger.records.sealed import Record, opened
from gainspect.ledger.records.upkeep import PicturesRemoved, RetentionRule

_AT_ONCE = 1000
"""Pictures in one record."""


def remove_by_rule(ledger: Ledger, rule: RetentionRule, *, station: str, actor: Actor | None = None) -> int:
    """Remove all pictures that a rule says; how many there were.

    Pictures that an earlier removal has recorded but, since it was killed, left there are removed first.

    Args:
        ledger: whose pictures.
        rule: which.
        station: where this is done.
        actor: who does it; None: it is done by itself.

    Raises:
        GainspectError: the database or the picture store cannot be written; what was done is recorded.
    """
    before = now() - timedelta(days=rule.older_than_days)
    _finish(ledger, _last_removed(ledger))
    found, removed = _removable(ledger, rule, written_time(before)), 0
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]

        def recorded(rows: Rows, some: Sequence[tuple[str, int]] = some) -> list[Record]:
            still = [
                sha256 for sha256, index in some if rows.one("latest_of_picture", sha256=sha256) == (index, 0)
            ]
            if not still:
                return []
            return [
                PicturesRemoved(station=station, actor=actor, rule=rule, before=before, pictures=tuple(still))
            ]

        for entry in ledger.append_made(recorded):
            assert isinstance(entry.record, PicturesRemoved)
            _finish(ledger, entry.record.pictures)
            removed += len(entry.record.pictures)
    return removed


def _removable(ledger: Ledger, rule: RetentionRule, before: str) -> list[tuple[str, int]]:
    """The pictures that the rule says, each with the last record that names it."""
    labels = f",{','.join(map(str, rule.labels))},"
    with ledger.database.reading() as rows:
        found = rows.all(
            "removable_pictures", before=before, labels=labels, spare_touched=int(rule.spare_touched)
        )
    return [(sha256, index) for sha256, index in found]


def _last_removed(ledger: Ledger) -> Sequence[str]:
    """What the last record of a removal names: the record itself, no row beside it."""
    with ledger.database.reading() as rows:
        found = rows.one("last_removal")
    return () if found is None else pictures_removed_by(opened(found[0]).record)


def _finish(ledger: Ledger, pictures: Sequence[str]) -> None:
    """Take away the files of pictures that are recorded as removed, unless one was stored again since."""
    store = ledger.pictures
    if not pictures:
        return
    if store is None:
        raise GainspectError("this ledger keeps no pictures", hint="Name a folder or a URI for them.")

    def finished(rows: Rows) -> None:
        for sha256 in pictures:
            latest = rows.one("latest_of_picture", sha256=sha256)
            if latest is not None and latest[1] == 1:
                store.remove(sha256)

    ledger.database.write(finished)
