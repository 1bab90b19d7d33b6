"""Which images of a data set a person should look at first, and why."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gainspect.data.checks import Seen
from gainspect.data.extremes import extremes
from gainspect.data.findings import Finding
from gainspect.data.manifest import Manifest

LISTED = "listed"
"""On the user's list of doubtful labels."""
DEFECT_SIZE, IMAGE_SIZE = "defect-size", "image-size"
"""A marked area, or an image, of a size far from the usual."""

DOUBTS = (
    "unreadable",
    "mask-unreadable",
    "mask-size",
    "ok-with-defect",
    "two-labels",
    "same-in-two-splits",
    "group-on-two-sides",
    LISTED,
    "near-duplicate",
    "mask-covers-most",
    "ng-empty-mask",
    "dark-16-bit",
    DEFECT_SIZE,
    IMAGE_SIZE,
    "small-defect",
)
"""What makes an image doubtful, the most serious first: kinds of findings, the user's list, and sizes."""


@dataclass(frozen=True)
class Doubt:
    """One reason to look at an image."""

    code: str
    """Of `DOUBTS`."""
    others: tuple[str, ...] = ()
    """Other images that it is about, such as a twin, by their names in tables."""
    told: str = ""
    """What the data check says of it."""
    ratio: float | None = None
    """Of sizes: how many times the usual one."""


def doubts_of(
    manifest: Manifest, seen: Seen, findings: Sequence[Finding], listed: Collection[str] = ()
) -> dict[str, tuple[Doubt, ...]]:
    """The doubts about each image that has any, by its name in tables; the most serious first.

    Args:
        manifest: the data set.
        seen: what the data check has seen of it.
        findings: what it has found.
        listed: images with doubtful labels, by their names in tables.
    """
    found: dict[str, list[Doubt]] = defaultdict(list)
    for finding in findings:
        for text, images in zip(finding.where, finding.images, strict=False):
            for image in images if finding.code in DOUBTS else ():
                others = tuple(other for other in images if other != image)
                found[image].append(Doubt(finding.code, others, text))
    for image in _empty_masks(manifest, findings):
        found[image].append(Doubt("ng-empty-mask"))
    for image in listed:
        found[image].append(Doubt(LISTED))
    for code, measures in _sizes(manifest, seen):
        for image, ratio in extremes(measures).items():
            if all(doubt.code != code for doubt in found[image]):  # of height and width, the first
                found[image].append(Doubt(code, ratio=ratio))
    return {
        image: tuple(sorted(doubts, key=lambda doubt: DOUBTS.index(doubt.code)))
        for image, doubts in found.items()
        if doubts
    }


def _empty_masks(manifest: Manifest, findings: Sequence[Finding]) -> Iterator[str]:
    """NG images whose mask is empty, where the data check counts them with those that have none (tiles)."""
    masked = {manifest.key(part) for part in manifest.parts if part.mask is not None}
    for finding in findings:
        if finding.code == "ng-left-out":
            yield from (image for images in finding.images for image in images if image in masked)


def _sizes(manifest: Manifest, seen: Seen) -> Iterator[tuple[str, Mapping[str, float]]]:
    """What is compared: the marked shares of images, type by type, and the sides of all images."""
    kinds: dict[str, dict[str, float]] = defaultdict(dict)
    for part in manifest.parts:
        name = manifest.key(part)
        if name in seen.covered:
            kinds[part.defect_type or ""][name] = seen.covered[name]
    for measures in kinds.values():
        yield DEFECT_SIZE, measures
    for side in (0, 1):
        yield IMAGE_SIZE, {name: float(shape[side]) for name, shape in seen.shapes.items()}
