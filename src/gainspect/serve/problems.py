"""Errors as problem documents (RFC 9457): what, how to mend it, and what counts for the part."""

import json
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from gainspect.errors import GainspectError
from gainspect.serve.problem_codes import Code
from gainspect.types import Label

INSPECTIONS = "/v1/inspections"
"""Where decisions are asked for."""
MEDIA_TYPE = "application/problem+json"
TYPE = "urn:gainspect:problem:"
"""Begins the type of a problem; its code ends it."""
_AS_FORM = "Send a form with files: multipart/form-data."
_NO_FILE = "It is no file: send it with a file name."
_TRIED = re.compile(r"constrained-|function-(after|before|plain|wrap)\[")
_SCHEMA = {"$ref": "#/components/schemas/ProblemDocument"}
_log = logging.getLogger("gainspect.serve")


class Fault(BaseModel):
    """What is wrong with one value of a request."""

    where: str
    what: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description=f"{TYPE}CODE: the code stays when the words change.")
    title: str
    status: int
    detail: str = Field(description="What is wrong.")
    hint: str | None = Field(default=None, description="How to mend it.")
    decision: Label | None = Field(default=None, description="What counts for the part.")
    why: str | None = Field(default=None, description="Why there is no decision.")
    repeated: bool | None = Field(
        default=None, description="Whether an earlier request with the same key was answered so."
    )
    faults: list[Fault] | None = None


def documented(told: str, code: Code | None = None, **example: Any) -> dict[str, Any]:
    """An error as the OpenAPI document has it.

    Args:
        told: when it is answered.
        code: of an example.
        example: members of the problem document of an example; none: it has none.
    """
    content: dict[str, Any] = {"schema": _SCHEMA}
    if example:
        phrase = HTTPStatus(example["status"]).phrase
        content["example"] = {"type": f"{TYPE}{code}", "title": phrase} | example
    return {"description": told, "content": {MEDIA_TYPE: content}}


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        code: by which it is told apart.
        detail: what is wrong.
        hint: how to mend it.
        headers: of the answer.
        more: further members of the document; the words of a page are filled in with them.
    """

    def __init__(
        self,
        status: int,
        code: Code,
        detail: str,
        hint: str = "",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = headers or {}
        self.more = more

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        told = {
            "type": f"{TYPE}{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return told | ({"hint": self.hint} if self.hint else {}) | self.more


class _Document(JSONResponse):
    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """JSON in ASCII: what a request said may hold what UTF-8 cannot."""
        return json.dumps(content).encode("ascii")


def answer(scope: Scope, problem: Problem, fail_safe: Label) -> Response:
    """The problem document as an answer; where a decision was asked for, with what counts in its place."""
    document = problem.document()
    if scope["path"] == INSPECTIONS and scope["method"] == "POST":
        document["decision"] = str(fail_safe)
    return _Document(document, status_code=problem.status, headers=problem.headers)


def _fault(fault: Any) -> dict[str, str]:
    """What pydantic finds wrong with a value, in our words where its own are about Python.

    Of a field that may be missing, it names the kinds of values that it tried, as if they were places in it.
    """
    where = [str(place) for place in fault["loc"] if not _TRIED.match(str(place))]
    what = str(fault["msg"]).removeprefix("Value error, ")
    return {"where": ".".join(where), "what": _NO_FILE if "UploadFile" in what else what}


def add_problems(
    app: FastAPI, fail_safe: Label, page: Callable[[Request, Problem], Response | None] = lambda *_: None
) -> None:
    """Let an app answer all its errors as problem documents, or as pages.

    Args:
        app: whose errors they are.
        fail_safe: what counts where a decision was asked for.
        page: the problem as a page; None: no person looks at it.
    """

    def told(request: Request, problem: Problem) -> Response:
        return page(request, problem) or answer(request.scope, problem, fail_safe)

    @app.exception_handler(Problem)
    async def _problem(request: Request, problem: Problem) -> Response:
        return told(request, problem)

    @app.exception_handler(GainspectError)
    async def _refused(request: Request, error: GainspectError) -> Response:
        return told(request, Problem(503, "failed", error.what, error.hint))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [_fault(one) for one in error.errors()[:20] if one["type"] != "none_required"]
        form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        hint = _AS_FORM if request.url.path == INSPECTIONS and not form else ""
        what = "the request is not as this address expects it"
        return told(request, Problem(422, "invalid", what, hint, faults=faults))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code: Code = "no_page" if error.status_code == 404 else "not_taken"
        headers = dict(error.headers or {})
        return told(request, Problem(error.status_code, code, str(error.detail), headers=headers))

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        _log.exception("an error of gainspect itself", exc_info=error)
        hint = "The log of the service has more."
        return told(request, Problem(500, "internal", "an error of gainspect itself", hint))
