"""Signed notes (C2SP signed-note), by Ed25519 keys: text, an empty line, and a line for each signature.

https://c2sp.org/signed-note. Keys are written as Go's `sumdb/note` writes them.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gainspect.errors import GainspectError

_ED25519 = b"\x01"
"""Kind of key and signature."""
_HASH_BYTES, _KEY_BYTES = 4, 32
_PRIVATE = "PRIVATE+KEY"
_DASH = "— "
_LONGEST_NOTE = 1_000_000


@dataclass(frozen=True)
class Verifier:
    """A public key with its name."""

    name: str
    public: bytes
    """32 bytes."""

    @property
    def key_hash(self) -> bytes:
        """The 4 bytes by which a signature says that it is of this key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_HASH_BYTES]

    def __str__(self) -> str:
        """The key as text: NAME+HASH+BASE64."""
        return f"{self.name}+{self.key_hash.hex()}+{_base64(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text.

        Raises:
            GainspectError: it is none.
        """
        name, stated, key = _key_of(text.strip().split("+", 2))
        found = cls(name, key)
        if found.key_hash.hex() != stated:
            raise _no_key()
        return found

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether a signature is of this text by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key with its name."""

    name: str
    private: bytes = field(repr=False)
    """32 bytes."""

    @classmethod
    def new(cls, name: str) -> Self:
        """A key that nobody else has."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> Verifier:
        """The public key of it."""
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    def to_text(self) -> str:
        """The private key as text: PRIVATE+KEY+NAME+HASH+BASE64."""
        return f"{_PRIVATE}+{self.name}+{self.verifier.key_hash.hex()}+{_base64(_ED25519 + self.private)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A private key from its text.

        Raises:
            GainspectError: it is none.
        """
        rest = text.strip().removeprefix(f"{_PRIVATE}+")
        if rest == text.strip():
            raise _no_key()
        name, stated, key = _key_of(rest.split("+", 2))
        found = cls(name, key)
        if found.verifier.key_hash.hex() != stated:
            raise _no_key()
        return found

    def sign(self, text: str) -> str:
        """The signed note of a text, which ends with a line feed."""
        if not text.endswith("\n"):
            raise ValueError("the text of a note ends with a line feed")
        signature = self.verifier.key_hash + self._key.sign(text.encode())
        return f"{text}\n{_DASH}{self.name} {_base64(signature)}\n"

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private)


def opened_note(note: str, verifier: Verifier) -> str:
    """The text of a note that a key has signed. Signatures of other keys are passed over.

    Raises:
        GainspectError: this is no signed note, or this key has not signed it.
    """
    text, signatures = split_note(note)
    for name, key_hash, signature in signatures:
        if (name, key_hash) == (verifier.name, verifier.key_hash):
            if verifier.signed(text, signature):
                return text
            raise GainspectError(f"the signature of {name} does not fit the text: one of them was changed")
    others = ", ".join(name for name, _, _ in signatures)
    raise GainspectError(
        f"this is not signed by the key {verifier}, but by {others}",
        hint="Name the public key that signed it.",
    )


def split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text and signatures (name, hash of the key, signature) of a signed note; nothing is verified.

    Raises:
        GainspectError: this is none.
    """
    head, between, tail = note.rpartition("\n\n")
    if not between or not tail.endswith("\n") or len(note) > _LONGEST_NOTE:
        raise GainspectError("this is no signed note")
    return head + "\n", [_signature(line) for line in tail[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        content = b""
    if not line.startswith(_DASH) or not name or "+" in name or len(content) <= _HASH_BYTES:
        raise GainspectError("this is no signed note: a line of its signatures is none")
    return name, content[:_HASH_BYTES], content[_HASH_BYTES:]


def _key_of(pieces: list[str]) -> tuple[str, str, bytes]:
    """Name, stated hash and key."""
    try:
        name, stated, encoded = pieces
        content = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise _no_key() from error
    if content[:1] != _ED25519 or len(content) != 1 + _KEY_BYTES or not name:
        raise _no_key()
    return name, stated, content[1:]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _no_key() -> GainspectError:
    return GainspectError("this is no Ed25519 key", hint="It is a line such as NAME+c74f20a3+ARpc2QcU….")
