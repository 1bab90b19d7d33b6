"""An app with sign-in alone, whose pages say what they were filled with as JSON."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from argon2 import PasswordHasher
from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.testclient import TestClient

from gainspect.ledger import Ledger
from gainspect.serve.problems import add_problems
from gainspect.serve.security import Gate, SecuredApp, SecuritySettings, Visitor, secure
from gainspect.serve.security.passwords import Passwords
from gainspect.types import Label
from ledger_records import AT

PASSWORD = "blue forklift in hall 7"
ORIGIN = "http://testserver"


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **by: float) -> None:
        self.now += timedelta(**by)


def page(
    request: Request, template: str, visitor: Visitor | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """What a template is filled with."""
    told = {"template": template, "csrf": visitor.csrf if visitor else "", **values}
    return HTMLResponse(json.dumps(told, default=str), status)


def quick_passwords() -> Passwords:
    """Hashes that take no time."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def secured_app(gate: Gate) -> SecuredApp:
    """The app of a gate."""
    app = SecuredApp(docs_url=None, redoc_url=None, openapi_url=None)
    add_problems(app, Label.REVIEW)
    secure(app, gate, Label.REVIEW)
    return app


def gate_to(
    ledger: Ledger,
    clock: Callable[[], datetime],
    settings: SecuritySettings | None = None,
    show: Any = page,
) -> Gate:
    """A gate to a ledger."""
    return Gate(
        ledger,
        settings or SecuritySettings(),
        show,
        station="service",
        passwords=quick_passwords(),
        clock=clock,
    )


class Browser:
    """Somebody at a browser.

    Args:
        gate: of the app.
        address: where it is.
        scheme: of the requests.
    """

    def __init__(self, gate: Gate, address: str = "192.0.2.7", scheme: str = "http") -> None:
        self.client = TestClient(
            secured_app(gate),
            base_url=f"{scheme}://testserver",
            client=(address, 50000),
            follow_redirects=False,
            raise_server_exceptions=False,
            headers={"Accept": "text/html"},
        )

    def get(self, path: str) -> dict[str, Any]:
        """What a page was filled with."""
        answer = self.client.get(path)
        assert "application/problem" not in answer.headers["content-type"], answer.text
        return cast(dict[str, Any], answer.json())

    def post(self, path: str, page_of: str | None = None, **fields: Any) -> Any:
        """Send the form of a page; the answer."""
        token = fields.pop("csrf", None) or self.get(page_of or path)["csrf"]
        return self.client.post(path, data={**fields, "csrf": token}, headers={"Origin": ORIGIN})

    def put(self, name: str, value: str) -> None:
        """Give the browser a cookie of this host."""
        self.client.cookies.set(name, value, domain="testserver.local", path="/")

    def sign_in(self, name: str = "Kim Min-su", password: str = PASSWORD, **more: Any) -> Any:
        """Sign in by the form."""
        return self.post("/sign-in", name=name, password=password, **more)


def engineer(gate: Gate, name: str = "Kim Min-su") -> str:
    """The first engineer has an account; their pseudonym."""
    path = gate.first_link()
    assert path is not None
    code = path.rpartition("/")[2]
    return gate.invitations.redeem(code, name, gate.passwords.hash(PASSWORD)).actor


def code_in(link: str) -> str:
    """The code of a link."""
    found = re.fullmatch(r"https?://testserver/invitation/([\w-]{43})", link)
    assert found is not None, link
    return found[1]
