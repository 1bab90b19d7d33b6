"""Sign-in: sessions, forms of other sites, delays, invitations, on both databases."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from gainspect.ledger import Ledger
from gainspect.ledger.account_faults import AccountError, AccountFault
from gainspect.ledger.records.operation import RoleChange, SignIn
from gainspect.ledger.secret_codes import code_hash
from gainspect.ledger.verification import verify
from gainspect.serve.security import Gate, Role, SecuritySettings
from gainspect.serve.security.cookies import DEVICE, SESSION, VISIT
from gainspect.serve.security.gate import RefusedSignIn, TooManyFailures
from ledger_records import Intruder
from security_app import PASSWORD, Browser, Clock, code_in, engineer, gate_to

WRONG = "not the password at all"


def sign_ins(ledger: Ledger) -> list[tuple[str | None, bool]]:
    return [(e.record.actor, e.record.accepted) for e in ledger.records() if isinstance(e.record, SignIn)]


def test_a_person_signs_in_and_out(gate: Gate, ledger: Ledger) -> None:
    actor = engineer(gate)
    browser = Browser(gate)
    away = browser.client.get("/people?page=2")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2Fpeople%3Fpage%3D2")
    answer = browser.sign_in("  kim MIN-SU ", next="/people?page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people?page=2")
    assert browser.get("/people")["template"] == "people.html"
    session = browser.client.cookies[SESSION]
    assert browser.post("/sign-out", "/people").headers["location"] == "/sign-in"
    assert SESSION not in browser.client.cookies
    browser.put(SESSION, session)
    assert browser.client.get("/people").status_code == 303, "a session that has ended is not taken again"
    assert sign_ins(ledger) == [(actor, True)]
    assert not verify(ledger).faults


def test_a_session_that_was_there_before_is_not_the_one_that_is_signed_in(gate: Gate) -> None:
    """Session fixation: what somebody else has put into the browser is worth nothing."""
    engineer(gate)
    browser = Browser(gate)
    browser.put(SESSION, "A" * 43)
    browser.sign_in()
    first = browser.client.cookies[SESSION]
    assert first != "A" * 43 and len(first) == 43
    other = Browser(gate)
    other.put(SESSION, "A" * 43)
    assert other.client.get("/people").status_code == 303
    # Somebody who signs in again has another session, and the one before has ended.
    other.client.cookies.clear()
    other.sign_in()
    assert other.client.cookies[SESSION] != first


def test_the_session_before_ends_at_a_new_sign_in(gate: Gate) -> None:
    engineer(gate)
    browser = Browser(gate)
    token = browser.get("/sign-in")["csrf"]
    visit = browser.client.cookies[VISIT]
    browser.sign_in(csrf=token)
    first = browser.client.cookies[SESSION]
    browser.put(VISIT, visit)
    assert browser.sign_in(csrf=token).status_code == 303
    assert gate.visitor(first) is None and gate.visitor(browser.client.cookies[SESSION]) is not None


def test_the_database_holds_no_code(gate: Gate, ledger_url: str) -> None:
    engineer(gate)
    browser = Browser(gate)
    browser.sign_in()
    token = gate.tokens.make("camera", "line 3", by=None)
    secrets = [browser.client.cookies[SESSION], browser.client.cookies[DEVICE], token, PASSWORD]
    tables = ("accounts", "invitations", "sessions", "devices", "tokens", "attempts", "records")
    intruder = Intruder(ledger_url)
    rows = [str(intruder.run(f"SELECT * FROM ledger_{name}")) for name in tables]
    assert not [secret for secret in secrets if any(secret in row for row in rows)]
    assert (
        code_hash(secrets[0]) in rows[2] and code_hash(secrets[1]) in rows[3] and code_hash(token) in rows[4]
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_for_the_browser_and_this_host_alone(local_gate: Gate, scheme: str) -> None:
    engineer(local_gate)
    browser = Browser(local_gate, scheme=scheme)
    token = browser.get("/sign-in")["csrf"]
    answer = browser.client.post("/sign-in", data={"name": "Kim Min-su", "password": PASSWORD, "csrf": token})
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        said = cookie.lower()
        assert "httponly" in said and "path=/" in said and "domain" not in said
        assert ("secure" in said, cookie.startswith("__Host-")) == (
            (True, True) if scheme == "https" else (False, False)
        )
        assert "samesite=strict" in said if DEVICE in cookie else "samesite=lax" in said


def test_a_session_ends_without_use_and_after_a_shift(ledger: Ledger, clock: Clock) -> None:
    gate = gate_to(ledger, clock, SecuritySettings(idle_minutes=30, session_hours=2))
    actor = engineer(gate)
    used = gate.sessions.begin(actor)
    for _ in range(5):
        clock.go_on(minutes=20)
        assert gate.visitor(used) is not None
    clock.go_on(minutes=19, seconds=59)
    assert gate.visitor(used) is not None
    clock.go_on(seconds=1)
    assert gate.visitor(used) is None, "two hours after the sign-in"
    idle = gate.sessions.begin(actor)
    clock.go_on(minutes=29, seconds=59)
    assert gate.visitor(idle) is not None
    clock.go_on(minutes=30)
    assert gate.visitor(idle) is None


@pytest.mark.parametrize("change", ["role", "disable", "password", "erase"])
def test_what_a_person_may_do_changes_at_once(gate: Gate, ledger: Ledger, change: str) -> None:
    engineer(gate)
    code = gate.invitations.make(Role.OPERATOR, by=None)
    actor = gate.invitations.redeem(code, "Lee", gate.passwords.hash(PASSWORD)).actor
    session = gate.sessions.begin(actor)
    visitor = gate.visitor(session)
    assert visitor is not None and (visitor.name, visitor.role) == ("Lee", Role.OPERATOR)
    match change:
        case "role":
            gate.accounts.set_role(actor, Role.AUDITOR, by=None)
        case "disable":
            gate.accounts.set_disabled(actor, True, by=None)
        case "password":
            gate.accounts.set_password(actor, gate.passwords.hash("another long password"))
        case "erase":
            ledger.people.erase(actor)
    assert gate.visitor(session) is None
    assert not verify(ledger).faults


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("right", {}, 303),
        ("right", {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}, 303),
        ("", {}, 403),
        ("0" * 64, {}, 403),
        ("한글", {}, 403),
        ("other", {}, 403),
        ("right", {"Origin": "http://evil.example"}, 403),
        ("right", {"Origin": "null"}, 403),
        ("right", {"Origin": "http://testserver:81"}, 403),
        ("right", {"Origin": "http://[evil"}, 403),
        ("right", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("right", {"Sec-Fetch-Site": "same-site"}, 403),
        ("right", {"Sec-Fetch-Site": "none"}, 403),
    ],
)
@pytest.mark.parametrize("place", ["sign-in", "people"])
def test_only_our_own_forms_change_anything(
    local_gate: Gate, place: str, token: str, headers: dict[str, str], status: int
) -> None:
    actor = engineer(local_gate)
    browser, other = Browser(local_gate), Browser(local_gate)
    if place == "sign-in":
        path, page, fields = "/sign-in", "/sign-in", {"name": "Kim Min-su", "password": PASSWORD}
    else:
        path, page, fields = f"/people/{actor}/role", "/people", {"role": "engineer"}
        browser.sign_in()
        other.sign_in()
    said = {"right": browser.get(page)["csrf"], "other": other.get(page)["csrf"]}.get(token, token)
    answer = browser.client.post(path, data={**fields, "csrf": said}, headers=headers)
    assert answer.status_code == status
    if place == "people":
        sent = {**headers, "X-CSRF-Token": said.encode()}
        assert browser.client.post(path, data=fields, headers=sent).status_code == status
        assert (
            browser.client.post(path, files={"role": b"engineer", "csrf": said.encode()}).status_code == 403
        )


def test_a_failed_sign_in_tells_and_records_nothing_of_who_there_is(gate: Gate, ledger: Ledger) -> None:
    actor = engineer(gate)
    browser = Browser(gate)
    known, unknown = browser.sign_in(password=WRONG), browser.sign_in("Nobody of that name")
    shown = [answer.json() | {"name": "", "csrf": ""} for answer in (known, unknown)]
    assert shown[0] == shown[1] and known.status_code == unknown.status_code == 403
    assert sign_ins(ledger) == [(actor, False), (None, False)]
    assert not any(b"Nobody" in entry.content for entry in ledger.records())


def test_a_name_that_nobody_has_costs_a_hash_too(local_gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = engineer(local_gate)
    calls: list[str] = []
    hasher = local_gate.passwords._hasher
    whole = hasher.verify

    def counted(stored: str, password: bytes) -> bool:
        calls.append(stored[: stored.rindex("$")].rsplit("$", 1)[0])
        return whole(stored, password)

    monkeypatch.setattr(local_gate.passwords, "_hasher", _Verifying(hasher, counted))
    for name in ("Kim Min-su", "Nobody"):
        browser = Browser(local_gate)
        assert browser.sign_in(name, WRONG).status_code == 403
    local_gate.invitations.redeem(
        local_gate.invitations.make(Role.ENGINEER, by=None), "Lee", local_gate.passwords.hash(PASSWORD)
    )
    local_gate.accounts.set_disabled(actor, True, by=None)
    assert Browser(local_gate).sign_in().status_code == 403
    assert len(calls) == 3 and len(set(calls)) == 1, "as often, and with the same parameters"


class _Verifying:
    def __init__(self, hasher: object, verify: object) -> None:
        self.hash, self.verify = hasher.hash, verify  # type: ignore[attr-defined]
        self.check_needs_rehash = hasher.check_needs_rehash  # type: ignore[attr-defined]


def test_guesses_take_ever_longer_and_never_lock_for_good(gate: Gate, clock: Clock) -> None:
    """From ever new addresses: 5 are free, then 1 s, 2 s, 4 s … to 15 min, until the right password comes."""
    engineer(gate)

    def guess(password: str = WRONG) -> Any:
        guess.number += 1  # type: ignore[attr-defined]
        return Browser(gate, address=f"192.0.2.{guess.number}").sign_in(password=password)  # type: ignore[attr-defined]

    guess.number = 0  # type: ignore[attr-defined]
    assert [guess().status_code for _ in range(6)] == [403] * 6
    waits = []
    for _ in range(12):
        waits.append(int(guess(PASSWORD).headers["retry-after"]))
        clock.go_on(seconds=waits[-1] - 0.5)
        assert guess(PASSWORD).status_code == 429
        clock.go_on(seconds=0.5)
        assert guess().status_code == 403
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    clock.go_on(minutes=15)
    assert guess(PASSWORD).status_code == 303
    assert [guess().status_code for _ in range(6)] == [403] * 6, "counting began anew"


def test_who_guesses_elsewhere_does_not_delay_the_person_at_their_own_machine(
    gate: Gate, clock: Clock
) -> None:
    engineer(gate)
    own = Browser(gate)
    own.sign_in()
    own.post("/sign-out", "/people")
    for number in range(40):
        Browser(gate, address=f"198.51.100.{number}").sign_in(password=WRONG)
    assert Browser(gate, address="203.0.113.9").sign_in().status_code == 429
    assert own.sign_in().status_code == 303
    # A known browser is limited too.
    own.post("/sign-out", "/people")
    answers = [own.sign_in(password=WRONG).status_code for _ in range(7)]
    assert answers == [403] * 6 + [429]
    clock.go_on(minutes=15)
    assert own.sign_in().status_code == 303
    clock.go_on(minutes=15)
    assert Browser(gate, address="203.0.113.9").sign_in().status_code == 303


def test_a_browser_known_for_one_person_helps_nobody_to_guess_at_another(gate: Gate) -> None:
    engineer(gate)
    code = gate.invitations.make(Role.OPERATOR, by=None)
    gate.invitations.redeem(code, "Lee", gate.passwords.hash(PASSWORD))
    lee = Browser(gate)
    lee.sign_in("Lee")
    lee.post("/sign-out", "/password")
    answers = [lee.sign_in(password=WRONG).status_code for _ in range(7)]
    assert answers == [403] * 6 + [429]


def test_many_guesses_from_an_address_at_many_names(gate: Gate) -> None:
    engineer(gate)
    answers = [Browser(gate).sign_in(f"name {number}").status_code for number in range(22)]
    assert answers == [403] * 21 + [429]
    assert Browser(gate, address="192.0.2.8").sign_in().status_code == 303


def test_two_services_share_what_they_count(ledger_url: str, ledger: Ledger, clock: Clock) -> None:
    gates = [gate_to(ledger, clock), gate_to(ledger, clock)]
    engineer(gates[0])
    answers = [Browser(gates[number % 2]).sign_in(password=WRONG).status_code for number in range(7)]
    assert answers == [403] * 6 + [429]


def test_guesses_that_are_sent_together_gain_nothing(gate: Gate) -> None:
    engineer(gate)

    def guess() -> type[Exception]:
        with pytest.raises((RefusedSignIn, TooManyFailures)) as refused:
            gate.sign_in("Kim Min-su", WRONG, address="192.0.2.7", device=None)
        return refused.type

    assert Counter(at_once([guess] * 12)) == {RefusedSignIn: 6, TooManyFailures: 6}


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each of them gives, all begun together."""
    start = threading.Barrier(len(works))
    with ThreadPoolExecutor(len(works)) as pool:
        return [*pool.map(lambda work: (start.wait(), work())[1], works)]


def test_an_invitation_works_once_and_for_a_time(gate: Gate, ledger: Ledger, clock: Clock) -> None:
    actor = engineer(gate)
    browser = Browser(gate)
    browser.sign_in()
    page = browser.post("/people/invitations", "/people", role="auditor", reason="audit in March").json()
    path = f"/invitation/{code_in(page['link'])}"
    guest = Browser(gate)
    assert guest.get(path)["known"] == ""
    fields = {"name": "감사 이영희", "password": PASSWORD, "repeated": PASSWORD}
    assert guest.post(path, **fields).status_code == 303
    assert guest.client.get("/people").status_code == 200 and guest.client.get("/password").status_code == 200
    assert Browser(gate).client.get(path).status_code == 410
    again = Browser(gate)
    again.get("/sign-in")
    assert again.post(path, "/sign-in", **fields).status_code == 410
    later = code_in(browser.post("/people/invitations", "/people", role="operator").json()["link"])
    clock.go_on(hours=24)
    assert Browser(gate).client.get(f"/invitation/{later}").status_code == 410
    assert Browser(gate).client.get("/invitation/" + "x" * 10_000).status_code == 410
    steps = [e.record for e in ledger.records() if isinstance(e.record, RoleChange)]
    said = [(step.step, step.actor, step.new) for step in steps]
    assert said == [
        ("invited", None, Role.ENGINEER),
        ("joined", None, Role.ENGINEER),
        ("invited", actor, Role.AUDITOR),
        ("joined", actor, Role.AUDITOR),
        ("invited", actor, Role.OPERATOR),
    ]
    assert steps[2].reason == "audit in March" and steps[2].person is None and steps[3].person is not None
    assert "이영희".encode() not in b"".join(entry.content for entry in ledger.records())


def test_of_two_who_use_a_link_at_once_one_wins(gate: Gate) -> None:
    code, hashed = gate.invitations.make(Role.ENGINEER, by=None), gate.passwords.hash(PASSWORD)

    def redeem(name: str) -> str:
        try:
            return gate.invitations.redeem(code, name, hashed).name
        except AccountError as error:
            return error.fault

    said = at_once([partial(redeem, name) for name in ("Kim", "Lee", "Park")])
    (account,) = gate.accounts.all()
    assert sorted(said) == sorted([account.name, *[AccountFault.LINK_SPENT] * 2])


def test_the_first_link_ends_with_the_first_engineer(gate: Gate) -> None:
    first, second = gate.first_link(), gate.first_link()
    assert first is not None and second is not None and first != second
    fields = {"name": "Kim", "password": PASSWORD, "repeated": PASSWORD}
    assert Browser(gate).post(second, **fields).status_code == 303
    assert Browser(gate).client.get(first).status_code == 410
    assert gate.first_link() is None


@pytest.mark.parametrize(
    ("password", "repeated", "name", "error"),
    [
        ("short", "short", "Lee", "sec_too_short"),
        (PASSWORD, PASSWORD + "!", "Lee", "sec_not_repeated"),
        ("PasswordPassword123", "PasswordPassword123", "Lee", "sec_too_common"),
        ("x" * 129, "x" * 129, "Lee", "sec_too_long"),
        (PASSWORD, PASSWORD, "kim  MIN-su", "sec_name_taken"),
        (PASSWORD, PASSWORD, "Ｋｉｍ Min-su", "sec_name_taken"),
        (PASSWORD, PASSWORD, " ", "sec_name_unfit"),
        (PASSWORD, PASSWORD, "Lee\u202egnp", "sec_name_unfit"),
        (PASSWORD, PASSWORD, "Lee\nKim", "sec_name_unfit"),
        (PASSWORD, PASSWORD, "Lee\x00", "sec_name_unfit"),
        (PASSWORD, PASSWORD, "L\u200bee", "sec_name_unfit"),
        (PASSWORD, PASSWORD, "L" * 10_000, "sec_name_unfit"),
    ],
)
def test_what_cannot_be_chosen_is_asked_again(
    local_gate: Gate, password: str, repeated: str, name: str, error: str
) -> None:
    engineer(local_gate)
    path = f"/invitation/{local_gate.invitations.make(Role.OPERATOR, by=None)}"
    guest = Browser(local_gate)
    answer = guest.post(path, name=name, password=password, repeated=repeated)
    assert answer.json()["error"] == error and answer.status_code in (409, 422)
    assert guest.post(path, name="Lee", password=PASSWORD, repeated=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "a\u202eb", "a\nb\r\nSet-Cookie: x=y", "x" * 10_000, "\x00", "'; --", "%"],
)
def test_hostile_names_at_the_sign_in(gate: Gate, ledger: Ledger, name: str) -> None:
    engineer(gate)
    answer = Browser(gate).sign_in(name)
    assert answer.status_code == 403 and answer.json()["name"] == name
    assert sign_ins(ledger) == [(None, False)]


def test_a_korean_password_however_it_is_typed(gate: Gate) -> None:
    """A Mac sends Hangul in parts (NFD), where others send it whole."""
    import unicodedata

    engineer(gate)
    chosen = "오늘도 무사히 집에 돌아가자 7반"
    path = f"/invitation/{gate.invitations.make(Role.OPERATOR, by=None)}"
    assert Browser(gate).post(path, name="김민지", password=chosen, repeated=chosen).status_code == 303
    parts = [unicodedata.normalize("NFD", text) for text in ("김민지", chosen)]
    assert parts[1] != chosen and Browser(gate).sign_in(*parts).status_code == 303


def test_a_password_is_changed_by_who_knows_it(gate: Gate, ledger: Ledger) -> None:
    actor = engineer(gate)
    browser, other = Browser(gate), Browser(gate)
    browser.sign_in()
    other.sign_in()
    new = "yellow forklift in hall 8"
    fields = {"password": new, "repeated": new}
    assert browser.post("/password", old=WRONG, **fields).json()["error"] == "sec_refused_old"
    assert browser.post("/password", old=PASSWORD, password="short", repeated="short").status_code == 422
    assert browser.post("/password", old=PASSWORD, **fields).status_code == 303
    assert browser.client.get("/people").status_code == 200
    assert other.client.get("/people").status_code == 303, "the other session has ended"
    assert Browser(gate).sign_in().status_code == 403
    assert Browser(gate).sign_in(password=new).status_code == 303
    steps = [e.record for e in ledger.records() if isinstance(e.record, RoleChange)]
    assert (steps[-1].step, steps[-1].actor, steps[-1].person) == ("new_password", actor, actor)


def test_a_new_password_by_link_keeps_name_and_role(gate: Gate) -> None:
    engineer(gate)
    code = gate.invitations.make(Role.AUDITOR, by=None)
    lee = gate.invitations.redeem(code, "Lee", gate.passwords.hash(PASSWORD))
    boss, guest = Browser(gate), Browser(gate)
    boss.sign_in()
    link = boss.post(f"/people/{lee.actor}/link", "/people").json()["link"]
    new = "yellow forklift in hall 8"
    path = f"/invitation/{code_in(link)}"
    assert guest.get(path)["known"] == "Lee"
    assert guest.post(path, name="Somebody else", password=new, repeated=new).status_code == 303
    account = gate.accounts.of(lee.actor)
    assert account is not None and (account.name, account.role) == ("Lee", Role.AUDITOR)
    assert Browser(gate).sign_in("Lee", new).status_code == 303


def test_a_hash_of_older_parameters_is_made_anew_at_the_sign_in(gate: Gate) -> None:
    from argon2 import PasswordHasher

    actor = engineer(gate)
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    gate.accounts.set_password(actor, old)
    assert Browser(gate).sign_in().status_code == 303
    account = gate.accounts.of(actor)
    assert account is not None and "t=1" in account.password
    assert Browser(gate).sign_in().status_code == 303


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/review?a=b", "/review?a=b"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ],
)
def test_a_sign_in_leads_nowhere_else(local_gate: Gate, wanted: str, path: str) -> None:
    engineer(local_gate)
    assert Browser(local_gate).sign_in(next=wanted).headers["location"] == path
