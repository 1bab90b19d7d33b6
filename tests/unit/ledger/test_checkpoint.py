import base64
import hashlib
import itertools
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.ledger.checkpoint import Checkpoint, read_anchor
from gainspect.ledger.keys import public_of, read_or_make, read_public, usual_key
from gainspect.ledger.note import Signer, Verifier, opened_note

# The example of Go's golang.org/x/mod/sumdb/note.
KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = f"""{TEXT}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""
CHECKPOINT = Checkpoint("plant7.example/line3", 5, hashlib.sha256(b"root").digest())
SIGNER = Signer("plant7.example/line3", bytes(range(32)))


def test_keys_and_notes_are_those_of_go() -> None:
    signer, verifier = Signer.parse(KEY), Verifier.parse(PUBLIC)
    assert signer.verifier == verifier
    assert signer.to_text() == KEY and str(verifier) == PUBLIC
    assert signer.sign(TEXT) == NOTE
    assert opened_note(NOTE, verifier) == TEXT


def test_a_checkpoint_is_three_lines() -> None:
    root = base64.b64encode(CHECKPOINT.root).decode()
    assert CHECKPOINT.to_text() == f"plant7.example/line3\n5\n{root}\n"
    assert Checkpoint.parse(CHECKPOINT.to_text() + "an extension\n") == CHECKPOINT


def test_openssl_takes_the_signature(tmp_path: Path) -> None:
    text, _, signature = CHECKPOINT.signed(SIGNER).rpartition("\n\n")
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(signature.split()[-1])[4:])
    der = bytes.fromhex("302a300506032b6570032100") + SIGNER.verifier.public  # RFC 8410, 4
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"
    (tmp_path / "key").write_text(pem)
    asked = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "key",
        "-rawin",
        "-in",
        "text",
        "-sigfile",
        "signature",
    ]
    assert subprocess.run(asked, cwd=tmp_path, capture_output=True).returncode == 0


@given(st.integers(0, 400), st.characters(exclude_categories=["Cs"]))
def test_a_note_with_another_letter_is_not_taken(place: int, letter: str) -> None:
    note = CHECKPOINT.signed(SIGNER)
    changed = note[: place % len(note)] + letter + note[place % len(note) + 1 :]
    if changed != note:
        with pytest.raises(GainspectError):
            Checkpoint.opened(changed, SIGNER.verifier)


def test_signatures_of_others_are_passed_over() -> None:
    other = Signer("witness.example", bytes(32))
    both = CHECKPOINT.signed(SIGNER) + CHECKPOINT.signed(other).rpartition("\n\n")[2]
    assert Checkpoint.opened(both, SIGNER.verifier) == CHECKPOINT
    assert Checkpoint.opened(both, other.verifier) == CHECKPOINT
    with pytest.raises(GainspectError, match=r"but by plant7\.example/line3, witness\.example"):
        Checkpoint.opened(both, Verifier.parse(PUBLIC))


@pytest.mark.parametrize(
    "text",
    ["", "name\n", "name\n05\nAAAA\n", "name\n5\nAAAA\n", "name\n-1\n" + "A" * 43 + "=\n", "name\n5\n!\n"],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(GainspectError, match="no signed checkpoint"):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text", ["", "a+b", "a+c74f20a3+AAAA", PUBLIC.replace("c7", "c8"), KEY.replace("c7", "c8")]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    for kind in (Verifier, Signer):
        with pytest.raises(GainspectError, match="no Ed25519 key"):
            kind.parse(text)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "line3.key"
    made = read_or_make(path, "plant7.example/line3")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_make(path, "another") == made
    assert read_public(public_of(path)) == made.verifier
    assert "private" not in repr(made)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "line3.key"
    read_or_make(path, "line3")
    path.chmod(0o640)
    with pytest.raises(GainspectError, match="others may read this key"):
        read_or_make(path, "line3")


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "line3.key"
    path.write_bytes(b"\xff")
    path.chmod(0o600)
    with pytest.raises(GainspectError, match="holds no private key"):
        read_or_make(path, "line3")
    with pytest.raises(GainspectError, match="holds no public key"):
        read_public(path)
    with pytest.raises(GainspectError, match="cannot read the public key"):
        read_public(tmp_path / "none")


def test_the_usual_key_lies_with_the_users_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert usual_key("plant7.example/line3") == tmp_path / "gainspect" / "plant7.example_line3.key"


def test_ledgers_of_similar_names_have_keys_of_their_own() -> None:
    names = ["".join(signs) for signs in itertools.product("a/_%", repeat=4)]
    names += ["a%5Fb", "a_b", "a/b", "a%b", "a%25b"]
    assert len(set(map(usual_key, names))) == len(names)


def test_a_lost_public_key_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "line3.key"
    made = read_or_make(path, "line3")
    public_of(path).unlink()
    assert read_or_make(path, "line3") == made
    assert read_public(public_of(path)) == made.verifier


def test_an_anchor_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "anchor.txt"
    path.write_text(CHECKPOINT.signed(SIGNER), encoding="utf-8")
    assert read_anchor(path, SIGNER.verifier) == CHECKPOINT
    path.write_bytes(b"\xff\n\n\n")
    for wrong in (path, tmp_path / "none"):
        with pytest.raises(GainspectError, match=str(wrong)):
            read_anchor(wrong, SIGNER.verifier)
