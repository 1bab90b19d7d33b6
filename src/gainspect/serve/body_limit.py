"""A limit on the bytes of a request, before anything of it is kept."""

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gainspect.serve.problems import Problem, answer
from gainspect.types import Label


class BodyLimit:
    """Answers 413 as soon as a body is longer than it may be; what it says of its length is not trusted.

    Args:
        app: that gets requests within the limit.
        most: bytes.
        fail_safe: what counts where a decision was asked for.
    """

    def __init__(self, app: ASGIApp, most: int, fail_safe: Label) -> None:
        self._app = app
        self._most = most
        self._fail_safe = fail_safe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > self._most:
            await answer(scope, self._too_long(), self._fail_safe)(scope, receive, send)
            return
        came, begun = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise self._too_long()
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if came <= self._most or begun:
                begun = True
                await send(message)

        # Whoever reads a form makes an error of its own of this one.
        with suppress(Problem):
            await self._app(scope, counted, noted)
        if came > self._most and not begun:
            await answer(scope, self._too_long(), self._fail_safe)(scope, receive, send)

    def _too_long(self) -> Problem:
        return Problem(
            413, f"the request is longer than {self._most} bytes", "max_bytes of the settings says how many."
        )
