"""Who may do what: one row for each address. An app with an address in no row is not started."""

from collections.abc import Iterator, Mapping

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from gainspect.errors import GainspectError
from gainspect.ledger.accounts import Role
from gainspect.serve.security.access import Allowed, allow, allowed_in

_SIGNED_IN = allow(*Role)
_READS = allow(Role.ENGINEER, Role.AUDITOR)
_ENGINEER = allow(Role.ENGINEER)
RIGHTS: Mapping[str, Allowed | None] = {
    "GET /sign-in": None,
    "POST /sign-in": None,
    "POST /sign-out": _SIGNED_IN,
    "GET /invitation/{code}": None,
    "POST /invitation/{code}": None,
    "GET /password": _SIGNED_IN,
    "POST /password": _SIGNED_IN,
    "GET /people": _READS,
    "POST /people/invitations": _ENGINEER,
    "POST /people/invitations/{hashed}/withdraw": _ENGINEER,
    "POST /people/{actor}/link": _ENGINEER,
    "POST /people/{actor}/role": _ENGINEER,
    "POST /people/{actor}/disable": _ENGINEER,
    "POST /people/{actor}/enable": _ENGINEER,
    "GET /tokens": _READS,
    "POST /tokens": _ENGINEER,
    "POST /tokens/{ident}/revoke": _ENGINEER,
}
"""By method and path; None: everybody, also who is not signed in."""


def require_rights(app: FastAPI, rights: Mapping[str, Allowed | None] = RIGHTS) -> None:
    """Hold the table against what the addresses of an app ask for.

    Raises:
        GainspectError: an address is in no row, lets others pass than its row says, or a row has no address.
    """
    found = dict(_asked_for(app))
    wrong = [address for address, asked in found.items() if address not in rights or asked != rights[address]]
    wrong += [row for row in rights if row not in found]
    if wrong:
        raise GainspectError(f"the table of rights does not fit the app: {', '.join(sorted(wrong))}")


def _asked_for(app: FastAPI) -> Iterator[tuple[str, Allowed | None]]:
    """Each address with whom it lets pass; an app within the app is one, for all methods (`*`)."""
    for route in iter_route_contexts(app.routes):
        methods = route.methods or {"*"}
        asked = set(allowed_in(route.dependant)) if hasattr(route, "dependant") else set()
        if len(asked) > 1:
            raise GainspectError(f"{route.path} asks for rights twice")
        for method in methods - {"HEAD", "OPTIONS"}:
            yield f"{method} {route.path}", next(iter(asked), None)
