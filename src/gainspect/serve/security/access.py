"""Who may use an address: `Depends(allow(Role.ENGINEER))`."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from anyio import to_thread
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from gainspect.ledger.accounts import Role
from gainspect.serve.problems import Problem
from gainspect.serve.security.cookies import SESSION, read_cookie
from gainspect.serve.security.csrf import SAFE_METHODS, require_own
from gainspect.serve.security.gate import Gate
from gainspect.serve.security.visitor import Visitor

_API = "/v1/"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class SignInFirst(Exception):
    """A page that needs a sign-in: the browser is sent there, and back.

    Args:
        back: path of the page.
    """

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.path = f"/sign-in?next={quote(back, safe='')}"


@dataclass(frozen=True)
class Allowed:
    """A dependency that lets some pass.

    Nobody is signed in: 401, and a page sends the browser to the sign-in. Somebody who may not: 403. What
    changes something, and was not sent by a page of ours: 403. Machines send no token of a page, as no
    browser sends their header by itself.
    """

    roles: frozenset[Role]
    machine: bool

    async def __call__(self, request: Request) -> Visitor:
        """Who it is; of a request that was let in already (`AdmittedRoute`) that is known."""
        by, visitor = getattr(request.state, "admitted", (None, None))
        if by != self or visitor is None:
            visitor = await self._admitted(request)
            request.state.admitted = self, visitor
        return visitor

    async def _admitted(self, request: Request) -> Visitor:
        gate = gate_of(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            return await to_thread.run_sync(
                self._machine, gate, scheme, token.strip(), limiter=gate.threads_of_machines
            )
        session = read_cookie(request, SESSION, tls=gate.settings.tls)
        visitor = await run_in_threadpool(gate.visitor, session)
        if visitor is None:
            if not wants_page(request):
                raise Problem(
                    401, "signed_out", "nobody is signed in", "Sign in, or send a token.", headers=_CHALLENGE
                )
            raise SignInFirst(_back(request))
        if visitor.role not in self.roles:
            raise Problem(403, "role_may_not", "this role may not do that", "Ask an engineer.")
        if request.method not in SAFE_METHODS:
            await require_own(request, visitor.csrf)
        return visitor

    def _machine(self, gate: Gate, scheme: str, token: str) -> Visitor:
        visitor = gate.machine(token) if scheme.casefold() == "bearer" and token else None
        if visitor is None:
            raise Problem(
                401,
                "token_invalid",
                "this token is not valid",
                "An engineer makes tokens for machines.",
                headers=_CHALLENGE,
            )
        if not self.machine:
            raise Problem(
                403, "machine_may_not", "machines may not do that", "A person has to sign in for it."
            )
        return visitor


class AdmittedRoute(APIRoute):
    """An address that asks who it is before it reads what they send: FastAPI alone reads the body first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handler, allowed = super().get_route_handler(), next(allowed_in(self.dependant), None)
        if allowed is None:
            return handler

        async def admitted(request: Request) -> Response:
            await allowed(request)
            return await handler(request)

        return admitted


def allowed_in(dependant: Dependant) -> Iterator[Allowed]:
    """Whom an address lets pass, as its dependencies say."""
    for inner in dependant.dependencies:
        if isinstance(inner.call, Allowed):
            yield inner.call
        yield from allowed_in(inner)


def allow(*roles: Role, machine: bool = False) -> Allowed:
    """A dependency that lets people of these roles pass, and machines if said so; it gives a `Visitor`."""
    return Allowed(frozenset(roles), machine)


def gate_of(request: Request) -> Gate:
    """The gate of the app."""
    gate: Gate = request.app.state.gate
    return gate


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer, in a browser."""
    return not request.url.path.startswith(_API) and "text/html" in request.headers.get("accept", "")


def safe_path(path: str) -> str:
    r"""A path of this service to go on to; what leads elsewhere becomes the first page.

    >>> safe_path("/review?page=2"), safe_path("//evil.example"), safe_path("/\\evil.example"), safe_path("x")
    ('/review?page=2', '/', '/', '/')
    """
    try:
        said = urlsplit(path)
    except ValueError:
        return "/"
    own = path.startswith("/") and not said.scheme and not said.netloc and "\\" not in path
    return path if own and not path.startswith("//") and path.isprintable() and len(path) < 2000 else "/"


def _back(request: Request) -> str:
    if request.method not in SAFE_METHODS:
        return "/"
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")
