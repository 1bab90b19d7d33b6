"""What no address may hold."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gainspect.serve.problems import Problem, answer
from gainspect.types import Label


class PlainAddresses:
    """Refuses addresses that hold a NUL: no name has one (`names.escaped`), and PostgreSQL takes none.

    Args:
        app: that answers the others.
        fail_safe: what counts where a decision was asked for.
    """

    def __init__(self, app: ASGIApp, fail_safe: Label) -> None:
        self._app, self._fail_safe = app, fail_safe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or not ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            await self._app(scope, receive, send)
            return
        refused = Problem(422, "invalid", "the address holds a NUL", "No name has one: leave it out.")
        await answer(scope, refused, self._fail_safe)(scope, receive, send)
