"""Who may sign in, and as what. A change and its record in the ledger are one transaction."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gainspect.ledger.account_faults import AccountError, AccountFault
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.base import new_key, this_station
from gainspect.ledger.records.operation import Role, RoleChange, RoleStep

__all__ = ["Account", "Accounts", "Role", "require_name", "sign_in_name"]
_LONGEST = 100


@dataclass(frozen=True)
class Account:
    """A person who may sign in, or might before."""

    actor: str
    """The pseudonym, by which records name them."""
    name: str
    role: Role
    password: str = field(repr=False)
    """Hash of it, as argon2 writes it."""
    disabled: bool = False


class Accounts:
    """The people of a ledger with what they may do.

    Args:
        ledger: that records what changes.
        station: where this is; None: this machine.
    """

    def __init__(self, ledger: Ledger, station: str | None = None) -> None:
        self._ledger = ledger
        self._station = station or this_station()

    def of(self, actor: str) -> Account | None:
        """The account of a person; None: there is none.

        Raises:
            GainspectError: the database cannot be read.
        """
        with self._ledger.database.reading() as rows:
            return account_of(rows, actor)

    def named(self, name: str) -> Account | None:
        """The account that somebody signs in to with this name, in whatever case; None: there is none."""
        # PostgreSQL has no NUL in its texts, and nobody has an empty name.
        wanted = "" if "\0" in name else sign_in_name(name)
        with self._ledger.database.reading() as rows:
            found = rows.one("accounts/by_sign_in", sign_in=wanted)
        return None if found is None else _account(found)

    def all(self) -> Sequence[Account]:
        """All of them, by name."""
        with self._ledger.database.reading() as rows:
            return [_account(row) for row in rows.all("accounts/all")]

    def has_engineer(self) -> bool:
        """Whether anybody may invite others."""
        with self._ledger.database.reading() as rows:
            return has_engineer(rows)

    def set_role(self, actor: str, role: Role, *, by: str | None, reason: str = "") -> None:
        """Give a person another role. All their sessions end.

        Raises:
            AccountError: there is no such person, or this is the last engineer.
            GainspectError: the database cannot be written.
        """

        def changed(rows: Rows, account: Account) -> RoleChange | None:
            if account.role is role:
                return None
            rows.run("accounts/set_role", actor=actor, role=str(role))
            return self._step("changed", account, account.role, role, by, reason)

        self._change(actor, changed)

    def set_disabled(self, actor: str, disabled: bool, *, by: str | None, reason: str = "") -> None:
        """Take from a person the right to sign in, or give it back. All their sessions end.

        Raises:
            AccountError: see `set_role`.
            GainspectError: see `set_role`.
        """

        def changed(rows: Rows, account: Account) -> RoleChange | None:
            if account.disabled is disabled:
                return None
            rows.run("accounts/set_disabled", actor=actor, disabled=int(disabled))
            rows.run("devices/drop_of", actor=actor)
            if disabled:
                return self._step("disabled", account, account.role, None, by, reason)
            return self._step("enabled", account, None, account.role, by, reason)

        self._change(actor, changed)

    def set_password(self, actor: str, password: str) -> None:
        """Set the hash of the password that a person has chosen. All their sessions end.

        Raises:
            AccountError: there is no such person.
            GainspectError: see `set_role`.
        """

        def changed(rows: Rows, account: Account) -> RoleChange | None:
            if account.password == password:
                return None
            set_password(rows, actor, password)
            return self._step("new_password", account, account.role, account.role, actor, "")

        self._change(actor, changed)

    def rehash(self, account: Account, password: str) -> None:
        """Put another hash of the same password in the place of the one that was read."""
        self._ledger.database.write(
            lambda rows: rows.run(
                "accounts/swap_password", actor=account.actor, old=account.password, password=password
            )
        )

    def _change(self, actor: str, change: Callable[[Rows, Account], RoleChange | None]) -> None:
        key = new_key()

        def made(rows: Rows) -> list[RoleChange]:
            account = account_of(rows, actor)
            if account is None:
                raise AccountError(AccountFault.NO_PERSON)
            had = has_engineer(rows)
            record = change(rows, account)
            if record is None:
                return []
            if had and not has_engineer(rows):
                raise AccountError(AccountFault.LAST_ENGINEER)
            end_all(rows, actor)
            return [record.model_copy(update={"key": key})]

        self._ledger.append_made(made)

    def _step(
        self,
        step: RoleStep,
        account: Account,
        old: Role | None,
        new: Role | None,
        by: str | None,
        reason: str,
    ) -> RoleChange:
        return RoleChange(
            station=self._station, actor=by, step=step, person=account.actor, old=old, new=new, reason=reason
        )


def account_of(rows: Rows, actor: str) -> Account | None:
    """The account of a person, within a transaction; None: there is none."""
    found = rows.one("accounts/of", actor=actor)
    return None if found is None else _account(found)


def has_engineer(rows: Rows) -> bool:
    """Whether an engineer may sign in, within a transaction."""
    found = rows.one("accounts/engineers")
    return found is not None and found[0] > 0


def end_all(rows: Rows, actor: str) -> None:
    """End all sessions of a person, and void the links that they made or that were made for them."""
    rows.run("sessions/drop_of", actor=actor)
    rows.run("invitations/drop_of", actor=actor)


def set_password(rows: Rows, actor: str, password: str) -> None:
    """Set the hash of a password; where the old one was used is not known any more."""
    rows.run("accounts/set_password", actor=actor, password=password)
    rows.run("devices/drop_of", actor=actor)


def sign_in_name(name: str) -> str:
    """The form by which names are compared: how it was typed does not matter.

    >>> sign_in_name("  KIM  Min-su ") == sign_in_name("kim min-su")
    True
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def require_name(name: str) -> str:
    """A name as it is shown: composed, without blanks around it.

    Raises:
        AccountError: it is empty, too long, or holds characters that nobody sees or that turn lines around.
    """
    shown = unicodedata.normalize("NFC", name).strip()
    hidden = any(unicodedata.category(one)[0] == "C" or one in "\u2028\u2029" for one in shown)
    if not 0 < len(shown) <= _LONGEST or hidden or not sign_in_name(shown):
        raise AccountError(AccountFault.NAME_UNFIT)
    return shown


def _account(row: Sequence[Any]) -> Account:
    actor, name, role, password, disabled = row
    return Account(actor, name, Role(role), password, bool(disabled))
