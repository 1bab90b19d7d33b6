"""Sign in, sign out, use an invitation, change one's password."""

from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from gainspect.ledger.account_faults import AccountError
from gainspect.ledger.accounts import Role
from gainspect.ledger.invitations import Invitation
from gainspect.ledger.known_devices import REMEMBERED
from gainspect.ledger.secret_codes import new_code
from gainspect.serve.problems import Problem
from gainspect.serve.security.access import allow, gate_of, safe_path
from gainspect.serve.security.cookies import DEVICE, SESSION, VISIT, drop_cookie, read_cookie, set_cookie
from gainspect.serve.security.csrf import require_own, token_of
from gainspect.serve.security.gate import Gate, RefusedSignIn, SignedIn, TooManyFailures
from gainspect.serve.security.passwords import LONGEST, SHORTEST, fault_of
from gainspect.serve.security.visitor import Visitor

MOST_BYTES = 2**16
"""Of a form."""
router = APIRouter(include_in_schema=False, max_body_size=MOST_BYTES)
Person = Annotated[Visitor, Depends(allow(*Role))]
Text = Annotated[str, Form()]


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - as in the address
    """The form; whoever is signed in already is sent on."""
    gate = gate_of(request)
    session = read_cookie(request, SESSION, tls=gate.settings.tls)
    if await run_in_threadpool(gate.visitor, session) is not None:
        return RedirectResponse(safe_path(next), 303)
    return _form(request, "sign_in.html", next=safe_path(next), name="")


@router.post("/sign-in")
async def sign_in(
    request: Request,
    name: Text = "",
    password: Text = "",
    next: Text = "/",  # noqa: A002
) -> Response:
    """Sign a person in: a new session, whatever the browser had before."""
    gate = gate_of(request)
    shown: dict[str, Any] = {"next": safe_path(next), "name": name}
    if not await _is_own_form(request):
        return _form(request, "sign_in.html", 403, error="sec_old_page", **shown)
    address = request.client.host if request.client else ""
    device = read_cookie(request, DEVICE, tls=gate.settings.tls)
    try:
        done = await _hashing(gate, partial(gate.sign_in, name, password, address=address, device=device))
    except RefusedSignIn:
        return _form(request, "sign_in.html", 403, error="sec_refused", **shown)
    except TooManyFailures as failures:
        page = _form(request, "sign_in.html", 429, error="sec_wait", seconds=failures.seconds, **shown)
        page.headers["Retry-After"] = str(failures.seconds)
        return page
    return await _welcome(request, done, safe_path(next))


@router.post("/sign-out")
async def sign_out(request: Request, visitor: Person) -> Response:
    """End the session."""
    gate = gate_of(request)
    session = read_cookie(request, SESSION, tls=gate.settings.tls)
    if session is not None:
        await run_in_threadpool(gate.sessions.end, session)
    response = RedirectResponse("/sign-in", 303)
    drop_cookie(request, response, SESSION, tls=gate.settings.tls)
    return response


@router.get("/invitation/{code}")
async def invitation_page(request: Request, code: str) -> Response:
    """The form by which a person who was invited chooses name and password."""
    gate = gate_of(request)
    try:
        invitation, known = await run_in_threadpool(_look, gate, code)
    except AccountError as error:
        return _form(request, "invitation.html", 410, invitation=None, error=f"sec_{error.fault}")
    return _form(request, "invitation.html", **_of(invitation, known))


@router.post("/invitation/{code}")
async def redeem(
    request: Request, code: str, name: Text = "", password: Text = "", repeated: Text = ""
) -> Response:
    """Make the account, or set the new password, and sign the person in."""
    gate = gate_of(request)
    try:
        invitation, known = await run_in_threadpool(_look, gate, code)
    except AccountError as error:
        return _form(request, "invitation.html", 410, invitation=None, error=f"sec_{error.fault}")
    shown = _of(invitation, known) | {"name": known or name}
    if not await _is_own_form(request):
        return _form(request, "invitation.html", 403, error="sec_old_page", **shown)
    fault = _password_fault(password, repeated, known or name)
    if fault is not None:
        return _form(request, "invitation.html", 422, error=fault, **shown)
    device = read_cookie(request, DEVICE, tls=gate.settings.tls)

    def used() -> SignedIn:
        account = gate.invitations.redeem(code, name, gate.passwords.hash(password))
        return gate.let_in(account, device)

    try:
        done = await _hashing(gate, used)
    except AccountError as error:
        return _form(request, "invitation.html", 409, error=f"sec_{error.fault}", **shown)
    return await _welcome(request, done, "/")


@router.get("/password")
async def password_page(request: Request, visitor: Person) -> Response:
    """The form by which people change their password."""
    return gate_of(request).page(request, "password.html", visitor, error="", **_lengths())


@router.post("/password")
async def change_password(
    request: Request, visitor: Person, old: Text = "", password: Text = "", repeated: Text = ""
) -> Response:
    """Set a new password. The old one is asked for; guesses at it are counted as those of a sign-in."""
    gate = gate_of(request)
    shown = partial(gate.page, request, "password.html", visitor)
    fault = _password_fault(password, repeated, visitor.name)
    if fault is not None:
        return shown(422, error=fault, **_lengths())
    address = request.client.host if request.client else ""
    device = read_cookie(request, DEVICE, tls=gate.settings.tls)

    def changed() -> SignedIn:
        done = gate.sign_in(visitor.name, old, address=address, device=device)
        gate.accounts.set_password(done.account.actor, gate.passwords.hash(password))
        return gate.let_in(done.account, device)

    try:
        done = await _hashing(gate, changed)
    except RefusedSignIn:
        return shown(403, error="sec_refused_old", **_lengths())
    except TooManyFailures as failures:
        page = shown(429, error="sec_wait", seconds=failures.seconds, **_lengths())
        page.headers["Retry-After"] = str(failures.seconds)
        return page
    return await _welcome(request, done, "/")


async def _welcome(request: Request, done: SignedIn, path: str) -> Response:
    """Send a person who has signed in on, with the cookies; the session that the browser had ends."""
    gate = gate_of(request)
    settings = gate.settings
    old = read_cookie(request, SESSION, tls=settings.tls)
    if old is not None:
        await run_in_threadpool(gate.sessions.end, old)
    response = RedirectResponse(path, 303)
    lasts = timedelta(hours=settings.session_hours).total_seconds()
    set_cookie(request, response, SESSION, done.session, tls=settings.tls, max_age=lasts)
    set_cookie(
        request,
        response,
        DEVICE,
        done.device,
        tls=settings.tls,
        max_age=REMEMBERED.total_seconds(),
        same_site="strict",
    )
    drop_cookie(request, response, VISIT, tls=settings.tls)
    return response


async def _hashing(gate: Gate, work: Any) -> SignedIn:
    """Do what hashes a password beside the other requests, and few at a time."""
    done: SignedIn = await to_thread.run_sync(work, limiter=gate.hashing)
    return done


async def _is_own_form(request: Request) -> bool:
    """Whether our page, in the browser that had asked for it, sent a form that comes before a sign-in."""
    visit = read_cookie(request, VISIT, tls=gate_of(request).settings.tls)
    try:
        await require_own(request, "" if visit is None else token_of(visit))
    except Problem:
        return False
    return True


def _form(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page with a form that comes before a sign-in."""
    gate = gate_of(request)
    visit = read_cookie(request, VISIT, tls=gate.settings.tls)
    code = visit or new_code()
    values = {"error": "", "csrf": token_of(code), **_lengths(), **values}
    response = gate.page(request, template, None, status, **values)
    if visit is None:
        set_cookie(request, response, VISIT, code, tls=gate.settings.tls)
    return response


def _look(gate: Gate, code: str) -> tuple[Invitation, str]:
    """What a link is for, and the name of the person, if they are known."""
    invitation = gate.invitations.look(code)
    known = None if invitation.actor is None else gate.ledger.people.name_of(invitation.actor)
    return invitation, known or ""


def _of(invitation: Invitation, known: str) -> dict[str, Any]:
    return {"invitation": invitation, "known": known, "name": known}


def _lengths() -> dict[str, int]:
    return {"shortest": SHORTEST, "longest": LONGEST}


def _password_fault(password: str, repeated: str, name: str) -> str | None:
    if password != repeated:
        return "sec_not_repeated"
    fault = fault_of(password, name)
    return None if fault is None else f"sec_{fault}"
