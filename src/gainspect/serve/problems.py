"""Errors as problem documents (RFC 9457): what, how to mend it, and what counts for the part."""

import json
import logging
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from gainspect.errors import GainspectError
from gainspect.types import Label

INSPECTIONS = "/v1/inspections"
"""Where decisions are asked for."""
MEDIA_TYPE = "application/problem+json"
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

    type: str = "about:blank"
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


def documented(told: str, **example: Any) -> dict[str, Any]:
    """An error as the OpenAPI document has it.

    Args:
        told: when it is answered.
        example: members of the problem document of an example; none: it has none.
    """
    content: dict[str, Any] = {"schema": _SCHEMA}
    if example:
        phrase = HTTPStatus(example["status"]).phrase
        content["example"] = {"type": "about:blank", "title": phrase} | example
    return {"description": told, "content": {MEDIA_TYPE: content}}


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        detail: what is wrong.
        hint: how to mend it.
        headers: of the answer.
        more: further members of the document.
    """

    def __init__(
        self, status: int, detail: str, hint: str = "", headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.headers = headers or {}
        self.more = more

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        told = {
            "type": "about:blank",
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


def add_problems(app: FastAPI, fail_safe: Label) -> None:
    """Let an app answer all its errors as problem documents."""

    def told(request: Request, problem: Problem) -> Response:
        return answer(request.scope, problem, fail_safe)

    @app.exception_handler(Problem)
    async def _problem(request: Request, problem: Problem) -> Response:
        return told(request, problem)

    @app.exception_handler(GainspectError)
    async def _refused(request: Request, error: GainspectError) -> Response:
        return told(request, Problem(503, error.what, error.hint))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [_fault(one) for one in error.errors()[:20] if one["type"] != "none_required"]
        form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        hint = _AS_FORM if request.url.path == INSPECTIONS and not form else ""
        return told(
            request, Problem(422, "the request is not as this address expects it", hint, faults=faults)
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return told(request, Problem(error.status_code, str(error.detail), headers=dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        _log.exception("an error of gainspect itself", exc_info=error)
        return told(request, Problem(500, "an error of gainspect itself", "The log of the service has more."))
