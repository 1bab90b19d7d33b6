"""Passwords: argon2 against vectors of its reference, and which ones may be chosen."""

import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from gainspect.serve.security.passwords import LONGEST, SHORTEST, Passwords, fault_of
from security_app import PASSWORD, quick_passwords

# phc-winner-argon2, src/test.c, version 0x13: password, and its hash as Argon2id with 64 MiB, or 256 KiB.
VECTORS = [
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    (
        "differentpassword",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
    ),
]


@pytest.mark.parametrize(("password", "stored"), VECTORS)
def test_hashes_are_those_of_the_reference(password: str, stored: str) -> None:
    passwords = quick_passwords()
    assert passwords.verify(stored, password)
    assert not passwords.verify(stored, password + " ") and not passwords.verify(stored, "")
    assert passwords.is_outdated(stored)


def test_new_hashes_have_the_parameters_that_the_library_recommends() -> None:
    passwords, recommended = Passwords(), PasswordHasher()
    stored = passwords.hash(PASSWORD)
    assert stored.startswith(
        f"$argon2id$v=19$m={recommended.memory_cost},t={recommended.time_cost},p={recommended.parallelism}$"
    )
    assert recommended.memory_cost >= 19 * 1024, "OWASP: 19 MiB at least"
    assert not passwords.is_outdated(stored)
    assert passwords.verify(stored, PASSWORD) and stored != passwords.hash(PASSWORD)


@pytest.mark.parametrize("stored", [None, "", "nothing", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AA"])
def test_what_is_no_hash_lets_nobody_in(stored: str | None) -> None:
    assert not quick_passwords().verify(stored, PASSWORD)


@given(st.text(max_size=40))
def test_any_text_is_a_password_however_it_is_composed(text: str) -> None:
    passwords = quick_passwords()
    stored = passwords.hash(unicodedata.normalize("NFD", text))
    assert passwords.verify(stored, unicodedata.normalize("NFC", text))


@given(st.text(st.characters(codec="utf-8"), max_size=2 * LONGEST))
def test_length_counts_composed_characters_and_nothing_else_is_asked_for(text: str) -> None:
    length, fault = len(unicodedata.normalize("NFC", text)), fault_of(text)
    assert (fault == "too_short") == (length < SHORTEST)
    assert (fault == "too_long") == (length > LONGEST)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaaaaa",
        "121212121212121212",
        "123456789012345",
        "1234567890123456",
        "passwordpassword",
        "Password-Password-123",
        "qwertyuiopasdfghjkl",
        "Gainspect2026Gainspect",
        "김민수김민수비밀번호비밀번호1234",
        "kimminsu kimminsu 2026",
        "비밀번호비밀번호비밀번호1234",
        "qlalfqjsghqlalfqjsgh",
        "               ",
        "!!!!!!!!!!!!!!!!!!",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert fault_of(password, "김민수 KimMinsu") == "too_common"


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "correct horse battery staple",
        "password is never what I take",
        "오늘도 무사히 집에 돌아가자 7반",
        "384619205578231",
        "🔧🔩🪛🧰🪚 spare parts",
        "a" * (LONGEST - 5) + "bcdef",
    ],
)
def test_what_nobody_guesses_first_is_taken(password: str) -> None:
    assert fault_of(password, "김민수 KimMinsu") is None
