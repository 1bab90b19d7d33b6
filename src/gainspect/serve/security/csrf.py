"""Requests that another site lets a browser send are refused: by where they come from, and by a token."""

import hashlib
import hmac
from urllib.parse import urlsplit

from fastapi import Request

from gainspect.serve.problem_codes import Code
from gainspect.serve.problems import Problem

FIELD = "csrf"
"""Of forms."""
HEADER = "X-CSRF-Token"
"""Of scripts."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(code: str) -> str:
    """The token of a session or a visit: made from its id, which no other site and no script knows."""
    return hmac.new(code.encode(), b"gainspect csrf", hashlib.sha256).hexdigest()


async def require_own(request: Request, token: str) -> None:
    """Let a request that changes something pass only if one of our own pages has sent it.

    Args:
        request: of a browser.
        token: that it has to carry, in the header, or in a field of a form.

    Raises:
        Problem: it has not (403).
    """
    require_same_origin(request)
    sent = request.headers.get(HEADER)
    if sent is None and request.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    ):
        sent = str((await request.form()).get(FIELD, ""))
    # Bytes: text with other than ASCII characters cannot be compared in constant time.
    if not token or not hmac.compare_digest((sent or "").encode("utf-8", "replace"), token.encode()):
        raise _foreign("page_too_old", "the page is too old, or another site has sent this")


def require_same_origin(request: Request) -> None:
    """Refuse what the browser says that another site has sent.

    Raises:
        Problem: it says so (403).
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site != "same-origin" or (origin is not None and not _is_own(origin, request)):
        raise _foreign("other_site", "another site has sent this")


def _is_own(origin: str, request: Request) -> bool:
    """Whether an origin has the host and port of this request; a proxy may end TLS before it."""
    try:
        return urlsplit(origin).netloc.casefold() == request.headers.get("host", "").casefold() != ""
    except ValueError:
        return False


def _foreign(code: Code, what: str) -> Problem:
    return Problem(403, code, what, "Open the page again, and repeat it there.")
