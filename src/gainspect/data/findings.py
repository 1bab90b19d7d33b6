"""What the data check can find: each kind with its severity, what it means, and how to mend it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.defect_size import SMALL_DEFECT
from gainspect.data.masks import SAY_VALUES
from gainspect.errors import GainspectError
from gainspect.wording import plural

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The most serious first."""

IMBALANCE = 10
"""How many times as many images one class has as the other, at most."""


class Place(NamedTuple):
    """One place where something was found."""

    text: str
    """Names of images, or of groups, and what is to be said of them."""
    images: tuple[str, ...] = ()
    """The images that it is about, by their names in tables; none where it is about a file or a folder."""


@dataclass(frozen=True)
class Finding:
    """One kind of problem, and where it was found."""

    code: str
    severity: Severity
    what: str
    hint: str
    where: tuple[str, ...] = ()
    """Names of images, or of groups."""
    images: tuple[tuple[str, ...], ...] = ()
    """For each of these places, the images that it is about, by their names in tables."""


@dataclass(frozen=True)
class Kind:
    """What a kind of finding says, with "{}" in the place of the count."""

    severity: Severity
    one: str
    """Of one place."""
    many: str
    """Of several."""
    hint: str

    def says(self, count: int) -> str:
        """What was found so many times."""
        return (self.one if count == 1 else self.many).format(count)


KINDS: Mapping[str, Kind] = {
    "unreadable": Kind(
        "error",
        "{} image cannot be read",
        "{} images cannot be read",
        "Export them again, or remove them.",
    ),
    "mask-unreadable": Kind(
        "error",
        "{} mask cannot be read",
        "{} masks cannot be read",
        f"Export them again as gray PNG, 0 and 255; or {SAY_VALUES}.",
    ),
    "mask-values": Kind(
        "error",
        "{} value marks defects",
        "{} values mark a defect: if they are classes, or an area to ignore, all would count as defect",
        f"Save 0 for background and one other value for the defect, the same in all masks; or {SAY_VALUES}.",
    ),
    "mask-size": Kind(
        "error",
        "{} mask differs in size from its image",
        "{} masks differ in size from their images",
        "Export masks at the image's size.",
    ),
    "ok-with-defect": Kind(
        "error",
        "{} OK image has a mask that marks a defect",
        "{} OK images have a mask that marks a defect",
        "Correct the label or the mask.",
    ),
    "two-labels": Kind(
        "error",
        "{} picture is under two labels",
        "{} pictures are under two labels",
        "Keep the one with the right label, and remove the other.",
    ),
    "same-in-two-splits": Kind(
        "error",
        "{} picture is in two splits: the test would contain what was seen in training",
        "{} pictures are in two splits: the test would contain what was seen in training",
        "Remove one of the two, or give both the same group.",
    ),
    "group-on-two-sides": Kind(
        "error",
        "{} part has images in several splits: the test would contain parts seen in training",
        "{} parts have images in several splits: the test would contain parts seen in training",
        "Move all images of a part to the same split.",
    ),
    "near-duplicate": Kind(
        "warning",
        "{} image has a near duplicate in another split: the test may contain parts seen in training",
        "{} images have a near duplicate in another split: the test may contain parts seen in training",
        "Look at each pair. If it shows one part, give both images the same group.",
    ),
    "mask-covers-most": Kind(
        "warning",
        "{} mask covers most of its image: inverted, or the part instead of its defect?",
        "{} masks cover most of their image: inverted, or the part instead of its defect?",
        "Save 0 for the background and the other value for the defect.",
    ),
    "ng-empty-mask": Kind(
        "warning",
        "{} NG image has an empty mask: it trains only the classifiers",
        "{} NG images have an empty mask: they train only the classifiers",
        "Mark the defect with a value that is not 0, or remove the mask.",
    ),
    "ng-left-out": Kind(
        "warning",
        "{} NG image has no marked defect: training with tiles leaves it out",
        "{} NG images have no marked defect: training with tiles leaves them out",
        "Mark the defect, so that it is known which tiles are OK.",
    ),
    "small-defect": Kind(
        "warning",
        f"{{}} defect is less than {SMALL_DEFECT:.0f} px wide after resizing: it is likely to be missed",
        f"{{}} defects are less than {SMALL_DEFECT:.0f} px wide after resizing: they are likely to be missed",
        "Train with a larger --size, or with smaller tiles (--set data.tile=512).",
    ),
    "imbalance": Kind(
        "warning",
        f"{{}} split has over {IMBALANCE} times as many images of one class as of the other",
        f"{{}} splits have over {IMBALANCE} times as many images of one class as of the other",
        "Add images of the rarer class.",
    ),
    "dark-16-bit": Kind(
        "warning",
        "{} 16-bit image is far darker than the others: of another depth?",
        "{} 16-bit images are far darker than the others: of another depth?",
        "Export all images with the same bits: 12 bits in one 16-bit file and 16 in another do not mix.",
    ),
    "not-taken": Kind(
        "warning",
        "{} file, folder or row is not taken for an image or mask",
        "{} files, folders or rows are not taken for images or masks",
        f"Save images as one of {' '.join(sorted(IMAGE_SUFFIXES))}; take away what is none.",
    ),
    "ng-without-mask": Kind(
        "info",
        "{} NG image has no mask: it trains only the classifiers",
        "{} NG images have no mask: they train only the classifiers",
        "Mark the defect.",
    ),
    "same-in-one-split": Kind(
        "info",
        "{} picture is there more than once in its split",
        "{} pictures are there more than once in their split",
        "Nothing, or keep one of each: a copy makes figures look surer than they are.",
    ),
    "same-stem": Kind(
        "info",
        "{} image name occurs in several folders",
        "{} image names occur in several folders",
        "Rename these images if you want to write their maps.",
    ),
    "hidden": Kind(
        "info",
        "{} hidden file or folder is not read",
        "{} hidden files and folders are not read",
        "Nothing, or take them away.",
    ),
}
"""In the order in which findings are listed: the most serious first."""


def findings_of(places: Mapping[str, Sequence[Place]]) -> Iterator[Finding]:
    """The findings, in the order of `KINDS`, from the places where each kind was found."""
    for code, kind in KINDS.items():
        if found := places.get(code):
            texts, images = zip(*found, strict=True)
            yield Finding(code, kind.severity, kind.says(len(found)), kind.hint, texts, images)


def refused(refusal: GainspectError) -> Finding:
    """What `gainspect train` says in the place of training on these data."""
    what = f"`gainspect train` would refuse these data: {refusal.what}"
    return Finding("train-refuses", "error", what, refusal.hint, (refusal.where,) if refusal.where else ())


def counted(findings: Sequence[Finding]) -> str:
    """How many findings there are of each severity, in words.

    >>> counted([]), counted([Finding("unreadable", "error", "", ""), Finding("hidden", "info", "", "")])
    ('No problems found.', '1 error, 1 info.')
    """
    counts = {severity: sum(f.severity == severity for f in findings) for severity in SEVERITIES}
    named = [plural(count, severity) for severity, count in counts.items() if count]
    return f"{', '.join(named)}." if named else "No problems found."
