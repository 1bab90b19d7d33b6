"""`gainspect ledger`, from the first key to the first change that is found."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from command_line import Run
from gainspect.jobs import anchor_ledger
from gainspect.ledger import open_ledger
from gainspect.ledger.invitations import Invitations
from gainspect.ledger.keys import read_or_make, usual_key
from gainspect.ledger.records.operation import Role, RoleChange
from ledger_records import Intruder, decision

PICTURE = b"the file of a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    with open_ledger(ledger_url, pictures=tmp_path / "pictures", origin="plant7.example/line3") as opened:
        opened.append(decision("p0", pictures=[SHA256]), [PICTURE])
        opened.append_all([decision(f"p{number}") for number in range(1, 5)])
    return ledger_url


def test_an_anchor_shows_what_was_changed_after_it(run: Run, ledger: str, tmp_path: Path) -> None:
    anchor, pictures = tmp_path / "anchor.txt", ("--pictures", tmp_path / "pictures")
    made = run("ledger", "anchor", ledger, "--out", anchor, "--qr")
    assert made.returncode == 0 and "A key was made" in made.stderr
    note = anchor.read_text(encoding="utf-8")
    assert note.startswith("plant7.example/line3\n5\n") and made.stdout.startswith(note)
    assert "█" in made.stdout
    good = run("ledger", "verify", ledger, "--anchor", anchor, *pictures)
    assert good.returncode == 0
    assert "6 records and their 1 stored image are as they were appended" in good.stdout
    assert "Anchors that hold: 1, the last over 5 records." in good.stdout
    Intruder(ledger).rewrite(3, b'"label":"ok"', b'"label":"ng"')
    bad = run("ledger", "verify", ledger, "--anchor", anchor, *pictures)
    assert (bad.returncode, bad.stderr) == (1, "Wrong: record 3 was changed.\n")


def test_a_key_that_is_not_known_is_asked_for(
    run: Run, ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor, pictures = tmp_path / "anchor.txt", ("--pictures", tmp_path / "pictures")
    run("ledger", "anchor", ledger, "--out", anchor, "--key", tmp_path / "line3.key")
    unknown = run("ledger", "verify", ledger, "--anchor", anchor, *pictures)
    assert unknown.returncode == 2 and "--public-key" in unknown.stderr
    key = ("--public-key", tmp_path / "line3.key.pub")
    assert run("ledger", "verify", ledger, "--anchor", anchor, *key, *pictures).returncode == 0
    again = run("ledger", "anchor", ledger, "--out", anchor)
    assert again.returncode == 2 and "already such a file" in again.stderr


def test_pictures_in_another_place_are_asked_for(run: Run, ledger: str, tmp_path: Path) -> None:
    away = run("ledger", "verify", ledger, "--pictures", tmp_path / "elsewhere")
    assert away.returncode == 1
    assert f"picture {SHA256} of record 0 is missing" in away.stderr and "(--pictures)" in away.stderr


def test_a_terminal_gets_no_control_characters(
    run: Run, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(ledger, create=False) as opened:
        content = opened.append(decision("p\x1b[2J\x9b\u202e")).content
    assert "\\x1b[2J\\x9b\\u202e" in run("ledger", "find", ledger, "--limit", "1").stdout
    whole = run("ledger", "find", ledger, "--limit", "1", "--json").stdout
    assert whole == content.decode() + "\n" and "\u202e" in whole
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = run("ledger", "find", ledger, "--limit", "1", "--json").stdout
    assert json.loads(shown) == json.loads(whole) and shown.strip().isprintable()


def test_export_removal_people_and_clock(run: Run, ledger: str, tmp_path: Path) -> None:
    pictures = ("--pictures", tmp_path / "pictures")
    out = tmp_path / "export"
    refused = run("ledger", "export", ledger, out)
    assert refused.returncode == 2 and "no key to sign with" in refused.stderr
    read_or_make(usual_key("plant7.example/line3"), "plant7.example/line3")
    made = run("ledger", "export", ledger, out, "--record", "3", "--record", "0", "--images", *pictures)
    assert "2 records in" in made.stdout
    assert sorted(file.name for file in out.rglob("*") if file.is_file()) == sorted(
        [SHA256, "checkpoint.txt", "key.pub", "proofs.jsonl", "records.jsonl"]
    )
    removed = run("ledger", "remove-pictures", ledger, "--older-than-days", "0", *pictures)
    assert removed.stdout == "Removed: 1 picture.\n"
    wrong = run("ledger", "remove-pictures", ledger, "--older-than-days", "0", "--label", "bad", *pictures)
    assert wrong.returncode == 2 and "Labels are ok, ng, review" in wrong.stderr
    actor = run("ledger", "person", ledger, "김민수").stdout.strip()
    nobody = run("ledger", "person", ledger, " ")
    assert nobody.returncode == 2 and "the name of the person is empty" in nobody.stderr
    assert run("ledger", "people", ledger).stdout == f"{actor}  김민수\n"
    assert run("ledger", "clock", ledger, "--actor", actor, "--reason", "was in 2099").returncode == 0
    stranger = run("ledger", "clock", ledger, "--actor", "person-0000000000000000", "--reason", "x")
    assert stranger.returncode == 2 and "no person" in stranger.stderr
    for returncode in (0, 2):
        assert run("ledger", "erase", ledger, actor, "--reason", "has left").returncode == returncode
    good = run("ledger", "verify", ledger, *pictures)
    assert good.returncode == 0 and "1 picture removed by rule" in good.stdout
    assert "Without an anchor" in good.stdout
    with open_ledger(ledger, create=False) as opened:
        kinds = [entry.record.kind for entry in opened.records(5)]
    assert kinds == ["pictures_removed", "clock_corrected", "name_erased"]


def test_a_ledger_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    for command in (["anchor"], ["verify"], ["person", "Kim"]):
        name, *rest = command
        refused = run("ledger", name, tmp_path / "none.ledger", *rest)
        assert refused.returncode == 2 and "no such ledger" in refused.stderr
    assert not (tmp_path / "none.ledger").exists()


def test_a_ledger_goes_on_from_an_anchor(run: Run, ledger: str, tmp_path: Path) -> None:
    early, late, proof = (tmp_path / name for name in ("early.txt", "late.txt", "proof.txt"))
    run("ledger", "anchor", ledger, "--out", early)
    run("ledger", "anchor", ledger, "--out", late)
    made = run("ledger", "prove", ledger, early, proof, "--later", late)
    assert made.returncode == 0 and "from 5 records to 6" in made.stdout
    assert proof.read_text(encoding="utf-8").endswith("\n\n" + late.read_text(encoding="utf-8"))
    now = run("ledger", "prove", ledger, early, tmp_path / "now.txt")
    assert now.returncode == 0 and "from 5 records to 7" in now.stdout
    assert run("ledger", "prove", ledger, late, tmp_path / "no.txt", "--later", early).returncode == 2
    again = run("ledger", "prove", ledger, early, proof)
    assert again.returncode == 2 and "already such a file" in again.stderr
    assert not (tmp_path / "no.txt").exists()


def test_questions(run: Run, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("ledger", "find", ledger, "--lot", "lot 7", "--text", "P0", "--from", "2026-03-04", "--json")
    with open_ledger(ledger, create=False) as opened:
        assert found.stdout.encode() == opened.record(0).content + b"\n"
    monkeypatch.setenv("COLUMNS", "80")
    table = run("ledger", "find", ledger, "--limit", "2").stdout
    assert "5 records" in table and "3 older ones are not shown" in table
    assert [line.split()[0] for line in table.splitlines() if "lot 7" in line] == ["4", "3"]
    assert all(len(line) <= 80 for line in table.splitlines())
    since = run("ledger", "since", ledger, "--bundle", "a" * 8, "--list")
    assert "5 parts decided: 0 NG, 0 REVIEW, 5 OK." in since.stdout and "The first: p0, " in since.stdout
    assert "5 records" in since.stdout
    assert "0 records" in run("ledger", "find", ledger, "--to", "2026-03-03").stdout
    for asked in (["find", ledger, "--from", "today"], ["since", ledger, "--challenge", "line 3"]):
        assert run("ledger", *asked).returncode == 2


def test_a_back_up_restores_by_copying(run: Run, ledger: str, tmp_path: Path) -> None:
    anchor, out = tmp_path / "anchor.txt", tmp_path / "backup"
    run("ledger", "anchor", ledger, "--out", anchor)
    made = run("ledger", "backup", ledger, out, "--anchor", anchor, "--pictures", tmp_path / "pictures")
    if ledger.startswith("postgresql:"):
        assert made.returncode == 2 and "pg_dump" in made.stderr
        return
    assert made.returncode == 0 and "6 records and their 1 stored image in" in made.stdout
    shutil.copytree(out, tmp_path / "restored")
    restored = tmp_path / "restored" / Path(ledger).name
    good = run("ledger", "verify", restored, "--anchor", anchor)
    assert good.returncode == 0 and "Anchors that hold: 1, the last over 5 records." in good.stdout


def test_an_anchor_that_no_station_takes_is_not_recorded(run: Run, ledger: str, tmp_path: Path) -> None:
    out = tmp_path / "anchor.txt"
    refused = run("ledger", "anchor", ledger, "--post", "ftp://station/anchors", "--out", out)
    assert refused.returncode == 2 and "nothing can be posted to this address" in refused.stderr
    with open_ledger(ledger, create=False) as opened:
        assert opened.head().size == 5
    assert not out.exists()


def test_an_anchor_is_posted_as_it_is_printed(run: Run, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, str]] = []
    monkeypatch.setattr(anchor_ledger, "post_note", lambda url, note: taken.append((url, note)))
    made = run("ledger", "anchor", ledger, "--post", "http://station/anchors")
    ((url, note),) = taken
    assert url == "http://station/anchors" and made.stdout == f"{note}The station has taken it.\n"


def test_an_invitation_for_when_nobody_can_sign_in(run: Run, ledger: str) -> None:
    actor = run("ledger", "person", ledger, "김민수").stdout.strip()
    link = run(
        "ledger", "invite", ledger, "--url", "https://line3.example/", "--person", actor
    ).stdout.strip()
    assert link.startswith("https://line3.example/invitation/")
    with open_ledger(ledger) as opened:
        invitations = Invitations(opened)
        account = invitations.redeem(link.rpartition("/")[2], "", "hash")
        assert (account.actor, account.name, account.role) == (actor, "김민수", Role.ENGINEER)
        told = [entry.record for entry in opened.records(5) if isinstance(entry.record, RoleChange)]
        assert [(one.step, one.actor, one.reason) for one in told] == [
            ("invited", None, "command line"),
            ("joined", None, ""),
        ]
    assert run("ledger", "invite", ledger, "--role", "operator").stdout.startswith("/invitation/")
    for wrong in (("--role", "king"), ("--person", "person-0000000000000000")):
        refused = run("ledger", "invite", ledger, *wrong)
        assert refused.returncode == 2 and "there is no" in refused.stderr
