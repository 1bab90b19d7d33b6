"""Passwords: which ones people may choose (NIST SP 800-63B-4), and how they are kept (argon2id)."""

import secrets
import unicodedata
from enum import StrEnum
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gainspect.names import composed

SHORTEST = 15
"""Characters; what the standard asks for where the password is all that is asked for."""
LONGEST = 128
_FEWEST_DIFFERENT = 5
_COMMON = frozenset(Path(__file__).with_name("common_words.txt").read_text(encoding="utf-8").split())
"""Words and runs of keys that guesses begin with; of Korean ones also what a Latin keyboard makes of them."""


class PasswordFault(StrEnum):
    """Why a password is refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_COMMON = "too_common"
    """It is made of nothing but common words, runs of keys, or names that everybody knows here."""


def fault_of(password: str, name: str = "") -> PasswordFault | None:
    """Why a password cannot be chosen; None: it can. Any characters may be in it, and none must.

    Args:
        password: as it was typed. A character is a code point of its composed form (NFC).
        name: of the person.

    >>> print(fault_of("blue forklift in hall 7"), fault_of("PasswordPassword123"), fault_of("오늘도 무사히"))
    None too_common too_short
    """
    chosen = composed(password)
    if len(chosen) < SHORTEST:
        return PasswordFault.TOO_SHORT
    if len(chosen) > LONGEST:
        return PasswordFault.TOO_LONG
    return PasswordFault.TOO_COMMON if _is_common(chosen, name) else None


class Passwords:
    """Hashes passwords, with the parameters that argon2-cffi recommends.

    Args:
        hasher: with other parameters.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self.hash(secrets.token_urlsafe())
        """Of nobody's password: a name that nobody has costs the same time as a wrong password."""

    def hash(self, password: str) -> str:
        """What is stored of a password."""
        return self._hasher.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password.

        Args:
            stored: its hash; None: there is no such person. That takes as long.
            password: as it was typed.
        """
        try:
            return self._hasher.verify(stored or self._nobody, _bytes(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)


def _bytes(password: str) -> bytes:
    return composed(password).encode("utf-8", "surrogatepass")


def _is_common(password: str, name: str) -> bool:
    """Whether it has hardly any different characters, or falls into common words and nothing else."""
    folded = "".join(one for one in password.casefold() if unicodedata.category(one)[0] in "LN")
    if len(set(folded)) < _FEWEST_DIFFERENT:
        return True
    own = {word for word in composed(name).casefold().split() if len(word) > 1}
    words = _COMMON | own | {"".join(own)} - {""}
    ends = {0}
    for end in range(1, len(folded) + 1):
        if any(folded.endswith(word, 0, end) and end - len(word) in ends for word in words):
            ends.add(end)
    return len(folded) in ends
