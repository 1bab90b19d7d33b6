"""Finds problems in a data set before training, image by image, without stopping at the first one.

What it can find, and what it says then, is listed in `findings.KINDS`.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from gainspect.data.defect_size import SIZES, SMALL_DEFECT, Defect, SizeChoice, size_for
from gainspect.data.findings import IMBALANCE, Finding, Place, findings_of, refused
from gainspect.data.image_header import may_have_16_bits
from gainspect.data.manifest import SPLITS, Manifest, Part
from gainspect.data.marked import MOST
from gainspect.data.masks import marking_values
from gainspect.data.near_duplicates import Chosen, ThumbnailStore, find_twins, thumbnail_of
from gainspect.data.seen import pixel_sha256
from gainspect.data.taken import HIDDEN
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError, OtherSizeError
from gainspect.names import composed, escaped
from gainspect.types import Label

_DARKER = 3
"""A 16-bit image whose largest value is smaller than the usual one by more than this factor may be of another
depth: two bits less make a factor of 4."""


@dataclass(frozen=True)
class Contents:
    """One row of the table of contents of a data set."""

    split: str
    label: str
    defect_type: str
    images: int
    groups: int
    defect_px_median: float | None
    """Median and minimum of the width of the defects after resizing, pixels."""
    defect_px_min: float | None


@dataclass(frozen=True)
class Report:
    """All findings in one data set."""

    size: int
    """Input side at which the defects were measured, pixels."""
    tile: int | None
    """Side of the tiles that images are cut into, in pixels of the original; None: no tiling."""
    images: int
    heights: tuple[int, int]
    widths: tuple[int, int]
    """Smallest and largest height and width, pixels; 0 if no image could be read."""
    contents: tuple[Contents, ...]
    findings: tuple[Finding, ...]
    """The most serious first."""
    settled: tuple[str, ...] = ()
    """Sentences: how the split was made, and how the size was chosen."""

    @property
    def has_errors(self) -> bool:
        """Whether a training on these data would fail or give misleading results."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return asdict(self)


@dataclass
class Seen:
    """What is collected while reading the images; names are keys of the manifest."""

    places: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    """Where each kind of problem is, by its code."""
    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Height and width of each image that can be read, pixels."""
    defects: dict[str, Defect] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    """Largest value of each image that may be of 16 bits, 0…255."""
    covered: dict[str, float] = field(default_factory=dict)
    """Share of the image that its defect covers."""
    parts: list[Part] = field(default_factory=list)
    """Those whose image can be read, in order, and for each of them:"""
    pixels: list[str] = field(default_factory=list)
    thumbnails: ThumbnailStore = field(default_factory=ThumbnailStore)


def look(manifest: Manifest, on_image: Callable[[], None] = lambda: None) -> Seen:
    """Read every image and mask, one after the other.

    Args:
        manifest: the data set.
        on_image: called for each image.
    """
    seen = Seen()
    for part in manifest.parts:
        _look_at(manifest, part, seen)
        on_image()
    return seen


def check(
    manifest: Manifest,
    *,
    seen: Seen | None = None,
    size: int | Literal["auto"] = "auto",
    tiling: Tiling | None = None,
    refusal: GainspectError | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Report:
    """Check every image and mask.

    Args:
        manifest: the data set, with the split that a training would make of it.
        seen: what `look` has seen of it, to which what is found is added; None: every image is read.
        size: input side of the model, pixels; defects are measured after resizing to it. "auto": chosen from
            the defects that can be read, as a training does.
        tiling: how images are cut into tiles; None: the model sees them whole, unless "auto" chooses tiles.
        refusal: why a training would refuse the data; then no size is chosen.
        on_step: called twice for each image at most: when it was read, and when it was compared.
    """
    seen = look(manifest, on_step) if seen is None else seen
    choice = _choice(manifest, seen, tiling) if size == "auto" and refusal is None else None
    side = SIZES[1] if size == "auto" else size
    tile = None if tiling is None else tiling.tile
    if choice is not None:
        side, tile = choice.size, choice.tile
        tiling = None if tile is None else tiling or Tiling(tile, overlap=0.0)  # of no account for a width
    px = {name: defect.px(side, tiling) for name, defect in seen.defects.items()}
    for code, places in (
        ("group-on-two-sides", _crossing_groups(manifest)),
        ("small-defect", _small(px)),
        *_same_pictures(manifest, seen),
        ("near-duplicate", _near_duplicates(manifest, seen, on_step)),
        ("same-stem", _same_stems(manifest)),
        ("imbalance", _imbalance(manifest)),
        ("dark-16-bit", _dark(seen)),
        ("mask-values", _different_values(manifest)),
        ("mask-covers-most", _covering(seen)),
        ("not-taken", _not_taken(manifest, hidden=False)),
        ("hidden", _not_taken(manifest, hidden=True)),
    ):
        seen.places[code].extend(places)
    if tiling is not None:
        unmarked = [seen.places.pop(code, []) for code in ("ng-empty-mask", "ng-without-mask")]
        seen.places["ng-left-out"] = sorted(unmarked[0] + unmarked[1])
    heights, widths = zip(*seen.shapes.values(), strict=True) if seen.shapes else ((0,), (0,))
    return Report(
        size=side,
        tile=tile,
        images=len(manifest.parts),
        heights=(min(heights), max(heights)),
        widths=(min(widths), max(widths)),
        contents=tuple(_contents(manifest, px)),
        findings=(*([] if refusal is None else [refused(refusal)]), *findings_of(seen.places)),
        settled=() if choice is None else (str(choice),),
    )


def _look_at(manifest: Manifest, part: Part, seen: Seen) -> None:
    name = manifest.key(part)
    try:
        image = manifest.image(part)
    except GainspectError as error:
        seen.places["unreadable"].append(Place(f"{name}: {error.what}", (name,)))
        return
    seen.shapes[name] = image.shape[0], image.shape[1]
    seen.parts.append(part)
    seen.pixels.append(pixel_sha256(image))
    seen.thumbnails.append(thumbnail_of(image))
    if may_have_16_bits(part.image):
        seen.peaks[name] = int(image.max())
    try:
        mask = manifest.mask(part, image.shape)
    except GainspectError as error:
        code = "mask-size" if isinstance(error, OtherSizeError) else "mask-unreadable"
        seen.places[code].append(Place(f"{name}: {error.what}", (name,)))
        return
    if mask is None:
        if part.label is Label.NG:
            seen.places["ng-without-mask"].append(Place(name, (name,)))
    elif part.label is Label.OK and mask.any():
        seen.places["ok-with-defect"].append(Place(name, (name,)))
    elif part.label is Label.NG and not mask.any():
        seen.places["ng-empty-mask"].append(Place(name, (name,)))
    elif mask.any():
        seen.defects[name] = Defect.of(mask, part.defect_type, outlined=part.outlined)
        seen.covered[name] = float(mask.mean())


def _small(px: dict[str, float]) -> Iterator[Place]:
    """Defects that are too small after resizing, by the width of each."""
    for name, width in px.items():
        if width < SMALL_DEFECT:
            yield Place(f"{name} ({width:.1f} px)", (name,))


def _dark(seen: Seen) -> Iterator[Place]:
    """16-bit images whose largest value is far below that of the others."""
    usual = float(np.median(list(seen.peaks.values()))) if seen.peaks else 0.0
    for name, peak in seen.peaks.items():
        if peak * _DARKER < usual:
            yield Place(f"{name} (reaches {peak / usual:.0%} of what is usual)", (name,))


def _choice(manifest: Manifest, seen: Seen, tiling: Tiling | None) -> SizeChoice:
    """As `choose_size`, from what was read already."""
    names = (manifest.key(part) for part in manifest.parts if part.split != "test")
    return size_for([seen.defects[name] for name in names if name in seen.defects], tiling=tiling)


def _same_pictures(manifest: Manifest, seen: Seen) -> Iterator[tuple[str, Iterable[Place]]]:
    """Each kind of pictures that are there twice, with all their names."""
    alike: dict[str, list[Part]] = defaultdict(list)
    for part, digest in zip(seen.parts, seen.pixels, strict=True):
        alike[digest].append(part)
    for parts in alike.values():
        if len({part.label for part in parts}) > 1:
            yield "two-labels", [_named(manifest, parts, lambda part: part.label.upper())]
        elif len({part.split for part in parts}) > 1:
            yield "same-in-two-splits", [_named(manifest, parts, lambda part: part.split or "no split")]
        elif len(parts) > 1:
            yield "same-in-one-split", [_named(manifest, parts)]


def _named(manifest: Manifest, parts: Sequence[Part], as_what: Callable[[Part], str] | None = None) -> Place:
    names = tuple(map(manifest.key, parts))
    said = ("" if as_what is None else f" ({as_what(part)})" for part in parts)
    return Place(" = ".join(map(str.__add__, names, said)), names)


def _near_duplicates(manifest: Manifest, seen: Seen, on_step: Callable[[], None]) -> list[Place]:
    """Images of a split, each with its nearest twin in one that comes before it (train, val, test)."""
    # By names, so that the order of a table's rows changes nothing.
    order = sorted(range(len(seen.parts)), key=lambda index: manifest.key(seen.parts[index]))
    parts = [seen.parts[index] for index in order]
    pixels = [seen.pixels[index] for index in order]
    thumbnails = Chosen(seen.thumbnails, order)
    nearest: dict[str, str] = {}
    twins = find_twins(thumbnails, [part.group for part in parts], on_step)
    for twin in sorted(twins, key=lambda twin: twin.nearness):
        first, later = sorted((twin.one, twin.other), key=lambda index: _rank(parts[index]))
        if _rank(parts[first]) < _rank(parts[later]) and pixels[first] != pixels[later]:
            nearest.setdefault(manifest.key(parts[later]), manifest.key(parts[first]))
    return [Place(f"{name} ~ {twin}", (name, twin)) for name, twin in sorted(nearest.items())]


def _rank(part: Part) -> int:
    return -1 if part.split is None else SPLITS.index(part.split)


def _crossing_groups(manifest: Manifest) -> Iterator[Place]:
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in manifest.parts:
        groups[part.group].append(part)
    for group, parts in sorted(groups.items()):
        splits = {part.split or "" for part in parts}
        if len(splits) > 1:
            yield Place(f"{group}: {', '.join(sorted(splits))}", tuple(map(manifest.key, parts)))


def _different_values(manifest: Manifest) -> Iterable[Place]:
    """The values that mark defects, if there are several, and nobody said what they mean.

    Masks that cannot be read are found one by one.
    """
    if manifest.reading.mask_values is not None:
        return []
    try:
        values = marking_values(part.mask for part in manifest.parts if part.mask is not None)
    except GainspectError:
        return []
    return map(Place, values) if len(values) > 1 else []


def _covering(seen: Seen) -> Iterable[Place]:
    return [Place(f"{name} ({share:.0%})", (name,)) for name, share in seen.covered.items() if share > MOST]


def _not_taken(manifest: Manifest, *, hidden: bool) -> list[Place]:
    return [
        Place(f"{escaped(os.path.relpath(item.path, manifest.root))} ({item.why})")
        for item in manifest.not_taken
        if (item.why == HIDDEN) is hidden
    ]


def _same_stems(manifest: Manifest) -> Iterable[Place]:
    named: dict[str, list[str]] = defaultdict(list)
    for part in manifest.parts:
        named[composed(escaped(part.image.stem))].append(manifest.key(part))
    return [Place(stem, tuple(keys)) for stem, keys in named.items() if len(keys) > 1]


def _imbalance(manifest: Manifest) -> Iterator[Place]:
    counts = Counter((part.split or "all", part.label) for part in manifest.parts)
    for split in sorted({split for split, _ in counts}):
        ok, ng = counts[split, Label.OK], counts[split, Label.NG]
        if ok and ng and max(ok, ng) > IMBALANCE * min(ok, ng):
            yield Place(f"{split}: {ok} OK, {ng} NG")


def _contents(manifest: Manifest, px: dict[str, float]) -> Iterator[Contents]:
    rows: dict[tuple[str, str, str], list[Part]] = defaultdict(list)
    for part in manifest.parts:
        rows[part.split or "–", part.label.upper(), part.defect_type or "–"].append(part)
    for (split, label, kind), parts in sorted(rows.items()):
        sizes = [px[key] for part in parts if (key := manifest.key(part)) in px]
        yield Contents(
            split=split,
            label=label,
            defect_type=kind,
            images=len(parts),
            groups=len({part.group for part in parts}),
            defect_px_median=round(float(np.median(sizes)), 1) if sizes else None,
            defect_px_min=round(min(sizes), 1) if sizes else None,
        )
