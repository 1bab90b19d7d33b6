"""Known parts, good and bad, that show whether a station decides rightly and for the right place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.inspection.stream import Inspected
from gainspect.metrics.cam import peak_in_mask
from gainspect.names import escaped
from gainspect.types import Label

_MOST_PARTS = 100
_LONGEST_NAME = 200

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class KnownView:
    """One image of a known part."""

    path: Path
    """A picture of it."""
    region: Mask | None = field(repr=False)
    """(H, W) True in the defect; None: it shows none."""

    def in_place(self, seen: Inspected) -> bool:
        """Whether the evidence of an image of this view is highest in the defect; of one that failed, never.

        An image of another size than the picture is compared by shares of width and height.
        """
        assert self.region is not None
        if seen.verdict is None:
            return False
        evidence = seen.verdict.evidence.evidence
        height, width = evidence.shape
        region = cv2.resize(self.region.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        return bool(region.any()) and peak_in_mask(evidence, region.astype(np.bool_))


@dataclass(frozen=True)
class KnownPart:
    """A part whose label is known."""

    name: str
    label: Label
    views: tuple[KnownView, ...]

    def in_place(self, seen: Sequence[Inspected]) -> bool | None:
        """Whether the evidence is in the defect in every view that shows one; None: none does."""
        marked = [
            view.in_place(one) for view, one in zip(self.views, seen, strict=True) if view.region is not None
        ]
        return all(marked) if marked else None


@dataclass(frozen=True)
class ChallengeSet:
    """The parts of a challenge."""

    name: str
    """That of its folder, and the first digits of `fingerprint`: parts that were changed are another set."""
    fingerprint: str
    parts: Mapping[str, KnownPart]
    """By name, in order."""


def read_challenges(folder: Path | None) -> dict[str, ChallengeSet]:
    """The sets in a folder: each of its folders is one, in any layout of docs/data.md.

    Args:
        folder: of the settings; None: there are none.

    Raises:
        GainspectError: it cannot be read, or one of them cannot show what it is to show.
    """
    if folder is None:
        return {}
    try:
        places = sorted(place for place in folder.iterdir() if place.is_dir() and place.name[0] != ".")
    except OSError as error:
        raise GainspectError(f"cannot read challenges ({error.strerror})", where=folder) from error
    found = [_read(place) for place in places]
    return {one.name: one for one in found}


def _read(place: Path) -> ChallengeSet:
    """One set.

    Raises:
        GainspectError: it lacks good or bad parts, a bad one has no marked defect, or it has too many.
    """
    manifest = load_manifest(place)
    views: dict[str, list[Part]] = {}
    for part in manifest.parts:
        views.setdefault(manifest.decided(part), []).append(part)
    parts = {name: _known(manifest, name, rows) for name, rows in views.items()}
    if {part.label for part in parts.values()} != {Label.OK, Label.NG}:
        raise GainspectError(
            "a challenge needs good and bad parts", where=place, hint="Add parts of the other label."
        )
    if len(parts) > _MOST_PARTS:
        raise GainspectError(f"a challenge has at most {_MOST_PARTS} parts", where=place)
    fingerprint = manifest.fingerprint()
    return ChallengeSet(f"{escaped(place.name)[:_LONGEST_NAME]} {fingerprint[:8]}", fingerprint, parts)


def _known(manifest: Manifest, name: str, rows: Sequence[Part]) -> KnownPart:
    label = Label.NG if any(row.label is Label.NG for row in rows) else Label.OK
    views = tuple(KnownView(row.image, _region(manifest, row)) for row in rows)
    if label is Label.NG and all(view.region is None for view in views):
        raise GainspectError(
            f"no defect is marked on the bad part {name!r}",
            where=manifest.root,
            hint="Give it a mask: a challenge asks for the place too.",
        )
    return KnownPart(name, label, views)


def _region(manifest: Manifest, row: Part) -> Mask | None:
    mask = None if row.label is Label.OK else manifest.mask(row, manifest.shape(row))
    return None if mask is None or not mask.any() else mask.astype(np.bool_)
