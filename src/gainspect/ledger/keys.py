"""Files of keys: the private one for its owner alone (mode 600), the public one beside it."""

import contextlib
import os
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.files import cannot_write, write_text
from gainspect.ledger.note import Signer, Verifier

_MODE = 0o600
_FOLDER = "gainspect"
PUBLIC = ".pub"
"""Suffix of a public key's file."""


def usual_key(origin: str) -> Path:
    """Where the private key for the anchors of a ledger usually lies: with the user's settings.

    Not beside the ledger: whoever may change a ledger need not be able to sign. A slash becomes `_`, and `_`
    becomes `%5F`, so that each origin has a file of its own.
    """
    settings = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    name = origin.replace("%", "%25").replace("_", "%5F").replace("/", "_")
    return Path(settings) / _FOLDER / f"{name}.key"


def read_or_make(path: Path, name: str) -> Signer:
    """The private key in a file; made, with its public key in FILE.pub, if there is no such file.

    A public key that was lost is written again from the private one, where the folder can be written.

    Args:
        path: of the file.
        name: of a new key: the origin of the ledger.

    Raises:
        GainspectError: the file holds no key, others may read it, or it cannot be read or written.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return _made(path, name)
    except OSError as error:
        raise GainspectError(f"cannot read the key ({error.strerror or error})", where=path) from error
    with os.fdopen(descriptor, encoding="utf-8") as file:
        if os.name == "posix" and os.fstat(descriptor).st_mode & 0o077:
            raise GainspectError("others may read this key", where=path, hint=f"chmod 600 {path}.")
        try:
            signer = Signer.parse(file.read())
        except (GainspectError, UnicodeDecodeError) as error:
            raise GainspectError("this file holds no private key", where=path) from error
    if not public_of(path).exists():
        with contextlib.suppress(GainspectError):
            write_text(public_of(path), f"{signer.verifier}\n")
    return signer


def read_private(path: Path, name: str) -> Signer:
    """The private key in a file that is there: a new one would be known to nobody who verifies.

    Args:
        path: of the file.
        name: see `read_or_make`.

    Raises:
        GainspectError: see `read_or_make`; or there is none.
    """
    if not path.exists():
        raise GainspectError(
            "there is no key to sign with",
            where=path,
            hint="`gainspect ledger anchor` makes one; give its public key to those who verify.",
        )
    return read_or_make(path, name)


def read_public(path: Path) -> Verifier:
    """The public key in a file.

    Raises:
        GainspectError: it holds none, or cannot be read.
    """
    try:
        return Verifier.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GainspectError(f"cannot read the public key ({error.strerror or error})", where=path) from error
    except (GainspectError, UnicodeDecodeError) as error:
        raise GainspectError("this file holds no public key", where=path) from error


def _made(path: Path, name: str) -> Signer:
    signer = Signer.new(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never for others, not even for a moment; and never over a key that another process makes now.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(signer.to_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error
    write_text(public_of(path), f"{signer.verifier}\n")
    return signer


def public_of(path: Path) -> Path:
    """The file of the public key beside that of the private one."""
    return path.with_name(path.name + PUBLIC)
