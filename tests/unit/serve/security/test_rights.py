"""Every address × everybody who may come, by the table; and headers on all that is answered."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from gainspect.errors import GainspectError
from gainspect.ledger.secret_codes import code_hash
from gainspect.serve.body_limit import BodyLimit
from gainspect.serve.security import RIGHTS, Gate, Role, SecuritySettings, Visitor, allow, require_rights
from gainspect.serve.security.access import Allowed
from gainspect.serve.security.csrf import token_of
from gainspect.types import Label
from security_app import PASSWORD, Browser, Clock, engineer, gate_to, secured_app

MACHINE = "machine"
Sender = Annotated[Visitor, Depends(allow(Role.ENGINEER, machine=True))]
POLICY = """
default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';
form-action 'self'; frame-ancestors 'none'; base-uri 'none'
"""


def with_machine_address(gate: Gate) -> FastAPI:
    app = secured_app(gate)

    @app.post("/v1/parts")
    def parts(visitor: Sender) -> dict[str, Any]:
        return {"station": visitor.station, "name": visitor.name}

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("broken")

    app.add_middleware(BodyLimit, most=100_000, fail_safe=Label.REVIEW)
    return app


ALL = {**RIGHTS, "POST /v1/parts": allow(Role.ENGINEER, machine=True), "GET /broken": None}


def test_the_table_is_what_the_addresses_ask_for(local_gate: Gate) -> None:
    app = with_machine_address(local_gate)
    require_rights(app, ALL)
    with pytest.raises(GainspectError, match="GET /broken, POST /v1/parts"):
        require_rights(app)
    with pytest.raises(GainspectError, match="GET /gone"):
        require_rights(app, {**ALL, "GET /gone": None})
    with pytest.raises(GainspectError, match=r": GET /people\."):
        require_rights(app, {**ALL, "GET /people": allow(Role.ENGINEER)})
    with pytest.raises(GainspectError, match=r": POST /v1/parts\."):
        require_rights(app, {**ALL, "POST /v1/parts": allow(Role.ENGINEER)})


@pytest.mark.parametrize("who", [None, MACHINE, *Role])
def test_every_address_for_everybody(local_gate: Gate, who: Role | str | None) -> None:
    """What the table says is what happens, address by address."""
    engineer(local_gate)
    client = TestClient(
        with_machine_address(local_gate), follow_redirects=False, raise_server_exceptions=False
    )
    code = local_gate.invitations.make(Role.OPERATOR, by=None)
    tokens: dict[str, str] = {}
    if who == MACHINE:
        tokens["Authorization"] = f"Bearer {local_gate.tokens.make('camera', 'line 3', by=None)}"
    for address, allowed in ALL.items():
        method, path = address.split()
        headers = dict(tokens)
        if isinstance(who, Role):
            account = f"{who} {address}"
            link = local_gate.invitations.make(who, by=None)
            actor = local_gate.invitations.redeem(link, account, local_gate.passwords.hash(PASSWORD)).actor
            session = local_gate.sessions.begin(actor)
            headers |= {"Cookie": f"gainspect_session={session}", "X-CSRF-Token": token_of(session)}
        path = path.replace("{code}", code).replace("{actor}", "person-0123456789abcdef")
        path = path.replace("{hashed}", code_hash("x")).replace("{ident}", "0" * 16)
        page, script = (
            client.request(method, path, headers=headers | {"Accept": kind})
            for kind in ("text/html", "application/json")
        )
        said = f"{who} {address}: {page.status_code} {script.status_code}"
        if _may(who, allowed):
            # What a form lacks is told (4xx), not who may.
            own_form = allowed is None and method == "POST"
            assert page.status_code not in (401,) and (own_form or page.status_code != 403), said
            assert not page.headers.get("location", "").startswith("/sign-in?"), said
        elif who is None:
            assert script.status_code == 401 and "www-authenticate" in script.headers, said
            sent_on = page.status_code == 303 and page.headers["location"].startswith("/sign-in?next=")
            assert sent_on or page.status_code == 401, said
        else:
            assert page.status_code == script.status_code == 403, said


def _may(who: Role | str | None, allowed: Allowed | None) -> bool:
    if allowed is None:
        return True
    return allowed.machine if who == MACHINE else who in allowed.roles


def test_every_answer_has_the_headers(local_gate: Gate) -> None:
    """Also those of errors, of limits, and of what is not there."""
    app = with_machine_address(local_gate)
    client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
    addresses = [
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    ]
    addresses += [("GET", "/broken"), ("GET", "/nowhere"), ("DELETE", "/people"), ("OPTIONS", "/people")]
    answers = [client.request(method, path) for method, path in addresses]
    answers += [
        client.post("/v1/parts", content=b"x" * 100_001),
        client.post(
            "/sign-in", content=b"x" * 70_000, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ),
        client.post("/sign-in", content=b"%", headers={"Content-Type": "multipart/form-data"}),
    ]
    assert {500, 404, 405, 413, 401} <= {answer.status_code for answer in answers}
    for answer in answers:
        headers = answer.headers
        assert headers["content-security-policy"] == " ".join(POLICY.split())
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert (
            headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        )
        assert "camera=()" in headers["permissions-policy"]
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers


@pytest.mark.parametrize(("tls", "scheme"), [(False, "https"), (True, "http"), (True, "https")])
def test_https_is_remembered_where_it_is_used(local_gate: Gate, clock: Clock, tls: bool, scheme: str) -> None:
    gate = gate_to(local_gate.ledger, clock, SecuritySettings(tls=tls))
    answer = Browser(gate, scheme=scheme).client.get("/sign-in")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["set-cookie"].startswith("__Host-")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("line3.example", 200),
        ("LINE3.example:8080", 200),
        ("[::1]:8080", 200),
        ("evil.example", 400),
        ("line3.example.evil.example", 400),
        ("evil@line3.example", 400),
        ("", 400),
    ],
)
def test_only_known_names_of_the_service(local_gate: Gate, clock: Clock, host: str, status: int) -> None:
    """A page elsewhere whose name leads to this machine (DNS rebinding) gets nothing."""
    settings = SecuritySettings(hosts=("line3.example", "[::1]"))
    client = Browser(gate_to(local_gate.ledger, clock, settings)).client
    answer = client.get("/sign-in", headers={"Host": host})
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == " ".join(POLICY.split())
    refused = client.post("/v1/inspections", headers={"Host": "evil.example"})
    assert refused.json()["decision"] == "review"


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_machine_sends_with_its_token(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    token = gate.tokens.make("camera 2", "line 3", by=None)
    seconds = Seconds()
    monkeypatch.setattr(gate.machines, "_clock", seconds)
    client = TestClient(with_machine_address(gate), raise_server_exceptions=False)

    def sent(header: str, **more: str) -> Any:
        return client.post("/v1/parts", headers={"Authorization": header, **more})

    assert sent(f"Bearer {token}").json() == {"station": "line 3", "name": "camera 2"}
    # No page sends this header by itself: it needs no token of a form, whatever its origin.
    assert sent(f"bearer  {token}", Origin="http://evil.example").status_code == 200
    for wrong in (
        "Bearer",
        "Bearer x",
        f"Basic {token}",
        token,
        f"Bearer {token}x",
        "Bearer " + "x" * 10_000,
    ):
        answer = sent(wrong)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), wrong
    (known,) = gate.tokens.all()
    assert known.used is not None
    gate.tokens.revoke(known.id, by=None)
    seconds.now += 1
    assert sent(f"Bearer {token}").status_code == 401


def test_while_the_database_is_away_known_tokens_are_taken(
    local_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a camera still gets the fail-safe answer."""
    token, other = (local_gate.tokens.make(name, "line 3", by=None) for name in ("camera", "other"))
    seconds = Seconds()
    monkeypatch.setattr(local_gate.machines, "_clock", seconds)
    assert local_gate.machines.of(token) is not None

    def away(token: str) -> None:
        raise GainspectError("the database cannot be reached")

    monkeypatch.setattr(local_gate.tokens, "of", away)
    seconds.now = 12 * 3600 - 1
    assert local_gate.machines.of(token) is not None
    with pytest.raises(GainspectError):
        local_gate.machines.of(other)
    seconds.now = 12 * 3600
    with pytest.raises(GainspectError):
        local_gate.machines.of(token)


def test_an_engineer_looks_after_people_and_tokens(gate: Gate) -> None:
    boss = engineer(gate)
    code = gate.invitations.make(Role.OPERATOR, by=boss)
    lee = gate.invitations.redeem(code, "Lee", gate.passwords.hash(PASSWORD)).actor
    browser = Browser(gate)
    browser.sign_in()
    for path in (f"/people/{boss}/disable", f"/people/{boss}/role"):
        assert browser.post(path, "/people", role="auditor").json()["error"] == "sec_last_engineer"
    assert (
        browser.post("/people/person-0000000000000000/disable", "/people").json()["error"] == "sec_no_person"
    )
    assert browser.post(f"/people/{lee}/role", "/people", role="king").status_code == 422
    assert browser.post(f"/people/{lee}/role", "/people", role="engineer").status_code == 303
    assert browser.post(f"/people/{lee}/disable", "/people", reason="has left").status_code == 303
    assert Browser(gate).sign_in("Lee").status_code == 403
    assert browser.post(f"/people/{lee}/link", "/people").json()["error"] == "sec_no_person"
    assert browser.post(f"/people/{lee}/enable", "/people").status_code == 303
    assert Browser(gate).sign_in("Lee").status_code == 303
    link = browser.post("/people/invitations", "/people", role="auditor").json()["link"]
    code = link.rpartition("/")[2]
    assert browser.post(f"/people/invitations/{code_hash(code)}/withdraw", "/people").status_code == 303
    assert Browser(gate).client.get(f"/invitation/{code}").status_code == 410
    assert browser.post("/tokens", name=" ", station="line 3").json()["error"] == "sec_token_unfit"
    assert browser.post("/tokens", name="a\u202eb", station="line 3").json()["error"] == "sec_token_unfit"
    made = browser.post("/tokens", name="camera", station="line 3").json()["made"]
    token = gate.tokens.of(made)
    assert token is not None and made not in browser.client.get("/tokens").text
    assert browser.post(f"/tokens/{token.id}/revoke", "/tokens").status_code == 303
    assert browser.post(f"/tokens/{'0' * 16}/revoke", "/tokens").json()["error"] == "sec_no_token"
    for path in (
        "/people/%00/role",
        "/people/x/link",
        "/people/invitations/%00/withdraw",
        "/tokens/%00/revoke",
    ):
        assert browser.post(path, "/people", role="operator").status_code == 422, path
    assert gate.tokens.of(made) is None
    # Whoever is no engineer any more has invited nobody.
    open_link = gate.invitations.make(Role.ENGINEER, by=lee)
    gate.accounts.set_role(lee, Role.OPERATOR, by=boss)
    assert Browser(gate).client.get(f"/invitation/{open_link}").status_code == 410
