"""The cookies of the service: HttpOnly, of this host alone, and by https alone where it is used."""

from typing import Literal

from fastapi import Request, Response

SESSION = "gainspect_session"
"""Id of the session of somebody who is signed in."""
VISIT = "gainspect_visit"
"""Binds the forms that come before a sign-in to the browser."""
DEVICE = "gainspect_device"
"""Tells a browser in which people have signed in before."""
_LONGEST = 200


def is_https(request: Request, *, tls: bool) -> bool:
    """Whether people reach the service by https."""
    return tls or request.url.scheme == "https"


def read_cookie(request: Request, name: str, *, tls: bool) -> str | None:
    """The value of a cookie; None: there is none, or it is none of ours."""
    value = request.cookies.get(_full(name, is_https(request, tls=tls)))
    return value if value and value.isascii() and len(value) <= _LONGEST else None


def set_cookie(
    request: Request,
    response: Response,
    name: str,
    value: str,
    *,
    tls: bool,
    max_age: float | None = None,
    same_site: Literal["lax", "strict"] = "lax",
) -> None:
    """Set a cookie.

    Args:
        request: that is answered.
        response: the answer.
        name: one of the above.
        value: of it.
        tls: see `SecuritySettings`.
        max_age: seconds; None: until the browser is closed.
        same_site: whether links from elsewhere carry it (`lax`).
    """
    secure = is_https(request, tls=tls)
    response.set_cookie(
        _full(name, secure),
        value,
        max_age=None if max_age is None else int(max_age),
        path="/",
        secure=secure,
        httponly=True,
        samesite=same_site,
    )


def drop_cookie(request: Request, response: Response, name: str, *, tls: bool) -> None:
    """Let the browser forget a cookie."""
    secure = is_https(request, tls=tls)
    response.delete_cookie(_full(name, secure), path="/", secure=secure, httponly=True, samesite="lax")


def _full(name: str, secure: bool) -> str:
    """With https, a name that browsers take from this host alone, and by https alone (RFC 6265bis)."""
    return f"__Host-{name}" if secure else name
