"""Sign-in, roles and security of the service: `secure` puts them into an app, `allow` guards an address."""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from gainspect.ledger.accounts import Role
from gainspect.serve.security.access import SignInFirst, allow
from gainspect.serve.security.gate import Gate
from gainspect.serve.security.headers import KnownHosts, SecuredApp
from gainspect.serve.security.people_pages import router as people_router
from gainspect.serve.security.rights import RIGHTS, require_rights
from gainspect.serve.security.settings import SecuritySettings
from gainspect.serve.security.sign_in_pages import router as sign_in_router
from gainspect.serve.security.visitor import Visitor
from gainspect.types import Label

__all__ = [
    "RIGHTS",
    "Gate",
    "Role",
    "SecuredApp",
    "SecuritySettings",
    "Visitor",
    "allow",
    "require_rights",
    "secure",
]


def secure(app: SecuredApp, gate: Gate, fail_safe: Label) -> None:
    """Put sign-in and security into an app. When all its addresses are there, call `require_rights`.

    Args:
        app: that is secured.
        gate: which lets people and machines in.
        fail_safe: what counts where a decision was asked for and refused.
    """
    app.state.gate = gate
    app.tls = gate.settings.tls
    app.add_middleware(KnownHosts, hosts=gate.settings.hosts, fail_safe=fail_safe)
    app.add_exception_handler(SignInFirst, _to_sign_in)
    for router in (sign_in_router, people_router):
        app.include_router(router)


def _to_sign_in(request: Request, first: Exception) -> Response:
    assert isinstance(first, SignInFirst)
    return RedirectResponse(first.path, 303)
