"""Limits on the body of a request, before anything of it is kept: its bytes, its time, and those of all."""

import asyncio
import time
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gainspect.serve.problems import Problem, answer
from gainspect.types import Label

_DIGITS = 15
"""Of a length that can be meant."""
_CLOSES = {"Connection": "close"}
"""The rest of the body is not read."""


ARRIVED = "arrived"
"""In the state of a request: when it came, by `time.monotonic`."""


class BodyLimit:
    """Answers as soon as a body is longer or slower than it may be; its own word for its length is no proof.

    413: it is too long. 408: it is too slow. 503: all that is under way together is too long.

    Args:
        app: that gets requests within the limits.
        most: bytes of one.
        together: bytes of all that are not answered.
        seconds: for a body to come.
        fail_safe: what counts where a decision was asked for.
    """

    def __init__(self, app: ASGIApp, most: int, together: int, seconds: float, fail_safe: Label) -> None:
        self._app = app
        self._most, self._together, self._seconds = most, together, seconds
        self._fail_safe = fail_safe
        self._held = 0
        """Bytes of all that are not answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})[ARRIVED] = time.monotonic()
        refused = self._refused(_said(scope))
        came, begun, whole, end = 0, False, False, time.monotonic() + self._seconds

        async def limited() -> Message:
            nonlocal came, whole, refused
            if whole:  # the end of the connection
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            except TimeoutError:
                refused = Problem(
                    408,
                    "too_slow",
                    f"the request did not come within {self._seconds:g} seconds",
                    "body_seconds of the settings says how many.",
                    _CLOSES,
                )
                raise refused from None
            more = len(message.get("body", b""))
            whole = not message.get("more_body", False)
            came, self._held = came + more, self._held + more
            refused = self._refused(came)
            if refused is not None:
                raise refused
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if refused is None or begun:
                begun = True
                await send(message)

        try:
            if refused is None:
                # Whoever reads a form makes an error of its own of this one.
                with suppress(Problem):
                    await self._app(scope, limited, noted)
        finally:
            self._held -= came
        if refused is not None and not begun:
            await answer(scope, refused, self._fail_safe)(scope, receive, send)

    def _refused(self, length: int) -> Problem | None:
        """What is answered to a body of so many bytes, as things are; None: it is taken."""
        if length > self._most:
            hint = "max_bytes of the settings says how many."
            return Problem(413, "too_long", f"the request is longer than {self._most} bytes", hint, _CLOSES)
        if self._held > self._together:
            headers = {**_CLOSES, "Retry-After": "1"}
            return Problem(
                503, "too_much", "too much is being sent at once", "Send it again a little later.", headers
            )
        return None


def _said(scope: Scope) -> int:
    """The length that a request says that it has; 0: it says none."""
    said = dict(scope["headers"]).get(b"content-length", b"0")
    if not said.isdigit():
        return 0
    return int(said[:_DIGITS]) if len(said) <= _DIGITS else 10**_DIGITS
