"""What a verdict is of and what it was made with: by this one judged before is known, and none are mixed."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gainspect.errors import GainspectError

OTHER_OUT = "Choose another --out"
"""How to keep verdicts apart, as part of a sentence."""
_WORDS = {"policy_id": "policy", "check": "check of reasons", "bits": "bits of 16-bit images"}
_SHA256 = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


@dataclass(frozen=True)
class Settings:
    """What all verdicts of a journal were made with."""

    bundle: str | None
    """SHA-256 of the bundle."""
    policy_id: str | None
    runtime: str
    precision: str
    check: bool
    """Whether reasons were checked."""
    bits: int | None = None
    """Bits that 16-bit images use."""
    parts: str | None = None
    """Which images are decided together (see `part_names.rule_of`); None: each is decided alone."""


class Key(NamedTuple):
    """What a verdict is of, and what it was made with: of one key there is one verdict."""

    image: str
    """The file's path or URI, as `names.escaped` writes it."""
    part: str | None
    sha256: str | None
    """Of the file; None: it could not be read."""
    bundle: str | None
    policy_id: str | None
    runtime: str
    precision: str
    check: bool


def key_of(image: str, part: str | None, sha256: str | None, settings: Settings) -> Key:
    """The key of an image's verdict.

    Args:
        image: the file's path or URI, as `names.escaped` writes it.
        part: the part that it shows; None: it is decided alone.
        sha256: of the file.
        settings: what it is judged with.
    """
    made_with = (settings.bundle, settings.policy_id, settings.runtime, settings.precision, settings.check)
    return Key(image, part, sha256, *made_with)


def key_in(record: Mapping[str, Any] | None, settings: Settings) -> Key | None:
    """The key of the verdict that a record holds; None: there is none, perhaps because of an error.

    Args:
        record: what is written of an image (see `stream.record_of`).
        settings: what it was judged with.
    """
    if record is None or record["verdict"] is None:
        return None
    return key_of(record["image"], record.get("part"), record.get("sha256"), settings)


def require_same(file: Path, settings: Settings, verdicts: Path) -> None:
    """Refuse to mix verdicts that were made with different settings.

    Args:
        file: where the settings of the verdicts are stored.
        settings: what new verdicts are made with.
        verdicts: the file of the verdicts.

    Raises:
        GainspectError: they differ, or those of the verdicts are not known.
    """
    try:
        stored = file.read_bytes()
    except FileNotFoundError:
        stored = None
    except OSError as error:
        raise GainspectError(
            f"cannot read the settings of the verdicts ({error})", where=file, hint=f"{OTHER_OUT}."
        ) from error
    require_same_settings(stored, settings, file=file, verdicts=verdicts)


def require_same_settings(
    stored: bytes | None, settings: Settings, *, file: str | Path, verdicts: str | Path
) -> None:
    """The same, for settings that were read.

    Args:
        stored: the content of their file; None: there is no such file.
        settings: what new verdicts are made with.
        file: where they are stored, for errors.
        verdicts: where the verdicts are, for errors.

    Raises:
        GainspectError: they differ, or those of the verdicts are not known.
    """
    hint = f"{OTHER_OUT}, or delete this file to judge its images again."
    if stored is None:
        raise GainspectError(
            f"with which settings these verdicts were made is not known ({Path(file).name} is missing)",
            where=verdicts,
            hint=hint,
        )
    try:
        then = json.loads(stored)
    except ValueError as error:
        raise GainspectError(
            f"cannot read the settings of the verdicts ({error})", where=file, hint=f"{OTHER_OUT}."
        ) from error
    if not isinstance(then, dict):
        raise GainspectError("these are no settings of verdicts", where=file, hint=hint)
    differences = list(_differences(then, asdict(settings)))
    if differences:
        raise GainspectError(
            f"these verdicts were made with other settings: {', '.join(differences)}",
            where=verdicts,
            hint=hint,
        )


def _differences(stored: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs, in words; a setting that one of them lacks is None."""
    for name in dict.fromkeys((*now, *stored)):
        then, given = stored.get(name), now.get(name)
        if then != given:
            yield f"{_WORDS.get(name, name)} {_in_words(then)}, now {_in_words(given)}"


def _in_words(value: Any) -> str:
    """A setting for people; of a hash its beginning."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return _SHA256.sub(r"\1…", str(value))
