"""Audits the pictures of a ledger, record by record, in the order in which these were appended."""

import hashlib
from collections import defaultdict
from contextlib import suppress

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Rows
from gainspect.ledger.faults import FaultKind, Verification
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.pictures import NoPictureFileError, PictureStore
from gainspect.ledger.records.columns import pictures_kept_by, pictures_removed_by
from gainspect.ledger.records.sealed import Record, opened

NO_END = 2**63 - 1
"""The place behind the last, if the head does not tell it."""
_PAGE = 500
"""Records whose rows of pictures are read at once."""


class PictureAudit:
    """Holds stored pictures, and their rows in the database, against what records say of them.

    Args:
        rows: of the ledger.
        store: where its pictures are; None: that was not said.
        found: where counts and faults are added.
    """

    def __init__(self, rows: Rows, store: PictureStore | None, found: Verification) -> None:
        self._rows = rows
        self._store = store
        self._found = found
        self._missing = dict[str, int]()
        self._rows_of = defaultdict[int, set[tuple[str, int]]](set)
        self._rows_end = 0

    def look_at(self, index: int, record: Record) -> None:
        """Look at the pictures that a record keeps, and at what it says of those that were removed.

        Raises:
            GainspectError: it keeps some, and it was not said where they are; or one cannot be read.
        """
        kept, removed = pictures_kept_by(record), pictures_removed_by(record)
        if self._rows_beside(index) != {*((name, 0) for name in kept), *((name, 1) for name in removed)}:
            what = f"the table of pictures says something else than record {index}"
            self._found.add(FaultKind.COLUMNS, index, what)
        for sha256 in removed:
            self._found.removed += 1
            self._missing.pop(sha256, None)
        for sha256 in kept:
            if self._store is None:
                raise GainspectError("this ledger has pictures", hint="Say where they are, with --pictures.")
            try:
                content = self._store.read(sha256)
            except NoPictureFileError as error:
                what = f"in the place of the picture {sha256} of record {index} stands no picture"
                self._found.add(FaultKind.PICTURE_REPLACED, index, f"{what} ({error.what})")
                continue
            if content is None:
                self._missing.setdefault(sha256, index)
                continue
            self._found.pictures += 1
            if hashlib.sha256(content).hexdigest() != sha256:
                what = f"the picture {sha256} of record {index} was replaced or changed"
                self._found.add(FaultKind.PICTURE_REPLACED, index, what)

    def name_missing(self, ledger: Ledger, size: int) -> None:
        """Name pictures that are missing still, and that nobody has removed by rule since the pass began.

        A removal is recorded before the picture goes: a fresh read has the record of each that was missed.

        Args:
            ledger: the same, to be read anew.
            size: how many records the pass has read.
        """
        if not self._missing:
            return
        with ledger.database.reading() as rows:
            for _, content in rows.each("records", size, end=NO_END):
                with suppress(GainspectError):  # the next pass names what is no record
                    for sha256 in pictures_removed_by(opened(content).record):
                        self._missing.pop(sha256, None)
        for sha256, index in self._missing.items():
            what = f"the picture {sha256} of record {index} is missing, and no rule has removed it"
            self._found.add(FaultKind.PICTURE_MISSING, index, what)

    def _rows_beside(self, index: int) -> set[tuple[str, int]]:
        if index >= self._rows_end:
            self._rows_of.clear()
            self._rows_end = index + _PAGE
            found = self._rows.all("pictures_to_verify", first=index, last=self._rows_end - 1)
            for sha256, place, removed in found:
                self._rows_of[place].add((sha256, removed))
        return self._rows_of[index]
