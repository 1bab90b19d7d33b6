"""People and machines: who may sign in and as what, links that invite, tokens."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from gainspect.ledger.account_faults import AccountError
from gainspect.ledger.accounts import Role
from gainspect.serve.security.access import allow, gate_of
from gainspect.serve.security.sign_in_pages import MOST_BYTES
from gainspect.serve.security.visitor import Visitor

router = APIRouter(include_in_schema=False, max_body_size=MOST_BYTES)
Reader = Annotated[Visitor, Depends(allow(Role.ENGINEER, Role.AUDITOR))]
Engineer = Annotated[Visitor, Depends(allow(Role.ENGINEER))]
_LONGEST_REASON = 4000
Text = Annotated[str, Form()]
Person = Annotated[str, Path(pattern="^person-[0-9a-f]{16}$")]
TokenId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Reason = Annotated[str, Form(max_length=_LONGEST_REASON)]


@router.get("/people")
def people_page(request: Request, visitor: Reader) -> Response:
    """Who may sign in, and which links are out."""
    return _people(request, visitor)


@router.post("/people/invitations")
def invite(
    request: Request, visitor: Engineer, role: Annotated[Role, Form()], reason: Reason = ""
) -> Response:
    """Make a link for somebody new; it is shown once."""
    return _link(request, visitor, role, None, reason)


@router.post("/people/invitations/{hashed}/withdraw")
def withdraw(request: Request, visitor: Engineer, hashed: Hash) -> Response:
    """Let a link work no more."""
    gate_of(request).invitations.withdraw(hashed)
    return RedirectResponse("/people", 303)


@router.post("/people/{actor}/link")
def new_password_link(request: Request, visitor: Engineer, actor: Person, reason: Reason = "") -> Response:
    """Make a link by which a person sets a new password; it is shown once."""
    return _link(request, visitor, Role.OPERATOR, actor, reason)


@router.post("/people/{actor}/role")
def set_role(
    request: Request, visitor: Engineer, actor: Person, role: Annotated[Role, Form()], reason: Reason = ""
) -> Response:
    """Give a person another role."""
    change = partial(gate_of(request).accounts.set_role, actor, role, by=visitor.actor, reason=reason)
    return _changed(request, visitor, change)


@router.post("/people/{actor}/disable")
def disable(request: Request, visitor: Engineer, actor: Person, reason: Reason = "") -> Response:
    """Take from a person the right to sign in."""
    change = partial(gate_of(request).accounts.set_disabled, actor, True, by=visitor.actor, reason=reason)
    return _changed(request, visitor, change)


@router.post("/people/{actor}/enable")
def enable(request: Request, visitor: Engineer, actor: Person, reason: Reason = "") -> Response:
    """Give it back."""
    change = partial(gate_of(request).accounts.set_disabled, actor, False, by=visitor.actor, reason=reason)
    return _changed(request, visitor, change)


@router.get("/tokens")
def tokens_page(request: Request, visitor: Reader) -> Response:
    """Which machines may send parts."""
    return _tokens(request, visitor)


@router.post("/tokens")
def make_token(request: Request, visitor: Engineer, name: Text = "", station: Text = "") -> Response:
    """Make a token; it is shown once."""
    try:
        token = gate_of(request).tokens.make(name.strip(), station.strip(), by=visitor.actor)
    except AccountError as error:
        return _tokens(request, visitor, 422, error=f"sec_{error.fault}")
    return _tokens(request, visitor, made=token)


@router.post("/tokens/{ident}/revoke")
def revoke_token(request: Request, visitor: Engineer, ident: TokenId) -> Response:
    """Let a token work no more."""
    try:
        gate_of(request).tokens.revoke(ident, by=visitor.actor)
    except AccountError as error:
        return _tokens(request, visitor, 409, error=f"sec_{error.fault}")
    return RedirectResponse("/tokens", 303)


def _link(request: Request, visitor: Visitor, role: Role, actor: str | None, reason: str) -> Response:
    gate = gate_of(request)
    valid = timedelta(hours=gate.settings.invitation_hours)
    try:
        code = gate.invitations.make(role, by=visitor.actor, actor=actor, valid=valid, reason=reason)
    except AccountError as error:
        return _people(request, visitor, 409, error=f"sec_{error.fault}")
    return _people(request, visitor, link=str(request.url_for("invitation_page", code=code)))


def _changed(request: Request, visitor: Visitor, change: Callable[[], None]) -> Response:
    try:
        change()
    except AccountError as error:
        return _people(request, visitor, 409, error=f"sec_{error.fault}")
    return RedirectResponse("/people", 303)


def _people(request: Request, visitor: Visitor, status: int = 200, **values: Any) -> Response:
    gate = gate_of(request)
    shown: dict[str, Any] = {"error": "", "link": "", "hours": gate.settings.invitation_hours} | values
    people, names = gate.accounts.all(), dict(gate.ledger.people.all())
    return gate.page(
        request,
        "people.html",
        visitor,
        status,
        people=people,
        invitations=gate.invitations.open(),
        names=names,
        roles=[*Role],
        **shown,
    )


def _tokens(request: Request, visitor: Visitor, status: int = 200, **values: Any) -> Response:
    shown: dict[str, Any] = {"error": "", "made": ""} | values
    tokens = gate_of(request).tokens.all()
    return gate_of(request).page(request, "tokens.html", visitor, status, tokens=tokens, **shown)
