"""Codes that let somebody in: random, told once, and stored only as hashes."""

import hashlib
import secrets

_BYTES = 32


def new_code() -> str:
    """256 random bits, as 43 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(_BYTES)


def code_hash(code: str) -> str:
    """What is stored of a code: its SHA-256. A slow hash is for what people choose; nobody guesses 256 bits.

    >>> code_hash("abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
