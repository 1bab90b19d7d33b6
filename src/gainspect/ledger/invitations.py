"""Links by which people get an account, or a new password: each works once, for a time.

The database stores a hash of the link's code, and lets one of several take it.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gainspect.ledger.account_faults import AccountError, AccountFault
from gainspect.ledger.accounts import (
    Account,
    Role,
    account_of,
    end_all,
    has_engineer,
    require_name,
    set_password,
    sign_in_name,
)
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.base import new_key, now, this_station, written_time
from gainspect.ledger.records.operation import RoleChange, RoleStep
from gainspect.ledger.secret_codes import code_hash, new_code

VALID = timedelta(hours=24)
"""How long a link works."""
_KEPT = timedelta(days=30)
"""How long a link that works no more is kept."""


@dataclass(frozen=True)
class Invitation:
    """What a link is for."""

    hash: str
    """Of its code; names it without letting anybody in."""
    role: Role
    actor: str | None
    """For this person; None: for somebody who is not known yet."""
    invited_by: str | None
    """None: whoever started the service, or has the database."""
    first: bool
    """Works only as long as there is no engineer."""
    expires: datetime
    used_by: str | None

    def is_open(self, moment: datetime) -> bool:
        """Whether it was neither used nor has expired."""
        return self.used_by is None and moment < self.expires


class Invitations:
    """The links of a ledger.

    Args:
        ledger: that records them.
        station: where this is; None: this machine.
        clock: gives the time.
    """

    def __init__(
        self, ledger: Ledger, station: str | None = None, clock: Callable[[], datetime] = now
    ) -> None:
        self._ledger = ledger
        self._station = station or this_station()
        self._clock = clock

    def make(
        self,
        role: Role,
        *,
        by: str | None,
        actor: str | None = None,
        first: bool = False,
        valid: timedelta = VALID,
        reason: str = "",
    ) -> str:
        """Make a link.

        Args:
            role: what an account that is made by it may do. An account that is there keeps its role.
            by: who invites; None: whoever has the database.
            actor: for whom: a person of the ledger gets an account or a new password; None: somebody new.
            first: see `Invitation`.
            valid: how long it works.
            reason: why.

        Returns:
            The code of the link, which is stored nowhere.

        Raises:
            AccountError: there is no such person, or they may not sign in.
            GainspectError: the database cannot be written.
        """
        code, key, moment = new_code(), new_key(), self._clock()

        def made(rows: Rows) -> list[RoleChange]:
            if _is_done(rows, key):
                return []
            known = None if actor is None else account_of(rows, actor)
            if actor is not None and (rows.one("name_of", actor=actor) is None or (known and known.disabled)):
                raise AccountError(AccountFault.NO_PERSON)
            old = None if known is None else known.role
            rows.run("invitations/drop_old", before=written_time(moment - _KEPT))
            rows.run(
                "invitations/add",
                hash=code_hash(code),
                role=str(old or role),
                actor=actor,
                invited_by=by,
                first=int(first),
                expires=written_time(moment + valid),
            )
            return [self._step("invited", key, actor, old, old or role, by=by, reason=reason)]

        self._ledger.append_made(made)
        return code

    def make_first(self) -> str | None:
        """A link for the first engineer; None: there is one who may sign in."""
        with self._ledger.database.reading() as rows:
            if has_engineer(rows):
                return None
        return self.make(Role.ENGINEER, by=None, first=True, reason="first start")

    def look(self, code: str) -> Invitation:
        """What a link is for.

        Raises:
            AccountError: it does not work (any more).
            GainspectError: the database cannot be read.
        """
        with self._ledger.database.reading() as rows:
            return self._open(rows, code_hash(code))

    def open(self) -> Sequence[Invitation]:
        """All links that still work, the oldest first."""
        with self._ledger.database.reading() as rows:
            found = rows.all("invitations/open", now=written_time(self._clock()))
            return [_invitation(row) for row in found]

    def withdraw(self, hashed: str) -> None:
        """Let a link work no more; nothing happens if it does not work already."""
        self._ledger.database.write(lambda rows: rows.run("invitations/drop", hash=hashed))

    def redeem(self, code: str, name: str, password: str) -> Account:
        """Use a link: make the account, or give the one that is there a new password.

        All sessions of the person end. Of several that use the same link, one succeeds.

        Args:
            code: of the link.
            name: of a new person, chosen by them; of one who is known it stays.
            password: its hash.

        Raises:
            AccountError: the link does not work (any more), the name is taken or cannot be one.
            GainspectError: the database cannot be written.
        """
        hashed, key, stranger = code_hash(code), new_key(), f"person-{secrets.token_hex(8)}"
        actor = stranger

        def made(rows: Rows) -> list[RoleChange]:
            nonlocal actor
            if _is_done(rows, key):
                return []
            invitation = self._open(rows, hashed)
            actor = invitation.actor or stranger
            if rows.run("invitations/take", hash=hashed, used_by=actor) != 1:
                raise AccountError(AccountFault.LINK_SPENT)
            known = account_of(rows, actor)
            if known is None:
                _add(rows, actor, name, invitation.role, password)
                return [self._step("joined", key, actor, None, invitation.role, by=invitation.invited_by)]
            end_all(rows, actor)
            set_password(rows, actor, password)
            return [self._step("new_password", key, actor, known.role, known.role, by=invitation.invited_by)]

        self._ledger.append_made(made)
        with self._ledger.database.reading() as rows:
            account = account_of(rows, actor)
        if account is None:
            raise AccountError(AccountFault.NO_PERSON)
        return account

    def _open(self, rows: Rows, hashed: str) -> Invitation:
        """The invitation behind a link that works."""
        found = rows.one("invitations/of", hash=hashed)
        invitation = None if found is None else _invitation(found)
        if invitation is None or not invitation.is_open(self._clock()):
            raise AccountError(AccountFault.LINK_SPENT)
        known = None if invitation.actor is None else account_of(rows, invitation.actor)
        if (invitation.first and has_engineer(rows)) or (known is not None and known.disabled):
            raise AccountError(AccountFault.LINK_SPENT)
        return invitation

    def _step(
        self,
        step: RoleStep,
        key: str,
        person: str | None,
        old: Role | None,
        new: Role,
        *,
        by: str | None,
        reason: str = "",
    ) -> RoleChange:
        return RoleChange(
            key=key,
            at=self._clock(),
            station=self._station,
            actor=by,
            step=step,
            person=person,
            old=old,
            new=new,
            reason=reason,
        )


def _add(rows: Rows, actor: str, name: str, role: Role, password: str) -> None:
    """Make an account: of somebody new, or of a person whose name the ledger has."""
    known = rows.one("name_of", actor=actor)
    shown = require_name(name if known is None else str(known[0]))
    if rows.one("accounts/by_sign_in", sign_in=sign_in_name(shown)) is not None:
        raise AccountError(AccountFault.NAME_TAKEN)
    if known is None:
        rows.run("add_person", actor=actor, name=shown)
    rows.run("accounts/add", actor=actor, sign_in=sign_in_name(shown), role=str(role), password=password)


def _is_done(rows: Rows, key: str) -> bool:
    """Whether this was done before its answer was lost."""
    return rows.one("record_of_key", key=key) is not None


def _invitation(row: Sequence[Any]) -> Invitation:
    hashed, role, actor, invited_by, first, expires, used_by = row
    return Invitation(
        hashed, Role(role), actor, invited_by, bool(first), datetime.fromisoformat(expires), used_by
    )
