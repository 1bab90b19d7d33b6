"""Finds problems in a data set before training, image by image, without stopping at the first one."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.defect_size import SMALL_DEFECT, defect_px
from gainspect.data.manifest import Manifest, Part
from gainspect.data.masks import marking_values
from gainspect.data.taken import HIDDEN
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped
from gainspect.types import Image, Label

Severity = Literal["error", "warning", "info"]

_HASH_BITS_APART = 4
_THUMBNAIL_CORRELATION = 0.99
_IMBALANCE = 10
_MOST = 0.5
"""Of an image: a defect that covers more is unusual."""


@dataclass(frozen=True)
class Finding:
    """One kind of problem, and where it was found."""

    code: str
    severity: Severity
    what: str
    hint: str
    where: tuple[str, ...] = ()
    """Names of images, or of groups."""


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

    @property
    def has_errors(self) -> bool:
        """Whether a training on these data would fail or give misleading results."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return asdict(self)


@dataclass
class _Seen:
    """What is collected while reading the images."""

    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    shapes: list[tuple[int, int]] = field(default_factory=list)
    defect_px: dict[str, float] = field(default_factory=dict)
    covered: dict[str, float] = field(default_factory=dict)
    """Share of the image that its defect covers."""
    names: list[str] = field(default_factory=list)
    hashes: list[NDArray[np.bool_]] = field(default_factory=list)
    thumbnails: list[NDArray[np.float32]] = field(default_factory=list)


def check(
    manifest: Manifest,
    *,
    size: int,
    tiling: Tiling | None = None,
    on_image: Callable[[], None] | None = None,
) -> Report:
    """Check every image and mask.

    Args:
        manifest: the data set.
        size: input side of the model, pixels; defects are measured after resizing to it.
        tiling: how images are cut into tiles; None: the model sees them whole.
        on_image: called after each image.
    """
    seen = _Seen()
    for part in manifest.parts:
        _look_at(manifest, part, size, tiling, seen)
        if on_image is not None:
            on_image()
    for code, names in (
        ("group-on-two-sides", _crossing_groups(manifest)),
        ("near-duplicate", _crossing_twins(manifest, seen)),
        ("same-stem", _same_stems(manifest)),
        ("one-class", _one_class(manifest)),
        ("imbalance", _imbalance(manifest)),
        ("mask-values", _different_values(manifest)),
        ("mask-covers-most", _covering(seen)),
        ("not-taken", _not_taken(manifest, hidden=False)),
        ("hidden", _not_taken(manifest, hidden=True)),
    ):
        seen.faults[code].extend(names)
    small = [f"{name} ({px:.1f} px)" for name, px in seen.defect_px.items() if px < SMALL_DEFECT]
    seen.faults["small-defect"].extend(small)
    if tiling is not None:
        unmarked = [seen.faults.pop(code, []) for code in ("ng-empty-mask", "ng-without-mask")]
        seen.faults["ng-left-out"] = sorted(unmarked[0] + unmarked[1])
    heights, widths = zip(*seen.shapes, strict=True) if seen.shapes else ((0,), (0,))
    return Report(
        size=size,
        tile=None if tiling is None else tiling.tile,
        images=len(manifest.parts),
        heights=(min(heights), max(heights)),
        widths=(min(widths), max(widths)),
        contents=tuple(_contents(manifest, seen)),
        findings=tuple(_findings(seen.faults)),
    )


_KINDS: dict[str, tuple[Severity, str, str]] = {
    "unreadable": ("error", "images that cannot be read", "Export them again, or remove them."),
    "mask-unreadable": ("error", "masks that cannot be read", "Export them again as grey PNG, 0 and 255."),
    "mask-values": (
        "error",
        "values that mark a defect: if they are classes, or an area to ignore, all would count as defect",
        "Save 0 for the background and one other value for the defect, the same in all masks.",
    ),
    "mask-covers-most": (
        "warning",
        "masks that cover most of their image: inverted, or the part instead of its defect?",
        "Save 0 for the background and the other value for the defect.",
    ),
    "mask-size": ("error", "masks that differ in size from their image", "Export masks at the image's size."),
    "ok-with-defect": ("error", "OK images whose mask marks a defect", "Correct the label or the mask."),
    "group-on-two-sides": (
        "error",
        "parts with images in several splits: the test would contain parts seen in training",
        "Move all images of a part to the same split.",
    ),
    "one-class": ("error", "splits without OK or NG images", "Add the missing class, or split again."),
    "ng-empty-mask": (
        "warning",
        "NG images whose mask is empty: they train only the classifiers",
        "Mark the defect with a value that is not 0, or remove the mask.",
    ),
    "ng-without-mask": (
        "info",
        "NG images without a mask: they train only the classifiers",
        "Mark the defect.",
    ),
    "ng-left-out": (
        "warning",
        "NG images without a marked defect: training with tiles leaves them out",
        "Mark the defect, so that it is known which tiles are OK.",
    ),
    "near-duplicate": (
        "warning",
        "pairs of nearly equal images in different splits: the test may contain parts seen in training",
        "If they show the same part, give them the same group.",
    ),
    "small-defect": (
        "warning",
        f"defects less than {SMALL_DEFECT:.0f} px wide after resizing: they are likely to be missed",
        "Train with a larger --size, or with smaller tiles (--set data.tile=512).",
    ),
    "imbalance": (
        "warning",
        f"splits in which one class has over {_IMBALANCE} times as many images as the other",
        "Add images of the rarer class.",
    ),
    "dark-16-bit": (
        "warning",
        "16-bit images that use 12 bits or fewer: they become very dark",
        "Export them with the full 16-bit range, or with 8 bits.",
    ),
    "not-taken": (
        "warning",
        "files, folders or rows are not taken for images or masks",
        f"Save images as one of {' '.join(sorted(IMAGE_SUFFIXES))}; take away what is none.",
    ),
    "hidden": ("info", "hidden files and folders, which are not read", "Nothing, or take them away."),
    "same-stem": (
        "info",
        "image names that occur in several folders",
        "Rename these images if you want to write their maps.",
    ),
}


def _findings(faults: dict[str, list[str]]) -> Iterator[Finding]:
    """In the order of the table `_KINDS`."""
    for code, (severity, what, hint) in _KINDS.items():
        if faults.get(code):
            yield Finding(code, severity, f"{len(faults[code])} {what}", hint, tuple(faults[code]))


def _look_at(manifest: Manifest, part: Part, size: int, tiling: Tiling | None, seen: _Seen) -> None:
    name = manifest.key(part)
    try:
        image = manifest.image(part)
    except GainspectError as error:
        seen.faults["unreadable"].append(f"{name}: {error.what}")
        return
    seen.shapes.append((image.shape[0], image.shape[1]))
    seen.names.append(name)
    seen.hashes.append(_difference_hash(image))
    seen.thumbnails.append(_thumbnail(image))
    if _is_dark_16_bit(part.image):
        seen.faults["dark-16-bit"].append(name)
    try:
        mask = manifest.mask(part, image.shape)
    except GainspectError as error:
        code = "mask-size" if "px, its image" in error.what else "mask-unreadable"
        seen.faults[code].append(f"{name}: {error.what}")
        return
    if mask is None:
        if part.label is Label.NG:
            seen.faults["ng-without-mask"].append(name)
    elif part.label is Label.OK and mask.any():
        seen.faults["ok-with-defect"].append(name)
    elif part.label is Label.NG and not mask.any():
        seen.faults["ng-empty-mask"].append(name)
    elif mask.any():
        seen.defect_px[name] = defect_px(mask, size, tiling)
        seen.covered[name] = float(mask.mean())


def _is_dark_16_bit(path: Path) -> bool:
    raw = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return raw is not None and raw.dtype == np.uint16 and int(raw.max()) < 4096


def _difference_hash(image: Image) -> NDArray[np.bool_]:
    """(64,) whether each cell of a 9×8 thumbnail is brighter than its right neighbor (dHash)."""
    cells = cv2.resize(image.mean(axis=2).astype(np.float32), (9, 8), interpolation=cv2.INTER_AREA)
    return np.asarray(cells[:, :-1] > cells[:, 1:]).ravel()


def _thumbnail(image: Image) -> NDArray[np.float32]:
    """(1024,) 32×32 gray, mean 0 and length 1, so that the scalar product of two is their correlation."""
    cells = cv2.resize(image.mean(axis=2).astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA).ravel()
    cells = cells - cells.mean()
    return np.asarray(cells / max(float(np.linalg.norm(cells)), 1e-6), np.float32)


def _crossing_twins(manifest: Manifest, seen: _Seen) -> Iterator[str]:
    """Pairs in different splits with nearly equal hash and thumbnail."""
    splits = {manifest.key(part): part.split for part in manifest.parts}
    hashes, thumbnails = np.array(seen.hashes), np.array(seen.thumbnails)
    for index in range(len(seen.names) - 1):
        apart = np.count_nonzero(hashes[index + 1 :] != hashes[index], axis=1)
        for offset in np.flatnonzero(apart <= _HASH_BITS_APART):
            other = index + 1 + int(offset)
            one, two = seen.names[index], seen.names[other]
            if splits[one] != splits[two] and thumbnails[index] @ thumbnails[other] > _THUMBNAIL_CORRELATION:
                yield f"{one} ~ {two}"


def _crossing_groups(manifest: Manifest) -> Iterator[str]:
    sides: dict[str, set[str]] = defaultdict(set)
    for part in manifest.parts:
        sides[part.group].add(part.split or "")
    for group, splits in sorted(sides.items()):
        if len(splits) > 1:
            yield f"{group}: {', '.join(sorted(splits))}"


def _different_values(manifest: Manifest) -> Iterable[str]:
    """The values that mark defects, if there are several. Masks that cannot be read are found one by one."""
    try:
        values = marking_values(part.mask for part in manifest.parts if part.mask is not None)
    except GainspectError:
        return []
    return values if len(values) > 1 else []


def _covering(seen: _Seen) -> Iterable[str]:
    return [f"{name} ({share:.0%})" for name, share in seen.covered.items() if share > _MOST]


def _not_taken(manifest: Manifest, *, hidden: bool) -> list[str]:
    return [
        f"{escaped(os.path.relpath(item.path, manifest.root))} ({item.why})"
        for item in manifest.not_taken
        if (item.why == HIDDEN) is hidden
    ]


def _same_stems(manifest: Manifest) -> Iterable[str]:
    counts = Counter(composed(escaped(part.image.stem)) for part in manifest.parts)
    return [stem for stem, count in counts.items() if count > 1]


def _by_split(manifest: Manifest) -> Iterator[tuple[str, int, int]]:
    """Each split, with its number of OK and of NG images."""
    counts = Counter((part.split or "all", part.label) for part in manifest.parts)
    for split in sorted({split for split, _ in counts}):
        yield split, counts[split, Label.OK], counts[split, Label.NG]


def _one_class(manifest: Manifest) -> Iterable[str]:
    return [f"{split}: {ok} OK, {ng} NG" for split, ok, ng in _by_split(manifest) if not ok or not ng]


def _imbalance(manifest: Manifest) -> Iterable[str]:
    return [
        f"{split}: {ok} OK, {ng} NG"
        for split, ok, ng in _by_split(manifest)
        if ok and ng and max(ok, ng) > _IMBALANCE * min(ok, ng)
    ]


def _contents(manifest: Manifest, seen: _Seen) -> Iterator[Contents]:
    rows: dict[tuple[str, str, str], list[Part]] = defaultdict(list)
    for part in manifest.parts:
        rows[part.split or "–", part.label.upper(), part.defect_type or "–"].append(part)
    for (split, label, kind), parts in sorted(rows.items()):
        sizes = [px for part in parts if (px := seen.defect_px.get(manifest.key(part))) is not None]
        yield Contents(
            split=split,
            label=label,
            defect_type=kind,
            images=len(parts),
            groups=len({part.group for part in parts}),
            defect_px_median=round(float(np.median(sizes)), 1) if sizes else None,
            defect_px_min=round(min(sizes), 1) if sizes else None,
        )
