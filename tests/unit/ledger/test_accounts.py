"""Tables beside the tree: accounts, invitations, sessions, devices, tokens, attempts, claims."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.account_faults import AccountError
from gainspect.ledger.accounts import Accounts, Role, require_name, sign_in_name
from gainspect.ledger.attempts import Attempts, Limit
from gainspect.ledger.backup import back_up
from gainspect.ledger.claims import Claims
from gainspect.ledger.invitations import Invitations
from gainspect.ledger.known_devices import KnownDevices
from gainspect.ledger.records.operation import RoleChange, TokenChange
from gainspect.ledger.sessions import Sessions
from gainspect.ledger.tokens import PREFIX, Tokens
from gainspect.ledger.verification import verify
from ledger_records import AT, BESIDE_THE_TREE, Intruder, decision

HASH = "$argon2id$…"
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


def person(ledger: Ledger, name: str, role: Role) -> str:
    invitations = Invitations(ledger)
    return invitations.redeem(invitations.make(role, by=None), name, HASH).actor


def test_a_ledger_of_the_third_version_gets_the_tables(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        entry = ledger.append(decision())
    intruder = Intruder(ledger_url)
    for table in BESIDE_THE_TREE:
        intruder.run(f"DROP TABLE {table}")
    for index in ("newest", "waiting"):  # of the fifth
        intruder.run(f"DROP INDEX IF EXISTS ledger_records_{index}")
    intruder.run("UPDATE ledger_version SET version_num = '3'")
    with open_ledger(ledger_url, create=False) as ledger:
        assert ledger.record(0).content == entry.content
        actor = person(ledger, "Kim", Role.ENGINEER)
        assert [account.actor for account in Accounts(ledger).all()] == [actor]
        assert not verify(ledger).faults


def test_what_is_beside_the_tree_may_change_and_all_verifies(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        person(ledger, "Kim", Role.ENGINEER)
        Tokens(ledger).make("camera", "line 3", by=None)
        root = ledger.head().root
        intruder = Intruder(ledger_url)
        for table in BESIDE_THE_TREE:
            intruder.run(f"DELETE FROM {table}")
        found = verify(ledger)
        assert (found.faults, found.size, found.root) == ([], 3, root)


def test_a_refused_change_changes_neither_table_nor_tree(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        actor, accounts = person(ledger, "Kim", Role.ENGINEER), Accounts(ledger)
        size = ledger.head().size
        for change in (
            lambda: accounts.set_role(actor, Role.OPERATOR, by=actor),
            lambda: accounts.set_disabled(actor, True, by=actor),
            lambda: accounts.set_role("person-0000000000000000", Role.OPERATOR, by=actor),
        ):
            with pytest.raises(AccountError):
                change()
        account = accounts.of(actor)
        assert account is not None and account.role is Role.ENGINEER and not account.disabled
        accounts.set_role(actor, Role.ENGINEER, by=actor)
        assert ledger.head().size == size, "what is so already is no change"


def test_a_person_of_the_ledger_gets_an_account(ledger_url: str) -> None:
    """Who was named by `gainspect ledger person` keeps pseudonym and name."""
    with open_ledger(ledger_url) as ledger:
        actor, invitations = ledger.people.add("김민수"), Invitations(ledger)
        account = invitations.redeem(invitations.make(Role.OPERATOR, by=None, actor=actor), "", HASH)
        assert (account.actor, account.name, account.role) == (actor, "김민수", Role.OPERATOR)
        assert [*ledger.people.all()] == [(actor, "김민수")]
        steps = [e.record for e in ledger.records() if isinstance(e.record, RoleChange)]
        assert [(step.step, step.person) for step in steps] == [("invited", actor), ("joined", actor)]
        ledger.people.erase(actor)
        assert Accounts(ledger).all() == [] and Accounts(ledger).named("김민수") is None
        with pytest.raises(AccountError):
            invitations.make(Role.OPERATOR, by=None, actor=actor)


def test_an_erased_name_is_in_no_file_of_sqlite(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger") as ledger:
        actor = person(ledger, "Kim Min-su", Role.ENGINEER)
        assert any(b"kim min-su" in file.read_bytes() for file in tmp_path.iterdir())
        ledger.people.erase(actor)
        names = (b"kim min-su", b"Kim Min-su")
        assert not any(name in file.read_bytes() for file in tmp_path.iterdir() for name in names)


def test_a_back_up_keeps_accounts_and_tokens_and_no_session(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger") as ledger:
        actor = person(ledger, "Kim", Role.ENGINEER)
        token = Tokens(ledger).make("camera", "line 3", by=actor)
        session = Sessions(ledger.database, HOUR, HOUR).begin(actor)
        KnownDevices(ledger.database).add(actor, None)
        Attempts(ledger.database).begin([Limit("address", 5, HOUR)])
        Claims(ledger.database).take("decision", actor, 60)
        link = Invitations(ledger).make(Role.ENGINEER, by=actor)
        back_up(ledger, tmp_path / "backup", "line.ledger")
        assert Sessions(ledger.database, HOUR, HOUR).of(session) is not None
    with open_ledger(tmp_path / "backup" / "line.ledger", create=False) as restored:
        assert [account.actor for account in Accounts(restored).all()] == [actor]
        known = Tokens(restored).of(token)
        assert known is not None and known.station == "line 3"
        assert Sessions(restored.database, HOUR, HOUR).of(session) is None
        with pytest.raises(AccountError):
            Invitations(restored).look(link)
    intruder = Intruder(str(tmp_path / "backup" / "line.ledger"))
    counts = {table: intruder.run(f"SELECT COUNT(*) FROM {table}")[0][0] for table in BESIDE_THE_TREE}
    assert {table for table, count in counts.items() if count} == {"ledger_accounts", "ledger_tokens"}


def test_tokens_are_recorded_without_what_lets_in(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        actor, tokens = ledger.people.add("Kim"), Tokens(ledger)
        token = tokens.make("camera 2", "line 3", by=actor)
        assert token.startswith(PREFIX) and len(token) == len(PREFIX) + 43
        (known,) = tokens.all()
        tokens.revoke(known.id, by=actor)
        tokens.revoke(known.id, by=actor)
        with pytest.raises(AccountError):
            tokens.revoke("0" * 16, by=actor)
        records = [e.record for e in ledger.records() if isinstance(e.record, TokenChange)]
        said = [(r.step, r.token, r.name, r.station, r.actor) for r in records]
        assert said == [(step, known.id, "camera 2", "line 3", actor) for step in ("made", "revoked")]
        assert not any(token.encode() in entry.content for entry in ledger.records())


def test_two_people_never_have_the_same_decision(ledger_url: str) -> None:
    clock = Clock()
    with open_ledger(ledger_url) as ledger:
        claims, kim, lee = Claims(ledger.database, clock), "person-" + "1" * 16, "person-" + "2" * 16
        assert claims.take("d1", kim, 60) and not claims.take("d1", lee, 60)
        assert claims.take("d2", lee, 60) and claims.holders() == {"d1": kim, "d2": lee}
        claims.release("d1", lee)
        assert not claims.take("d1", lee, 60)
        clock.now += timedelta(seconds=59)
        assert claims.take("d1", kim, 60), "kept for longer"
        clock.now += timedelta(seconds=59)
        assert claims.holders() == {"d1": kim}
        clock.now += timedelta(seconds=1)
        assert claims.holders() == {} and claims.take("d1", lee, 60)
        claims.release("d1", lee)
        assert claims.holders() == {}
        people = [f"person-{number:016x}" for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            won = [*pool.map(lambda actor: claims.take("d3", actor, 60), people)]
        assert sum(won) == 1 and claims.holders() == {"d3": people[won.index(True)]}


@given(st.integers(0, 200), st.integers(0, 20), st.integers(0, 100_000))
def test_delays_grow_to_their_limit(failures: int, free: int, longest: int) -> None:
    limit = Limit("address", free, timedelta(seconds=longest))
    delays = [limit.delay(count).total_seconds() for count in range(failures + 1)]
    expected = [
        0 if count <= free else min(2 ** (count - free - 1), longest) for count in range(failures + 1)
    ]
    assert delays == expected


def test_a_clock_that_was_set_back_makes_nobody_wait_longer(ledger_url: str) -> None:
    clock = Clock()
    with open_ledger(ledger_url) as ledger:
        attempts, limits = Attempts(ledger.database, clock), [Limit("address", 0, timedelta(seconds=60))]
        for _ in range(10):
            assert not attempts.begin(limits)
            clock.now += timedelta(seconds=60)
        clock.now -= timedelta(days=300)
        assert attempts.begin(limits) == timedelta(seconds=60)
        clock.now += timedelta(days=301)
        assert not attempts.begin(limits)
        assert attempts.begin(limits) == timedelta(seconds=1), "after a day, counting begins anew"
        attempts.succeeded([], limits)
        assert not attempts.begin(limits)


def test_a_browser_is_known_by_a_code_that_the_ledger_gave(ledger_url: str) -> None:
    clock = Clock()
    with open_ledger(ledger_url) as ledger:
        devices = KnownDevices(ledger.database, clock)
        code = devices.add("person-1", "given by somebody else")
        assert code != "given by somebody else"
        assert devices.add("person-2", code) == code
        assert devices.knows(code, "person-1") and devices.knows(code, "person-2")
        assert not devices.knows(code, "person-3") and not devices.knows(code, "")
        clock.now += timedelta(days=180)
        assert not devices.knows(code, "person-1")


@given(st.text(max_size=120))
def test_a_name_is_refused_or_compared_without_how_it_was_typed(text: str) -> None:
    try:
        shown = require_name(text)
    except AccountError:
        return
    assert shown.isprintable() or " " in shown
    assert sign_in_name(shown) == sign_in_name(f"  {shown}  ") == sign_in_name(sign_in_name(shown)) != ""
    assert "\n" not in shown and "\u202e" not in shown and 0 < len(shown) <= 100


def test_a_lost_answer_is_no_second_invitation(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `Database.write` does after a lost connection: the same work once more, done before or not."""
    with open_ledger(ledger_url) as ledger:
        whole = ledger.database.write

        def twice(work: Callable[..., object]) -> object:
            whole(work)
            return whole(work)

        monkeypatch.setattr(ledger.database, "write", twice)
        actor = person(ledger, "Kim", Role.ENGINEER)
        Accounts(ledger).set_password(actor, "other")
        token = Tokens(ledger).make("camera", "line 3", by=actor)
        monkeypatch.undo()
        assert Tokens(ledger).of(token) is not None
        kinds = [entry.record.kind for entry in ledger.records()]
        assert kinds == ["role_change"] * 3 + ["token_change"]
        assert not verify(ledger).faults


def test_a_session_that_only_a_page_asks_for_ends_without_use(tmp_path: Path) -> None:
    clock = Clock()
    with open_ledger(tmp_path / "line.ledger") as ledger:
        sessions = Sessions(ledger.database, HOUR, 12 * HOUR, clock)
        code = sessions.begin(person(ledger, "Kim", Role.OPERATOR))
        clock.now += 0.9 * HOUR
        assert sessions.of(code, used=False) is not None
        clock.now += 0.2 * HOUR
        assert sessions.of(code) is None


def test_no_session_is_of_somebody_who_has_no_account(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        sessions = Sessions(ledger.database, HOUR, HOUR)
        assert sessions.of(sessions.begin("person-0000000000000000")) is None
        assert sessions.of("") is None
    assert issubclass(AccountError, GainspectError)
