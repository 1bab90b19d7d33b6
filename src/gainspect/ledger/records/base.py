"""What all records share: who, where, when, and the key by which a repeated one is known."""

import secrets
import socket
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

_LONGEST_NAME, _LONGEST_SOURCE, _LONGEST_NOTE = 300, 10_000, 4000


def written_time(time: datetime) -> str:
    """A time as records have it: UTC, with microseconds, so that later ones sort behind earlier ones.

    >>> written_time(datetime(2026, 1, 2, 3, tzinfo=UTC))
    '2026-01-02T03:00:00.000000Z'
    """
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)


def new_key() -> str:
    """A key that no other record has."""
    return secrets.token_hex(16)


def this_station() -> str:
    """The name of this machine, as a station."""
    return socket.gethostname() or "unknown"


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no calendar has this time") from error


Time = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    PlainSerializer(written_time, when_used="json"),
]
"""A time with its zone; in JSON as `written_time` writes it."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]
Source = Annotated[str, Field(min_length=1, max_length=_LONGEST_SOURCE)]
"""The name of an image, as `names.escaped` writes it: a path or a URI."""
Note = Annotated[str, Field(max_length=_LONGEST_NOTE)]
"""Free words. They cannot be erased: no person is to be named in them."""
Actor = Annotated[str, Field(pattern="^person-[0-9a-f]{16}$")]
"""A person's pseudonym, as `people.People` gives it: a name does not fit."""


class Section(BaseModel):
    """A part of a record: nothing unknown in it, never changed, and no number that JSON cannot carry."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BaseRecord(Section):
    """What every record says. `kind` and `schema` tell which model it has."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True, validate_by_name=False)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    """A later version of a kind gets the next number; records of earlier ones stay as they are."""
    key: Name = Field(default_factory=new_key)
    """Given by the writer, and of one record only: appended again after a lost answer, it doubles nothing.
    Others refer to it by its key."""
    at: Time = Field(default_factory=now)
    """When it happened, as the writer says."""
    station: Name
    """Where: a line, a camera, a machine."""
    actor: Actor | None = None
    """Who; None: no person, the station itself."""

    def to_json(self) -> dict[str, Any]:
        """JSON types, as they are recorded."""
        return self.model_dump(mode="json")
