"""Checkpoints (C2SP tlog-checkpoint): size and root of a ledger, signed. One kept elsewhere is an anchor.

https://c2sp.org/tlog-checkpoint: lines with the origin, the size and the root in Base64.
"""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gainspect.errors import GainspectError
from gainspect.ledger.merkle import HASH_BYTES
from gainspect.ledger.note import Signer, Verifier, opened_note

_SIZE = re.compile("0|[1-9][0-9]{0,18}")
_LONGEST_FILE = 1_000_000


@dataclass(frozen=True)
class Checkpoint:
    """What a ledger held when this was signed."""

    origin: str
    """Name of the ledger."""
    size: int
    """Number of its records."""
    root: bytes
    """Root of the tree over them."""

    def to_text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, signer: Signer, *extensions: str) -> str:
        """The signed note.

        Args:
            signer: signs it.
            extensions: further lines, which are signed too.
        """
        return signer.sign(self.to_text() + "".join(f"{line}\n" for line in extensions))

    @classmethod
    def parse(cls, text: str) -> Self:
        """A checkpoint from the text of its note. Further lines (extensions) are passed over.

        Raises:
            GainspectError: it is none.
        """
        try:
            origin, size, root, *_ = text.split("\n")
            content = base64.b64decode(root, validate=True)
        except ValueError as error:
            raise _no_checkpoint() from error
        if not origin or not _SIZE.fullmatch(size) or len(content) != HASH_BYTES:
            raise _no_checkpoint()
        return cls(origin, int(size), content)

    @classmethod
    def opened(cls, note: str, verifier: Verifier) -> Self:
        """The checkpoint in a note that a key has signed.

        Raises:
            GainspectError: it is none, or this key has not signed it.
        """
        return cls.parse(opened_note(note, verifier))


def read_anchor(path: Path, verifier: Verifier) -> Checkpoint:
    """The checkpoint in a file.

    Raises:
        GainspectError: it holds none, this key has not signed it, or it cannot be read.
    """
    try:
        if path.stat().st_size > _LONGEST_FILE:
            raise _no_checkpoint()
        return Checkpoint.opened(path.read_text(encoding="utf-8"), verifier)
    except OSError as error:
        raise GainspectError(f"cannot read the anchor ({error.strerror or error})", where=path) from error
    except UnicodeDecodeError as error:
        raise GainspectError("this is no signed checkpoint", where=path) from error
    except GainspectError as error:
        raise GainspectError(error.what, where=path, hint=error.hint) from error


def _no_checkpoint() -> GainspectError:
    return GainspectError("this is no signed checkpoint")
