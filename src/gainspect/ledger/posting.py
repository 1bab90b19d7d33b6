"""Posts a signed note to another station, by plain HTTP: whoever keeps it has an anchor."""

from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gainspect.errors import GainspectError

_WAIT_S = 10.0


def post_note(url: str, note: str, *, wait_s: float = _WAIT_S) -> None:
    """POST a note as text; when this returns, the station has said that it took it (a status 2xx).

    Args:
        url: of the station, `http://…` or `https://…`.
        note: the text.
        wait_s: how long to wait for an answer, seconds.

    Raises:
        GainspectError: this is no such URL, the station cannot be reached, does not answer, or refuses it.
    """
    place = _place(url)
    request = Request(
        url, data=note.encode(), method="POST", headers={"Content-Type": "text/plain; charset=utf-8"}
    )
    try:
        with build_opener(_NoRedirect).open(request, timeout=wait_s):
            return
    except HTTPError as error:
        error.close()
        what, hint = f"the station refuses the anchor ({error.code} {error.reason})", "Check its address."
    except URLError as error:
        what = f"the station cannot be reached ({error.reason})"
        hint = "Repeat it when the station is there: nothing was recorded."
    except (OSError, HTTPException) as error:
        what = f"the station does not answer as it should ({error or type(error).__name__})"
        hint = "Repeat it: it does no harm if the station has the anchor already."
    raise GainspectError(what, where=place, hint=hint)


class _NoRedirect(HTTPRedirectHandler):
    """Takes a redirection for a refusal: followed, a POST becomes a GET, and the note would be lost."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """See `HTTPRedirectHandler`; None: the status is an error."""


def _place(url: str) -> str:
    """A URL without its query, which may hold a secret.

    Raises:
        GainspectError: nothing can be posted there.
    """
    try:
        said = urlsplit(url)
        posts = said.scheme in ("http", "https") and said.hostname is not None and said.port != 0
    except ValueError:
        posts = False
    if not posts or not url.isascii() or not url.isprintable() or " " in url or "@" in said.netloc:
        raise GainspectError(
            "nothing can be posted to this address", hint="Give it as http://HOST/PATH, without a password."
        )
    return f"{said.scheme}://{said.netloc}{said.path}"
