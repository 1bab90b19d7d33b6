"""The one exception that a user is meant to read."""

from pathlib import Path


class GainspectError(Exception):
    """Something a user can put right: what is wrong, where, and a hint how.

    The CLI prints it as one sentence and exits with code 2; no traceback.

    >>> print(GainspectError("the image is empty (0 bytes)", where="a.png", hint="Export it again."))
    a.png: the image is empty (0 bytes). Export it again.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        head = what if self.where is None else f"{self.where}: {what}"
        super().__init__(f"{head.rstrip('.')}. {hint}".strip())
