"""Headers that every answer has, and the names by which the service may be called."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gainspect.serve.problems import Problem, answer
from gainspect.types import Label

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers hide the origin of our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
"""Of each answer, whatever it is."""
NO_STORE = "no-store"
"""`Cache-Control` of what says nothing of it itself."""
STRICT_TRANSPORT = "max-age=31536000"


class SecurityHeaders:
    """Puts the headers on all that an app answers.

    Args:
        app: that answers.
        tls: see `SecuritySettings`.
    """

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", NO_STORE)
                if self._tls or scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = STRICT_TRANSPORT
            await send(message)

        await self._app(scope, receive, headed)


class SecuredApp(FastAPI):
    """An app whose every answer has the headers: those of the error handlers and limits around it, too."""

    tls = False
    """See `SecuritySettings`; set before the first request."""

    def build_middleware_stack(self) -> ASGIApp:
        """The app with all that is around it."""
        return SecurityHeaders(super().build_middleware_stack(), tls=self.tls)


class KnownHosts:
    """Refuses what is sent to another name than those of the service: pages elsewhere whose name leads here.

    Args:
        app: that answers the others.
        hosts: names and addresses, without port; none: all.
        fail_safe: what counts where a decision was asked for.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], fail_safe: Label) -> None:
        self._app = app
        self._hosts = frozenset(map(_without_port, hosts))
        self._fail_safe = fail_safe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        host = Headers(scope=scope).get("host", "").casefold() if scope["type"] == "http" else ""
        if scope["type"] != "http" or not self._hosts or _without_port(host) in self._hosts:
            await self._app(scope, receive, send)
            return
        refused = Problem(
            400,
            "other_host",
            "this is not a name of the service",
            "hosts of the settings lists the names that it has.",
        )
        await answer(scope, refused, self._fail_safe)(scope, receive, send)


def _without_port(host: str) -> str:
    """The name in a `Host` header.

    >>> _without_port("line3.example:8080"), _without_port("[::1]:8080"), _without_port("[::1]")
    ('line3.example', '[::1]', '[::1]')
    """
    name, _, port = host.rpartition(":")
    return name if name and port.isdecimal() else host
