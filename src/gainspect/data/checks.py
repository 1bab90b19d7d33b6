"""What would spoil a training: found before it, image by image, without stopping at the first fault."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.defect_size import SMALL_DEFECT, defect_px
from gainspect.data.manifest import Manifest, Part
from gainspect.data.reading import read_image, read_mask
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.types import Image, Label

Severity = Literal["error", "warning", "info"]

_HASH_BITS_APART = 4
_THUMBNAIL_CORRELATION = 0.99
_IMBALANCE = 10


@dataclass(frozen=True)
class Finding:
    """One kind of fault, and where it was found."""

    code: str
    severity: Severity
    what: str
    hint: str
    where: tuple[str, ...] = ()
    """Image names, or groups."""


@dataclass(frozen=True)
class Contents:
    """One line of what the data set holds."""

    split: str
    label: str
    defect_type: str
    images: int
    groups: int
    defect_px_median: float | None
    """How far defects are across after resizing, pixels: their median."""
    defect_px_min: float | None


@dataclass(frozen=True)
class Report:
    """All findings on one data set."""

    size: int
    """Input side that the defects were measured at, pixels."""
    tile: int | None
    """Side of the tiles that images are cut into, pixels of the original; None = they are seen whole."""
    images: int
    heights: tuple[int, int]
    widths: tuple[int, int]
    """Smallest and largest, pixels; 0 where no image could be read."""
    contents: tuple[Contents, ...]
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether a training on this data would fail or mislead."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


@dataclass
class _Seen:
    """What is kept of the readable images while going over them."""

    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    shapes: list[tuple[int, int]] = field(default_factory=list)
    defect_px: dict[str, float] = field(default_factory=dict)
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
    """Go over every image and mask.

    Args:
        manifest: what to check.
        size: input side of the model, pixels; defects are measured after resizing to it.
        tiling: how images are cut; None = they are seen whole.
        on_image: called after each image.
    """
    seen = _Seen()
    for part in manifest.parts:
        _look_at(part, manifest.key(part), size, tiling, seen)
        if on_image is not None:
            on_image()
    for code, names in (
        ("group-on-two-sides", _crossing_groups(manifest)),
        ("near-duplicate", _crossing_twins(manifest, seen)),
        ("same-stem", _same_stems(manifest)),
        ("one-class", _one_class(manifest)),
        ("imbalance", _imbalance(manifest)),
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
    "unreadable": ("error", "images that cannot be read", "Export them again, or take them out."),
    "mask-unreadable": ("error", "masks that cannot be read", "Export them again as grey PNG, 0 and 255."),
    "mask-size": ("error", "masks of another size than their image", "Export masks at the image's own size."),
    "ok-with-defect": ("error", "OK images whose mask marks a defect", "Correct the label or the mask."),
    "group-on-two-sides": (
        "error",
        "parts with images in several splits: the test would know them from training",
        "Move all images of a part to one side.",
    ),
    "one-class": ("error", "splits without OK or without NG images", "Add the missing class, or split anew."),
    "ng-empty-mask": (
        "warning",
        "NG images whose mask is empty: they train the classifiers only",
        "Mark the defect with values over 127 (255, not 1), or take the mask away.",
    ),
    "ng-without-mask": (
        "info",
        "NG images without a mask: they train the classifiers only",
        "Mark the defect.",
    ),
    "ng-left-out": (
        "warning",
        "NG images without a marked defect: training by tiles leaves them out",
        "Mark the defect, so that it is known which tiles are good.",
    ),
    "near-duplicate": (
        "warning",
        "images nearly equal to one in another split: the test may know them from training",
        "If they show the same part, give them the same group.",
    ),
    "small-defect": (
        "warning",
        f"defects under {SMALL_DEFECT:.0f} px across after resizing: likely to be missed",
        "Train at a larger --size, or by smaller tiles (--set data.tile=512).",
    ),
    "imbalance": (
        "warning",
        f"splits with one class over {_IMBALANCE} times the other",
        "Add the rarer class.",
    ),
    "dark-16-bit": (
        "warning",
        "16-bit images that use 12 bits or fewer: they come out dark",
        "Export with the full 16-bit range, or with 8 bit.",
    ),
    "same-stem": (
        "info",
        "images of the same name in different folders",
        "Rename them to write maps of them.",
    ),
}


def _findings(faults: dict[str, list[str]]) -> Iterator[Finding]:
    """In the table's order, errors first."""
    for code, (severity, what, mend) in _KINDS.items():
        if faults.get(code):
            yield Finding(code, severity, f"{len(faults[code])} {what}", mend, tuple(faults[code]))


def _look_at(part: Part, name: str, size: int, tiling: Tiling | None, seen: _Seen) -> None:
    try:
        image = read_image(part.image)
    except GainspectError as error:
        seen.faults["unreadable"].append(f"{name}: {error.what}")
        return
    seen.shapes.append((image.shape[0], image.shape[1]))
    seen.names.append(name)
    seen.hashes.append(_difference_hash(image))
    seen.thumbnails.append(_thumbnail(image))
    if _is_dark_16_bit(part.image):
        seen.faults["dark-16-bit"].append(name)
    if part.mask is None:
        if part.label is Label.NG:
            seen.faults["ng-without-mask"].append(name)
        return
    try:
        mask = read_mask(part.mask, image.shape)
    except GainspectError as error:
        code = "mask-size" if "px, its image" in error.what else "mask-unreadable"
        seen.faults[code].append(f"{name}: {error.what}")
        return
    if part.label is Label.OK and mask.any():
        seen.faults["ok-with-defect"].append(name)
    elif part.label is Label.NG and not mask.any():
        seen.faults["ng-empty-mask"].append(name)
    elif mask.any():
        seen.defect_px[name] = defect_px(mask, size, tiling)


def _is_dark_16_bit(path: Path) -> bool:
    raw = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return raw is not None and raw.dtype == np.uint16 and int(raw.max()) < 4096


def _difference_hash(image: Image) -> NDArray[np.bool_]:
    """(64,) whether each cell of a 9×8 thumbnail is brighter than its right neighbor (dHash)."""
    cells = cv2.resize(image.mean(axis=2).astype(np.float32), (9, 8), interpolation=cv2.INTER_AREA)
    return np.asarray(cells[:, :-1] > cells[:, 1:]).ravel()


def _thumbnail(image: Image) -> NDArray[np.float32]:
    """(1024,) 32×32 grey, mean 0 and length 1, so that a product of two is their correlation."""
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


def _same_stems(manifest: Manifest) -> Iterable[str]:
    counts = Counter(part.image.stem for part in manifest.parts)
    return [stem for stem, count in counts.items() if count > 1]


def _by_split(manifest: Manifest) -> Iterator[tuple[str, int, int]]:
    """Each split with its numbers of OK and NG images."""
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
