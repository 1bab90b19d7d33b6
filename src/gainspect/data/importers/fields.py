"""What readers of JSON take from it, checked: records, points, sizes, bytes."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from gainspect.data.importers.annotations import Points, ring
from gainspect.errors import GainspectError

Record = Mapping[str, Any]


def records(content: object, key: str, where: str) -> list[Record]:
    """The records that are listed under a key; none, if the key is missing or null.

    Raises:
        GainspectError: there is something else.
    """
    listed = content.get(key) if isinstance(content, Mapping) else ()
    listed = [] if listed is None else listed
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise GainspectError(f"its {key} are not a list of records", where=where)
    return listed


def pairs(listed: object, where: str) -> Points:
    """Points from `[[x, y], [x, y], …]`.

    >>> pairs([[0, 1], [2.5, 3]], "a.json").tolist()
    [[0.0, 1.0], [2.5, 3.0]]

    Raises:
        GainspectError: they are not pairs of finite numbers.
    """
    if not isinstance(listed, list) or not all(isinstance(p, list) and len(p) == 2 for p in listed):
        raise GainspectError("its points are not pairs of numbers", where=where)
    return ring((number for point in listed for number in point), where)


def stated_size(height: object, width: object) -> tuple[int, int] | None:
    """Height and width, if both are stated as positive whole numbers.

    >>> stated_size(40, 60), stated_size(40, None), stated_size(0, 60)
    ((40, 60), None, None)
    """
    if type(height) is int and type(width) is int and height > 0 and width > 0:
        return height, width
    return None


def file_name(path: str, otherwise: str) -> str:
    r"""The name at the end of a path of any system, for a file that is to be written.

    >>> file_name("C:\\lot 1\\a?.png", "b.png"), file_name("..", "b.png")
    ('a_.png', 'b.png')
    """
    name = re.sub(r'[\x00-\x1f<>:"|?*]', "_", re.split(r"[\\/]", path)[-1]).strip()
    return otherwise if name in ("", ".", "..") else name


def from_base64(text: object, where: str) -> bytes:
    """Bytes that are written as text, with or without `data:image/png;base64,` before them.

    Raises:
        GainspectError: it is no such text.
    """
    if not isinstance(text, str):
        raise GainspectError("its embedded data are not text", where=where)
    try:
        return base64.b64decode("".join(text.rpartition("base64,")[2].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise GainspectError("its embedded data are not base64", where=where) from error
