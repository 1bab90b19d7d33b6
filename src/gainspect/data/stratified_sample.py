"""A smaller set of images in which OK and each type of defect have their shares of the whole."""

import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.names import composed
from gainspect.types import Label
from gainspect.wording import plural

_Stratum = tuple[Label, str]
"""What a part is: its label, and its type of defect."""


class _Unit(NamedTuple):
    """Images that are decided together; they are taken together."""

    name: str
    stratum: _Stratum
    images: int


def stratified_sample(manifest: Manifest, limit: int) -> Manifest:
    """At most so many images, drawn by what they are; the same ones each time.

    Parts are drawn without replacement, in the order of a hash of their names: neither the order of the
    manifest nor other parts of their kind matter. So many of each kind are taken that each has its share of
    the whole, as nearly as whole parts allow, but of OK and of NG at least one. A larger limit keeps what a
    smaller one takes.

    Args:
        manifest: the data.
        limit: of images; with as many or more than there are, all are taken.

    Returns:
        The sample, in the manifest's order.

    Raises:
        GainspectError: there is no room for an OK part and an NG part.
    """
    if limit >= len(manifest.parts):
        return manifest
    taken: set[str] = set()
    left = limit
    for unit in _in_order(_units(manifest)):
        if unit.images > left:
            break
        taken.add(unit.name)
        left -= unit.images
    sample = replace(manifest, parts=tuple(part for part in manifest.parts if _name(manifest, part) in taken))
    if {part.label for part in sample.parts} < {part.label for part in manifest.parts}:
        raise GainspectError(
            f"there is no room for an OK part and an NG part in a sample of {plural(limit, 'image')}",
            where=manifest.root,
            hint="Choose a larger --limit.",
        )
    return sample


def _in_order(units: list[_Unit]) -> list[_Unit]:
    """Such that those up to any place are a sample: the first of each class, then by the share of a kind."""
    kinds: dict[_Stratum, list[_Unit]] = defaultdict(list)
    for unit in sorted(units, key=lambda unit: _digest(unit.name)):
        kinds[unit.stratum].append(unit)
    spread = [
        ((place + 0.5) / len(of_kind), stratum, unit)
        for stratum, of_kind in kinds.items()
        for place, unit in enumerate(of_kind)
    ]
    order = [unit for *_, unit in sorted(spread, key=lambda one: one[:2])]
    first = [next((unit for unit in order if unit.stratum[0] is label), None) for label in Label]
    ahead = [unit for unit in first if unit is not None]
    return [*ahead, *(unit for unit in order if unit not in ahead)]


def _units(manifest: Manifest) -> list[_Unit]:
    together: dict[str, list[Part]] = defaultdict(list)
    for part in manifest.parts:
        together[_name(manifest, part)].append(part)
    return [_Unit(name, _stratum(parts), len(parts)) for name, parts in together.items()]


def _stratum(parts: list[Part]) -> _Stratum:
    """NG if one of the images is, with the type of its defect."""
    defective = [part for part in parts if part.label is Label.NG]
    return (Label.NG, defective[0].defect_type or "") if defective else (Label.OK, "")


def _name(manifest: Manifest, part: Part) -> str:
    return composed(manifest.decided(part))


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
