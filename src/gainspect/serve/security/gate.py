"""What sign-in stands on, and the sign-in itself."""

import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from anyio import CapacityLimiter
from fastapi import Request
from fastapi.responses import HTMLResponse

from gainspect.ledger import Ledger
from gainspect.ledger.accounts import Account, Accounts, sign_in_name
from gainspect.ledger.attempts import Attempts, Limit
from gainspect.ledger.invitations import Invitations
from gainspect.ledger.known_devices import KnownDevices
from gainspect.ledger.records.base import now, this_station
from gainspect.ledger.records.operation import SignIn
from gainspect.ledger.secret_codes import code_hash
from gainspect.ledger.sessions import Sessions
from gainspect.ledger.tokens import Tokens
from gainspect.serve.security.csrf import token_of
from gainspect.serve.security.machines import Machines
from gainspect.serve.security.passwords import Passwords
from gainspect.serve.security.settings import SecuritySettings
from gainspect.serve.security.visitor import Visitor

_HASHES_AT_ONCE = 2
"""Each takes a core, and tens of megabytes."""
_MACHINES_AT_ONCE = 8
"""Threads that look tokens up: people take none of them, so that no part of the line waits for pages."""
_OF_ACCOUNT = (5, timedelta(minutes=15))
_OF_ADDRESS = (20, timedelta(minutes=5))
_OF_DEVICE = (5, timedelta(minutes=15))
"""Failures without a delay, and the longest delay. Nobody gets more than 100 guesses a day at an account."""
_DIGITS = 5
_NETWORK = 64
"""Bits of an IPv6 address that tell a customer; the others anyone there may choose."""


class Page(Protocol):
    """Renders a page; `pages.rendering.page`."""

    def __call__(
        self, request: Request, template: str, visitor: Visitor | None, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """The page."""


@dataclass(frozen=True)
class SignedIn:
    """What somebody who has signed in gets."""

    account: Account
    session: str = field(repr=False)
    device: str = field(repr=False)


class RefusedSignIn(Exception):
    """Name and password do not belong together, or the account is disabled: which, is not told."""


class TooManyFailures(Exception):
    """A sign-in has to wait.

    Args:
        wait: for how long.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.seconds = max(1, -int(-wait.total_seconds() // 1))


class Gate:
    """Lets people and machines in.

    Args:
        ledger: with the accounts; sign-ins are records of it.
        settings: of the plant.
        page: renders the pages.
        station: the name of the service in records; None: that of the machine.
        passwords: how they are hashed.
        clock: gives the time.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: SecuritySettings,
        page: Page,
        *,
        station: str | None = None,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.ledger, self.settings, self.page = ledger, settings, page
        self.station = station or this_station()
        self.clock = clock
        self.passwords = passwords or Passwords()
        self.accounts = Accounts(ledger, self.station)
        self.invitations = Invitations(ledger, self.station, clock)
        self.tokens = Tokens(ledger, clock)
        self.machines = Machines(self.tokens)
        self.sessions = Sessions(
            ledger.database,
            timedelta(minutes=settings.idle_minutes),
            timedelta(hours=settings.session_hours),
            clock,
        )
        self.hashing = CapacityLimiter(_HASHES_AT_ONCE)
        self.threads_of_machines = CapacityLimiter(_MACHINES_AT_ONCE)
        self._devices = KnownDevices(ledger.database, clock)
        self._attempts = Attempts(ledger.database, clock)

    def visitor(self, session: str | None, *, used: bool = True) -> Visitor | None:
        """Who has a session; None: nobody.

        Args:
            session: its code.
            used: see `Sessions.of`.

        Raises:
            GainspectError: the database cannot be read.
        """
        found = None if session is None else self.sessions.of(session, used=used)
        if session is None or found is None:
            return None
        return Visitor(found.actor, found.name, found.role, csrf=token_of(session))

    def machine(self, token: str) -> Visitor | None:
        """Which machine has a token; None: none.

        Raises:
            GainspectError: see `Machines.of`.
        """
        found = self.machines.of(token)
        return None if found is None else Visitor(None, found.name, None, station=found.station)

    def sign_in(self, name: str, password: str, *, address: str, device: str | None) -> SignedIn:
        """Sign a person in, and record it; a refusal too, without the name that was given.

        Args:
            name: as it was typed.
            password: as it was typed.
            address: where it came from.
            device: code of the browser, if it has one.

        Raises:
            RefusedSignIn: name and password do not belong together.
            TooManyFailures: it has to wait. This is not recorded.
            GainspectError: the ledger cannot be read or written; nobody is signed in.
        """
        account = self.accounts.named(name)
        own, shared = self._limits(account, name, address, device)
        wait = self._attempts.begin([*own, *shared])
        if wait:
            raise TooManyFailures(wait)
        right = self.passwords.verify(None if account is None else account.password, password)
        accepted = right and account is not None and not account.disabled
        actor = None if account is None else account.actor
        self.ledger.append(
            SignIn(station=self.station, at=self.clock(), actor=actor, method="password", accepted=accepted)
        )
        if account is None or not accepted:
            raise RefusedSignIn
        self._attempts.succeeded(own, shared)
        if self.passwords.is_outdated(account.password):
            self.accounts.rehash(account, self.passwords.hash(password))
        return self.let_in(account, device)

    def let_in(self, account: Account, device: str | None) -> SignedIn:
        """Begin a session of somebody who has shown who they are.

        Raises:
            GainspectError: the database cannot be written.
        """
        known = self._devices.add(account.actor, device)
        return SignedIn(account, self.sessions.begin(account.actor), known)

    def first_link(self) -> str | None:
        """The path by which the first engineer gets an account; None: there is an engineer.

        Raises:
            GainspectError: the ledger cannot be written.
        """
        code = self.invitations.make_first()
        return None if code is None else f"/invitation/{code}"

    def _limits(
        self, account: Account | None, name: str, address: str, device: str | None
    ) -> tuple[list[Limit], list[Limit]]:
        """What is counted: of a browser that the person has signed in with, nothing but what it does itself.

        The second ones are shared with others.
        """
        # Looked up for a name that nobody has, too: that takes the same time.
        actor = "" if account is None else account.actor
        if device is not None and self._devices.knows(device, actor):
            return [Limit(f"device {code_hash(device)} {actor}", *_OF_DEVICE)], []
        return (
            [Limit(f"account {_blurred(name)}", *_OF_ACCOUNT)],
            [Limit(f"address {_network(address)}", *_OF_ADDRESS)],
        )


def _blurred(name: str) -> str:
    """By what a name is counted: some digits of a hash, which a million others share.

    People type passwords into the wrong field; what is stored does not tell them.
    """
    hashed = hashlib.sha256(sign_in_name(name).encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()[:_DIGITS]


def _network(address: str) -> str:
    """By what an address is counted."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, _NETWORK), strict=False))
    return str(known)
