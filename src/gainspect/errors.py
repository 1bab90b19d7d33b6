"""The one exception whose message is written for users."""

from pathlib import Path
from typing import TYPE_CHECKING

from gainspect.names import printable

if TYPE_CHECKING:
    from pydantic import ValidationError


class GainspectError(Exception):
    """An error that the user can fix: what is wrong, where, and a hint how to fix it.

    The CLI prints it without a traceback and exits with code 2.

    >>> print(GainspectError("the image is empty (0 bytes)", where="a.png", hint="Export it again."))
    a.png: the image is empty (0 bytes). Export it again.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        head = what if self.where is None else f"{printable(self.where)}: {what}"
        super().__init__(printable(f"{head.rstrip('.')}. {hint}".strip(), lines=True))


class OtherSizeError(GainspectError):
    """A mask has another size than its image."""


def first_fault(error: "ValidationError") -> str:
    """The first error in stored values, in one line: where it is, and what is wrong.

    >>> from pydantic import TypeAdapter, ValidationError
    >>> try:
    ...     TypeAdapter(dict[str, list[int]]).validate_python({"sizes": [1, "x"]})
    ... except ValidationError as error:
    ...     print(first_fault(error))
    sizes.1: Input should be a valid integer, unable to parse string as an integer
    """
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else fault["msg"]
