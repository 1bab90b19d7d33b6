"""Reads rules on regions from a file that people write (docs/rules.md)."""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode

from gainspect.errors import GainspectError
from gainspect.inspection.regions.scale import require_scale
from gainspect.region_rules import Conditions, Range, RegionRule, RegionRules
from gainspect.types import RegionAction

_MOST_BYTES = 2**20
_HINT = "docs/rules.md shows how a rule is written."


def read_rules(path: Path, mm_per_px: float | None = None) -> RegionRules:
    """Read a rule file, YAML in UTF-8.

    Args:
        path: the file.
        mm_per_px: size of a pixel; None: as the file says, if it does.

    Raises:
        GainspectError: the file cannot be read, is empty, has unknown or repeated keys, states another scale,
            or its rules contradict each other or could never act.
    """
    content = _content(path)
    if mm_per_px is not None:
        stated = content.setdefault("mm_per_px", require_scale(mm_per_px))
        if stated != mm_per_px:
            raise GainspectError(
                f"the file says {stated} mm per pixel, but {mm_per_px:g} is given",
                where=path,
                hint="State the scale once.",
            )
    try:
        written = json.dumps(content, default=str)
    except (TypeError, ValueError, RecursionError) as error:  # a key is no text, or a list holds itself
        raise GainspectError(f"the rules cannot be read ({error})", where=path, hint=_HINT) from error
    try:
        return RegionRules.model_validate_json(written)
    except ValidationError as error:
        raise _fault(path, content, error) from error


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise GainspectError("this is too large for a rule file", where=path, hint=_HINT)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise GainspectError(f"cannot read the rules ({error.strerror})", where=path) from error
    except UnicodeDecodeError as error:
        raise GainspectError("the rules are not UTF-8 text", where=path, hint=_HINT) from error
    try:
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(getattr(error, "problem", None) or error).split())[:200]
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = "" if line is None else f", line {line + 1}"
        raise GainspectError(f"the rules cannot be read ({problem}{at})", where=path, hint=_HINT) from error
    if content is None or content == {} or content == []:
        raise GainspectError("the file has no rules", where=path, hint=_HINT)
    if not isinstance(content, dict) or not isinstance(content.get("rules"), list) or not content["rules"]:
        raise GainspectError("the file has no list called `rules`", where=path, hint=_HINT)
    return content


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key that is there twice, of which YAML would take the last."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is there twice", node.value[index][0].start_mark
                )
        return super().construct_mapping(node, deep)


def _fault(path: Path, content: dict[str, Any], error: ValidationError) -> GainspectError:
    """The first fault, with the name of its rule and the keys that are known there."""
    fault = error.errors()[0]
    place, message = list(fault["loc"]), str(fault["msg"]).removeprefix("Value error, ")
    rule = ""
    if len(place) > 1 and place[0] == "rules" and isinstance(place[1], int):
        given = content["rules"][place[1]]
        name = given.get("name") if isinstance(given, dict) else None
        rule = f"rule {name!r}" if isinstance(name, str) else f"rule {place[1] + 1}"
        place = place[2:]
    hint = _HINT
    if fault["type"] == "extra_forbidden":
        known = list(Range.model_fields if len(place) == 3 else Conditions.model_fields)
        if len(place) == 1:
            known = list(RegionRule.model_fields if rule else RegionRules.model_fields)
        message, hint = f"unknown key {place[-1]!r}", f"Known are {', '.join(known)}. {_HINT}"
        place = place[:-1]
    if fault["type"] == "enum":
        hint = f"Choose from {', '.join(RegionAction)}."
    if place[:2] == ["when", "zone"] and len(place) == 4 and fault["type"].endswith("_equal"):
        message = f"corner {int(place[2]) + 1} lies outside the image ({fault['input']})"
        place, hint = place[:2], "Corners are shares of the image, 0 to 1, from its top left corner."
    where = ".".join(map(str, place))
    told = ": ".join(part for part in (rule, where, message) if part)
    return GainspectError(told, where=path, hint=hint)
