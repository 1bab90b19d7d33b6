"""The one exception that a user is meant to read."""

from pathlib import Path


class GainspectError(Exception):
    """Something a user can mend: what is wrong, where, and how to mend it.

    The CLI prints it as one sentence and exits with code 2; no traceback.

    >>> print(GainspectError("the image is empty (0 bytes)", where="a.png", mend="Export it again."))
    a.png: the image is empty (0 bytes). Export it again.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, mend: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.mend = mend
        head = what if self.where is None else f"{self.where}: {what}"
        super().__init__(f"{head.rstrip('.')}. {mend}".strip())
