"""Images by URI (s3://bucket/lot/), on anything that fsspec reads; fsspec is imported only for them."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.image_header import require_length
from gainspect.data.taken import OWN_OUTPUT, NotTaken, reasons, why_name_not
from gainspect.errors import GainspectError
from gainspect.inspection.inputs import RAISE_LIMIT

_URI = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*::)*[A-Za-z][A-Za-z0-9+.-]+://")
_GLOB = re.compile(r"[*?\[]")
_LONGEST_WHY = 300


def is_uri(name: str) -> bool:
    """Whether a name is a URI, and not a path of this machine.

    >>> is_uri("s3://bucket/lot/"), is_uri("simplecache::s3://bucket/a.png"), is_uri("C:/lot/a.png")
    (True, True, False)
    """
    return _URI.match(name) is not None


def below(uri: str, name: str) -> str:
    """The URI of what lies in a folder.

    >>> below("s3://bucket/lot/", "a.png")
    's3://bucket/lot/a.png'
    """
    return f"{uri.rstrip('/')}/{name}"


def file_system(uri: str) -> tuple[Any, str]:
    """The file system of a URI, and its path there. Settings are fsspec's own (environment, configuration).

    Listings are not remembered: what others, or this process, wrote since would not be found.

    Raises:
        GainspectError: a package is missing, or there is no such kind of URI.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise GainspectError(
            "URIs need fsspec", where=uri, hint="pip install 'gainspect[archive]'."
        ) from error
    try:
        system, path = url_to_fs(uri, use_listings_cache=False)
    except ImportError as error:
        raise GainspectError(f"this kind of URI needs a package ({error})", where=uri) from error
    except Exception as error:  # file systems raise errors of many kinds
        raise unreachable(uri, error) from error
    return system, path


def find_remote(uri: str, *, own_output: str | None = None) -> tuple[list[str], list[NotTaken]]:
    """The image files that a URI stands for, in order: a file, all below a folder, or a glob.

    Args:
        uri: a file that is named is taken whatever it is called.
        own_output: the URI that results are being written to, which is left out; None = none.

    Returns:
        Their URIs, and what else is there.

    Raises:
        GainspectError: there is nothing, or it cannot be read.
    """
    system, path = file_system(uri)
    try:
        if system.isfile(path):
            return [uri], []
        pattern = _GLOB.search(path) is not None
        entries = sorted(map(str, system.glob(path) if pattern else system.find(path)))
        if pattern:
            entries = [entry for entry in entries if not system.isdir(entry)]
    except Exception as error:
        raise unreachable(uri, error) from error
    base = path if not pattern else path[: _GLOB.search(path).start()].rpartition("/")[0]  # type: ignore[union-attr]
    spelled_out = pattern and PurePosixPath(path).suffix and not _GLOB.search(PurePosixPath(path).suffix)
    images, not_taken = list[str](), list[NotTaken]()
    for entry in entries:
        if entry.endswith("/"):  # stands for a folder
            continue
        name = _named(uri, entry)
        why = why_name_not(PurePosixPath(entry.removeprefix(base).lstrip("/")))
        if own_output is not None and name.startswith(below(own_output, "")):
            why = OWN_OUTPUT
        if why is None or (spelled_out and why.startswith(".")):
            images.append(name)
        else:
            not_taken.append(NotTaken(Path(entry), why))
    if not images:
        left = f" Not taken: {reasons(not_taken)}." if not_taken else ""
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise GainspectError("there are no images under this URI", where=uri, hint=f"Known: {known}.{left}")
    return images, not_taken


def read_remote(uri: str, max_mpx: float) -> bytes:
    """The content of a file.

    Args:
        uri: of the file.
        max_mpx: the largest decoded size, in millions of pixels; longer files are not fetched.

    Raises:
        GainspectError: it cannot be read, or is longer than any image within the limit.
    """
    system, path = file_system(uri)
    try:
        length = system.size(path)
        if length is None:
            return bytes(system.cat_file(path))
        require_length(length, max_mpx, where=uri, hint=RAISE_LIMIT)
        # Without the length, it would be asked for once more.
        return bytes(system.cat_file(path, start=0, end=length)) if length else b""
    except GainspectError:
        raise
    except Exception as error:
        raise unreachable(uri, error) from error


def open_remote(uri: str) -> Any:
    """A file, opened to be read here and there.

    Raises:
        GainspectError: it cannot be read.
    """
    system, path = file_system(uri)
    try:
        return system.open(path, "rb")
    except Exception as error:
        raise unreachable(uri, error) from error


def _named(uri: str, entry: str) -> str:
    """The URI of a path on the file system of another URI, which may be a chain of several.

    >>> _named("zip://*.png::s3://bucket/lot.zip", "a.png"), _named("https://host/a/", "https://host/a/b.png")
    ('zip://a.png::s3://bucket/lot.zip', 'https://host/a/b.png')
    """
    if is_uri(entry):
        return entry
    head, sign, rest = uri.partition("://")
    _, chained, further = rest.partition("::")
    return head + sign + entry + chained + further


def unreachable(uri: str, error: Exception) -> GainspectError:
    """The error for a URI that cannot be read or written, from the many kinds that file systems raise."""
    if isinstance(error, FileNotFoundError):
        return GainspectError("there is no such file", where=uri)
    if isinstance(error, PermissionError):
        return GainspectError("reading it is not permitted", where=uri, hint="Check the credentials.")
    said = " ".join(str(error).split())[:_LONGEST_WHY]
    return GainspectError(f"it cannot be reached ({type(error).__name__}: {said})", where=uri)
