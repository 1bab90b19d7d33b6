"""Names rows that stand in no place of a ledger: questions find them, and no tree has them."""

from gainspect.ledger.databases import Rows
from gainspect.ledger.faults import FaultKind, Verification
from gainspect.ledger.picture_audit import NO_END
from gainspect.wording import plural

_LOWEST = -(2**63)


def name_strays(rows: Rows, found: Verification, end: int, size: int) -> None:
    """Name rows outside the places 0 … end − 1.

    Args:
        rows: of the ledger.
        found: where faults are added.
        end: the place behind the last record, as the head has it.
        size: the place behind the last record that was read.
    """
    for before, behind, where in ((0, NO_END, "before its first record"), (_LOWEST, end, "behind its end")):
        first, last, count = rows.all("stray_records", first=before, end=behind)[0]
        if count:
            places = f"place {first}" if count == 1 else f"the places {first} to {last}"
            what = f"the table of records has {plural(count, 'row')} in {places}, {where}"
            found.add(FaultKind.STRAY, first, what)
    first, count = rows.all("stray_pictures", end=end)[0]
    if count:
        what = f"the table of pictures has {plural(count, 'row')} of records that are not there ({first} …)"
        found.add(FaultKind.STRAY, first if isinstance(first, int) else size, what)
