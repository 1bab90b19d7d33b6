"""Fills the templates of the pages: in the language and the theme of whoever looks."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from gainspect.ledger.accounts import Role
from gainspect.names import printable
from gainspect.serve.pages.reasons import shown_score
from gainspect.serve.pages.static_files import static_path
from gainspect.serve.pages.texts import LANGUAGES, Language, Words, language_of
from gainspect.serve.security import Visitor
from gainspect.serve.security.access import AdmittedRoute

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)
LANGUAGE_COOKIE, THEME_COOKIE = "gainspect-language", "gainspect-theme"
_A_YEAR_S = 365 * 24 * 3600

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute, max_body_size=2**16)


class Place(NamedTuple):
    """A page that the head of every page leads to."""

    name: str
    """Its key in the texts, and how a page says that it is this one."""
    path: str
    icon: str
    roles: frozenset[Role]


PLACES = (
    Place("live", "/", "live", frozenset(Role)),
    Place("review", "/review", "review", frozenset({Role.OPERATOR, Role.ENGINEER})),
    Place("challenge", "/challenge", "challenge", frozenset(Role)),
    Place("dashboards", "/dashboards", "dashboards", frozenset({Role.ENGINEER, Role.AUDITOR})),
    Place("audit", "/audit", "audit", frozenset({Role.ENGINEER, Role.AUDITOR})),
    Place("people", "/people", "people", frozenset({Role.ENGINEER})),
)


def page(
    request: Request, template: str, visitor: Visitor | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """Fill a template.

    Args:
        request: whose cookies and headers choose language and theme.
        template: file in `templates/`.
        visitor: who looks; None: nobody is signed in.
        status: of the answer.
        values: the values that the template shows. Besides them it has `t` (`Words`), `lang`, `theme`,
            `visitor`, `places` (for its head), `here` (path and query, to come back to) and `now`.
    """
    words = words_of(request)
    query = f"?{request.url.query}" if request.url.query else ""
    places = [place for place in PLACES if visitor is not None and visitor.role in place.roles]
    text = _environment().get_template(template).render(
        t=words, lang=words.language, theme=theme_of(request), visitor=visitor, places=places,
        here=f"{request.url.path}{query}", now=datetime.now().astimezone(), **values,
    )  # fmt: skip
    # A page says what was true when it was asked for: it is never taken from a cache.
    return HTMLResponse(
        text, status, headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"}
    )


def words_of(request: Request) -> Words:
    """The words in the language of whoever asks."""
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    return Words(language_of(cookie, request.headers.get("accept-language", "")))


def theme_of(request: Request) -> Theme:
    """The theme that was chosen; none: that of the system."""
    cookie = request.cookies.get(THEME_COOKIE)
    return next((theme for theme in THEMES if theme == cookie), "system")


@router.post("/preferences")
def prefer(
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the name that all links to come back to have
    language: Annotated[Language | None, Form()] = None,
    theme: Annotated[Theme | None, Form()] = None,
) -> RedirectResponse:
    """Keep the language or the theme in this browser, and go back. Nothing else changes."""
    answer = RedirectResponse(local_path(next), 303)
    for name, value in ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)):
        if value is not None:
            answer.set_cookie(name, value, max_age=_A_YEAR_S, httponly=True, samesite="lax")
    return answer


def local_path(text: str) -> str:
    r"""A path of this service to go to; anything else is the start page.

    >>> local_path("/review?labels=ng"), local_path("//evil.example"), local_path("/\\evil.example")
    ('/review?labels=ng', '/', '/')
    >>> local_path("https://evil.example"), local_path("/\tevil"), local_path("")
    ('/', '/', '/')
    """
    plain = text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gainspect.serve.pages"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "name": printable,
        "score": shown_score,
        "clock": lambda time: time.astimezone().strftime("%H:%M:%S"),
        "date": lambda time: time.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        "iso": lambda time: time.isoformat(timespec="seconds"),
    }
    environment.globals |= {"static": static_path, "languages": LANGUAGES, "themes": THEMES}
    return environment
