"""Which part an image file shows, by a pattern on its name or by a table."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gainspect.data.manifest import require_few_views
from gainspect.data.tables import read_rows
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped
from gainspect.wording import plural

_TABLES = (".csv", ".parquet")
_COLUMNS = ("image", "part")


def named_parts(given: str, sources: Sequence[str]) -> dict[str, str]:
    """The part of each image file.

    Args:
        given: a table (.csv or .parquet) with the columns image and part, in which an image has its path or
            the end of it; or a regular expression that is found in the path, with forward slashes, of every
            image and whose group named part, or only group, is the name of the part.
        sources: the names of the image files.

    Returns:
        The part by the name of the file.

    Raises:
        GainspectError: it is neither, an image has no part, a table names an image that is not among them
            (a part of which a view is missing would be decided without it), or a part has very many images.
    """
    table = _is_table(given)
    parts = _by_table(Path(given), sources) if table else _by_pattern(given, sources)
    require_few_views(Counter(parts.values()), Path(given) if table else None)
    return parts


def rule_of(given: str) -> str:
    """What tells one rule from another: the pattern, or the SHA-256 of the table, which was read before."""
    if not _is_table(given):
        return given
    return f"table {hashlib.sha256(Path(given).read_bytes()).hexdigest()}"


def _is_table(given: str) -> bool:
    return Path(given).suffix.lower() in _TABLES


def part_finder(given: str) -> Callable[[str], str | None]:
    """What finds the part of an image by a pattern on its name, where not all images are known beforehand.

    Args:
        given: see `named_parts`; no table.

    Returns:
        From the name of a file to its part; None: the pattern finds none in it.

    Raises:
        GainspectError: it is no such pattern, or a table.
    """
    if _is_table(given):
        raise GainspectError(
            "a table names images that are all there, and these are still to come",
            where=given,
            hint="Give a pattern with one group, such as '([^/]+)_view[0-9]'.",
        )
    pattern, group = _pattern_in(given)

    def part_of(source: str) -> str | None:
        match = pattern.search(_path(source))
        return match and (match[group] or None)

    return part_of


def _pattern_in(given: str) -> tuple[re.Pattern[str], str | int]:
    """The pattern, and the group that is the part's name.

    Raises:
        GainspectError: it is none.
    """
    try:
        pattern = re.compile(given)
    except re.error as error:
        raise GainspectError(f"--parts {given!r} is no regular expression ({error})", hint=_HINT) from error
    if pattern.groups != 1 and "part" not in pattern.groupindex:
        raise GainspectError(f"--parts {given!r} has {plural(pattern.groups, 'group')}", hint=_HINT)
    return pattern, "part" if "part" in pattern.groupindex else 1


def _by_pattern(given: str, sources: Sequence[str]) -> dict[str, str]:
    pattern, group = _pattern_in(given)
    found = {source: pattern.search(_path(source)) for source in sources}
    parts = {source: match[group] or "" for source, match in found.items() if match is not None}
    without = [source for source in sources if not parts.get(source)]
    if without:
        raise GainspectError(
            f"--parts {given!r} finds no part in {plural(len(without), 'name')}, such as {_path(without[0])}",
            hint=_HINT,
        )
    return parts


_HINT = "Write a pattern with one group, such as '([^/]+)_view[0-9]', or give a CSV with image and part."


def _by_table(table: Path, sources: Sequence[str]) -> dict[str, str]:
    ends = _by_end(sources)
    parts: dict[str, str] = {}
    for row in read_rows(table, known=_COLUMNS, required=_COLUMNS):
        where = f"{table}, {row.place}"
        name, part = _path(row.text("image")).removeprefix("./"), row.text("part")
        if not name or not part:
            raise GainspectError(f"the column {'part' if name else 'image'} is empty", where=where)
        meant = ends.get(name, [])
        if not meant:
            raise GainspectError(
                f"image {name!r} of part {part!r} is not among the images to be judged",
                where=where,
                hint="Judge all images of a part together, or take the row away.",
            )
        if len(meant) > 1:
            raise GainspectError(
                f"image {name!r} may be {meant[0]!r} or {meant[1]!r}",
                where=where,
                hint="Write its whole path.",
            )
        if meant[0] in parts:
            raise GainspectError(f"image {name!r} is named twice", where=where, hint="Leave one of the rows.")
        parts[meant[0]] = part
    if not parts:
        raise GainspectError("it names no image", where=table, hint="Give the columns image and part.")
    if without := [source for source in sources if source not in parts]:
        raise GainspectError(
            f"it names no part for {plural(len(without), 'image')}, such as {_path(without[0])}",
            where=table,
            hint="Add a row for each image.",
        )
    return parts


def _by_end(sources: Sequence[str]) -> Mapping[str, list[str]]:
    """The files by each end of their paths."""
    ends: dict[str, list[str]] = {}
    for source in dict.fromkeys(sources):
        steps = _path(source).removeprefix("./").split("/")
        for start in range(len(steps)):
            ends.setdefault("/".join(steps[start:]), []).append(source)
    return ends


def _path(source: str) -> str:
    return composed(escaped(source)).replace("\\", "/")
