"""Canonical JSON (RFC 8785): the one sequence of bytes that a value is hashed as."""

import json
from typing import Any

import rfc8785

from gainspect.errors import GainspectError

_LARGEST = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The canonical bytes of JSON types: keys in order, no blanks, numbers as ECMAScript writes them, UTF-8.

    They hold no line feed, so that a file of them has one a line. Every float comes back exactly; −0 as 0.

    >>> canonical({"b": 1.0, "a": [1e-7, None]})
    b'{"a":[1e-7,null],"b":1}'

    Raises:
        GainspectError: JSON cannot carry it: NaN, infinity, an integer beyond ±(2⁵³ − 1), a lone surrogate,
            another type, or more levels than any reader takes.
    """
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise GainspectError(
            f"this cannot be recorded ({error})",
            hint="A record holds finite numbers, whole ones up to 2⁵³ − 1.",
        ) from error


def parsed(content: bytes) -> dict[str, Any]:
    """What canonical bytes say. A whole number that no integer of theirs can be was a float.

    Raises:
        ValueError: they are no JSON object.
    """
    try:
        value = json.loads(content, parse_int=_number)
    except RecursionError as error:
        raise ValueError("it has more levels than any record") from error
    if not isinstance(value, dict):
        raise ValueError("this is no JSON object")
    return value


def _number(digits: str) -> int | float:
    number = int(digits) if len(digits) < 25 else _LARGEST + 1
    return number if abs(number) <= _LARGEST else float(digits)
