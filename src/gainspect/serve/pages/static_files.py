"""The style sheets, scripts and icons of the pages, under an address that changes with what they hold."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response

from gainspect.serve.problems import Problem

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class StaticFiles:
    """All of them, in memory: they are small."""

    digest: str
    """Of all files together: scripts import each other by name within one folder."""
    files: dict[str, tuple[bytes, str]]
    """Content and media type by name."""


@cache
def static_files() -> StaticFiles:
    """The files, read once."""
    files = {
        path.name: (path.read_bytes(), f"{_TYPES[path.suffix]}; charset=utf-8")
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _TYPES
    }
    content = b"".join(name.encode() + b"\0" + content for name, (content, _) in files.items())
    return StaticFiles(hashlib.sha256(content).hexdigest()[:16], files)


def static_path(name: str) -> str:
    """The address of a file.

    Raises:
        KeyError: there is none of this name.
    """
    found = static_files()
    found.files[name]
    return f"/static/{found.digest}/{name}"


@router.get("/static/{digest}/{name}")
def static_file(digest: str, name: str) -> Response:
    """A file; under the address of an earlier version it is the present one, and not kept by the browser."""
    found = static_files()
    if name not in found.files:
        raise Problem(404, "no_file", "there is no such file")
    content, media_type = found.files[name]
    kept = _FOR_EVER if digest == found.digest else "no-cache"
    return Response(content, media_type=media_type, headers={"Cache-Control": kept})
