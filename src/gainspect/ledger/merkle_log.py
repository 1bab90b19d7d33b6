"""The ledger: records are appended, each a leaf of one Merkle tree, and never changed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Database, Rows, file_of, is_server, open_database
from gainspect.ledger.head import Head, read_head, swapped
from gainspect.ledger.merkle import leaf_hash
from gainspect.ledger.people import People
from gainspect.ledger.pictures import PictureStore, open_pictures
from gainspect.ledger.proofs import Proofs
from gainspect.ledger.records.base import new_key, now, written_time
from gainspect.ledger.records.columns import columns_of, pictures_kept_by, pictures_removed_by
from gainspect.ledger.records.sealed import Entry, Record, opened, sealed
from gainspect.ledger.records.upkeep import ClockCorrected

SKEW = timedelta(seconds=10)
"""By so much the clock of a writer may be behind that of the writer before it."""
PICTURES = ".pictures"
"""Beside a ledger in a file, the folder of its pictures has the name of the file and this."""


class Ledger:
    """Records in one Merkle tree, whoever appends them.

    It may be used by several threads, and several processes may have the same ledger open.

    Args:
        database: its tables, see `open_database`.
        pictures: where pictures are; None: it holds none.
        clock: gives the time.
    """

    def __init__(
        self, database: Database, pictures: PictureStore | None = None, clock: Callable[[], datetime] = now
    ) -> None:
        self.database = database
        self.pictures = pictures
        self.people = People(database)
        self.proofs = Proofs(database)
        self._clock = clock

    def __enter__(self) -> Self:
        """The ledger itself, which is closed at the end."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it, whatever happened."""
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    @property
    def origin(self) -> str:
        """The name of this ledger, which every checkpoint carries."""
        with self.database.reading() as rows:
            found = rows.one("origin")
        if found is None:
            raise GainspectError("the head of the ledger is missing", where=self.database.place)
        return str(found[0])

    def append(self, record: Record, pictures: Iterable[bytes] = ()) -> Entry:
        """Append a record; see `append_all`."""
        return self.append_all([record], pictures)[0]

    def append_all(self, records: Sequence[Record], pictures: Iterable[bytes] = ()) -> list[Entry]:
        """Append records, all or none. When this returns, they are on the disk.

        If it raises, it can be repeated with the same records: one whose key is there already is not appended
        again.

        Args:
            records: what happened, in order.
            pictures: the files of pictures that the records name; they are stored before.

        Returns:
            Each record in its place.

        Raises:
            GainspectError: the database or the picture store cannot be reached or written, or is full; the
                clock was set back; a key is that of another record; a record names a picture that is not
                stored, or holds a number that JSON cannot carry.
        """
        for content in pictures:
            self._require_pictures().put(content)
        return self.database.write(lambda rows: self._appended(rows, records))

    def append_made(self, make: Callable[[Rows], Sequence[Record]]) -> list[Entry]:
        """Append records that are made from what the tables hold, while nobody else can append.

        Args:
            make: makes them. After a lost answer it is called again.

        Raises:
            GainspectError: see `append_all`.
        """
        return self.database.write(lambda rows: self._appended(rows, make(rows)))

    def head(self) -> Head:
        """What the ledger holds now."""
        with self.database.reading() as rows:
            return read_head(rows, self.database.place)

    def record(self, index: int) -> Entry:
        """The record at a place.

        Raises:
            GainspectError: there is none.
        """
        for entry in self.records(index, index + 1):
            return entry
        raise GainspectError(f"there is no record {index}", where=self.database.place)

    def record_of(self, key: str) -> Entry | None:
        """The record with a key; None: there is none."""
        with self.database.reading() as rows:
            found = rows.one("record_of_key", key=key)
        return None if found is None else opened(found[0])

    def records(self, first: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Records in order, a page of them in memory; what is appended meanwhile is not among them.

        Args:
            first: the place of the first.
            end: the place behind the last; None: all.
        """
        with self.database.reading() as rows:
            end = read_head(rows, self.database.place).size if end is None else end
            for _, content in rows.each("records", first, end=end):
                yield opened(content)

    def _require_pictures(self) -> PictureStore:
        if self.pictures is None:
            raise GainspectError("this ledger keeps no pictures", hint="Name a folder or a URI for them.")
        return self.pictures

    def _appended(self, rows: Rows, records: Sequence[Record]) -> list[Entry]:
        head = read_head(rows, self.database.place)
        frontier, recorded, entries = head.frontier, head.recorded, list[Entry]()
        for record in records:
            known = rows.one("record_of_key", key=record.key)
            if known is not None:
                entries.append(_same(opened(known[0]), record))
                continue
            recorded = self._time_after(recorded, record)
            content = sealed(record, frontier.size, recorded)
            entry = Entry(frontier.size, recorded, record, content)
            frontier, completed = frontier.appended(leaf_hash(content))
            self._insert(rows, entry, b"".join(completed))
            entries.append(entry)
        if frontier.size > head.size and not swapped(rows, head.frontier, frontier, recorded):
            raise GainspectError(
                "the head of the ledger has changed meanwhile", where=self.database.place, hint="Repeat it."
            )
        return entries

    def _insert(self, rows: Rows, entry: Entry, nodes: bytes) -> None:
        rows.run(
            "append_record",
            idx=entry.index,
            key=entry.record.key,
            content=entry.content,
            nodes=nodes,
            recorded=written_time(entry.recorded),
            **columns_of(entry.record),
        )
        kept = pictures_kept_by(entry.record)
        for sha256 in kept:
            # Nobody removes one now: that, too, is done as the only writer.
            if not self._require_pictures().has(sha256):
                raise GainspectError(
                    f"the picture {sha256} of part {getattr(entry.record, 'part', '')} is not stored",
                    where=self._require_pictures().place,
                    hint="Give it with the record.",
                )
        removed = pictures_removed_by(entry.record)
        for sha256 in (*kept, *removed):
            rows.run("append_picture", sha256=sha256, idx=entry.index, removed=int(sha256 in removed))

    def _time_after(self, before: datetime | None, record: Record) -> datetime:
        """The time at which a record is taken: not earlier than the record before."""
        time = self._clock()
        if before is None or time >= before or isinstance(record, ClockCorrected):
            return time
        if before - time > SKEW:
            raise GainspectError(
                f"this machine's clock, {written_time(time)}, is behind the last record, "
                f"{written_time(before)}",
                where=self.database.place,
                hint="Set the clock. If it is right now, and was wrong before, record that first "
                "(`gainspect ledger clock`).",
            )
        return before


def open_ledger(
    url: str | Path, *, pictures: str | Path | None = None, create: bool = True, origin: str | None = None
) -> Ledger:
    """Open a ledger.

    Args:
        url: a path or `sqlite:///PATH`, where a file of SQLite is made if there is none, or `postgresql://…`.
        pictures: folder or URI of the pictures; None: FILE.pictures beside a file, none with a server.
        create: whether to make a ledger where there is none.
        origin: the name of a new ledger, without blanks and plus signs, such as plant7.example/line3; None:
            one that no other has.

    Raises:
        GainspectError: it cannot be opened, or there is none.
    """
    address = str(url)
    database = open_database(address, create=create)
    if create:
        try:
            _begin(database, origin)
        except BaseException:
            database.close()
            raise
    if pictures is None and not is_server(address):
        pictures = f"{file_of(address)}{PICTURES}"
    return Ledger(database, None if pictures is None else open_pictures(str(pictures)))


def _begin(database: Database, origin: str | None) -> None:
    """Make the head of a new ledger.

    Raises:
        GainspectError: the name cannot be one, or the ledger has another.
    """
    name = require_origin(f"gainspect/{new_key()[:16]}" if origin is None else origin)
    with database.reading() as rows:
        found = rows.one("origin")
    if found is None:
        database.write(lambda rows: rows.run("begin_head", origin=name, frontier=b""))
    elif origin not in (None, found[0]):
        raise GainspectError(f"this ledger is called {found[0]}, not {origin}", where=database.place)


def require_origin(name: str) -> str:
    """The name of a ledger, if it can stand in a checkpoint.

    Raises:
        GainspectError: it cannot.
    """
    if not name or not name.isprintable() or any(sign in name for sign in " +"):
        raise GainspectError(
            f"{name!r} cannot be the name of a ledger", hint="Take one without blanks and plus signs."
        )
    return name


def _same(entry: Entry, record: Record) -> Entry:
    """The entry that a record has already.

    Raises:
        GainspectError: another record has its key.
    """
    if sealed(record, entry.index, entry.recorded) != entry.content:
        raise GainspectError(
            f"record {entry.index} has the key {record.key} already, and says something else",
            hint="Give each record a key of its own.",
        )
    return entry
