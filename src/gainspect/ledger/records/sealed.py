"""A record as it stands in the ledger: with its place and the time when it was taken, as canonical bytes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from gainspect.errors import GainspectError, first_fault
from gainspect.ledger.canonical import canonical, parsed
from gainspect.ledger.records.base import BaseRecord, written_time
from gainspect.ledger.records.decision import Confirm, Decision, FailSafe, Override, RegionCorrection
from gainspect.ledger.records.operation import (
    BundleActivation,
    Bypass,
    ChallengeResult,
    ChallengeWaived,
    PolicyChange,
    RoleChange,
    ServiceState,
    SignIn,
    TokenChange,
)
from gainspect.ledger.records.upkeep import Anchored, ClockCorrected, NameErased, PicturesRemoved

Record = Annotated[
    Decision
    | FailSafe
    | Confirm
    | Override
    | RegionCorrection
    | PolicyChange
    | BundleActivation
    | ChallengeResult
    | ChallengeWaived
    | ServiceState
    | SignIn
    | RoleChange
    | TokenChange
    | Bypass
    | PicturesRemoved
    | Anchored
    | NameErased
    | ClockCorrected,
    Field(discriminator="kind"),
]
"""A record of any kind."""
KINDS = frozenset(model.model_fields["kind"].default for model in get_args(get_args(Record)[0]))
"""The names of all kinds."""
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


@dataclass(frozen=True)
class Entry:
    """A record in its place."""

    index: int
    """Its place, from 0 on, without gaps."""
    recorded: datetime
    """When the ledger took it; never earlier than the one before, but at a corrected clock."""
    record: Record
    content: bytes
    """Its canonical bytes: the leaf of the Merkle tree."""


def sealed(record: BaseRecord, index: int, recorded: datetime) -> bytes:
    """The canonical bytes of a record in its place.

    Raises:
        GainspectError: it holds a number that JSON cannot carry.
    """
    return canonical({"index": index, "recorded": written_time(recorded), "record": record.to_json()})


def opened(content: Any) -> Entry:
    """The record that canonical bytes hold.

    Args:
        content: as a database gives it; whoever may change the tables may have put anything there.

    Raises:
        GainspectError: these are no bytes, they hold no record, or one of a kind or version that is not known
            here.
    """
    try:
        said = parsed(in_bytes(content))
        if type(said["index"]) is not int:
            raise ValueError("it does not say its place")
        return Entry(said["index"], datetime.fromisoformat(said["recorded"]), record_in(said), content)
    except ValidationError as error:
        fault = first_fault(error)
    except (ValueError, KeyError, TypeError) as error:
        fault = str(error)
    raise GainspectError(
        f"this is no record that this version of gainspect knows ({fault})",
        hint="Verify the ledger. If it is sound, install a newer version.",
    )


def in_bytes(stored: Any) -> bytes:
    """What a column of bytes holds. SQLite keeps a text or a number there too.

    Raises:
        ValueError: something else.
    """
    if not isinstance(stored, bytes):
        raise ValueError(f"{type(stored).__name__} in place of bytes")
    return stored


def record_in(said: dict[str, Any]) -> Record:
    """The typed record in what canonical bytes say.

    Raises:
        ValidationError: it is of no known kind and version.
    """
    return _RECORD.validate_python(said["record"], strict=False)


def is_known(said: dict[str, Any]) -> bool:
    """Whether the kind and version of a record are known here; a later gainspect may have others."""
    record = said["record"]
    return record["kind"] in KINDS and record.get("schema") == 1
