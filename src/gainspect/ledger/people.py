"""Who is behind a pseudonym: a table beside the tree of a ledger, so that names can be erased."""

import secrets
from collections.abc import Sequence

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Database, Rows


class People:
    """The names behind pseudonyms.

    Erasing one takes the account of the person along, and leaves every record as it is. SQLite overwrites
    what is erased; PostgreSQL's VACUUM, which follows, frees it once no older transaction is open. Back-ups
    and logs keep it.

    Args:
        database: of the ledger.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str) -> str:
        """Give a person a pseudonym, which says nothing of the name.

        Raises:
            GainspectError: the database cannot be written.
        """
        actor = f"person-{secrets.token_hex(8)}"
        self._database.write(lambda rows: rows.run("add_person", actor=actor, name=name))
        return actor

    def name_of(self, actor: str) -> str | None:
        """The name behind a pseudonym; None: it was erased, or there is none.

        Raises:
            GainspectError: the database cannot be read.
        """
        with self._database.reading() as rows:
            found = rows.one("name_of", actor=actor)
        return None if found is None else str(found[0])

    def all(self) -> Sequence[tuple[str, str]]:
        """Each pseudonym with its name.

        Raises:
            GainspectError: the database cannot be read.
        """
        with self._database.reading() as rows:
            return [(actor, name) for actor, name in rows.all("people")]

    def erase(self, actor: str) -> None:
        """Take a name away. That this was done is not recorded here: append a `NameErased`.

        Raises:
            GainspectError: there is no such name, or the database cannot be written.
        """

        def erased(rows: Rows) -> None:
            if not rows.run("erase_name", actor=actor):
                raise GainspectError(f"there is no name behind {actor}", where=self._database.place)
            for name in ("accounts/erase", "sessions/drop_of", "devices/drop_of", "invitations/drop_of"):
                rows.run(name, actor=actor)

        self._database.write(erased)
        self._database.forget()
