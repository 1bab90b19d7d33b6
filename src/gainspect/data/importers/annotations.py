"""What every reader of labels gives: images, the shapes drawn in them, and what is said of them as a whole.

Positions are those of the label tools: pixels from the top left corner of the picture, so that the pixel in
column x and row y covers x … x + 1 and y … y + 1, and its center is (x + 0.5, y + 0.5).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gainspect.data.manifest import Split
from gainspect.errors import GainspectError
from gainspect.types import Label, Mask, MaskKind

Points = NDArray[np.float64]
"""(N, 2), x and y of each."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """What one or several rings enclose, without what the holes enclose. Rings need not be closed."""

    outer: tuple[Points, ...]
    holes: tuple[Points, ...] = ()


@dataclass(frozen=True)
class Box:
    """A rectangle; `right` and `bottom` are where it ends, not its last pixel."""

    left: float
    top: float
    right: float
    bottom: float
    angle: float = 0.0
    """Degrees that it is turned by, clockwise as seen."""
    about_corner: bool = False
    """Whether it is turned about its top left corner (Label Studio) and not its center (CVAT)."""


@dataclass(frozen=True)
class Ellipse:
    """An ellipse by its center and half its width and height."""

    x: float
    y: float
    half_width: float
    half_height: float
    angle: float = 0.0
    """Degrees that it is turned by about its center, clockwise as seen."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points, or a single point."""

    points: Points
    width: float | None = None
    """Pixels of the picture; None: the tool does not say (`--line-width`)."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixels that are stored as such: run lengths, a bitmap, an image file."""

    decode: Callable[[], Mask]
    """Gives (H, W) of 0 and 1, when it is needed. Raises GainspectError: it is damaged."""
    left: int = 0
    top: int = 0
    """Where its top left pixel lies in the picture."""


@dataclass(frozen=True)
class Damaged:
    """A shape that cannot be read. Its image is not taken: what is missing may be the defect."""

    why: str
    """A clause."""


Geometry = Polygon | Box | Ellipse | Line | Pixels | Damaged


def attempted(build: Callable[[], Geometry]) -> Geometry:
    """A geometry, or `Damaged` where it raises a GainspectError."""
    try:
        return build()
    except GainspectError as error:
        return Damaged(error.what)


@dataclass(frozen=True, eq=False)
class Shape:
    """One thing that somebody drew."""

    name: str
    """Its class, as the tool writes it."""
    geometry: Geometry
    place: str
    """Where it stands, for messages: "annotation 17"."""
    relative: bool = False
    """Whether positions are shares 0…1 of width and height, as in YOLO. Not for `Pixels`."""
    crowd: bool = False
    """Whether it only says that there are some here: such regions are ignored."""
    kind: MaskKind | None = None
    """What it shows of a defect, where the labels say it; None: what its geometry is."""


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """One image with all that its labels say."""

    file: Path | None
    """None: its bytes lie in the labels, see `content`."""
    place: str
    """Where the labels stand, for messages: "a.json", "instances.json, image 17"."""
    shapes: tuple[Shape, ...] = ()
    tags: tuple[str, ...] = ()
    """Classes of the image as a whole."""
    annotated: bool = True
    """Whether the tool says that somebody looked at it: without shapes it is then OK. False: it may be OK, or
    nobody looked yet (`--unlabeled`)."""
    size: tuple[int, int] | None = None
    """(height, width) that the tool states; None: it states none."""
    label: Label | None = None
    """Where the layout or a column says it; None: the shapes and tags decide."""
    mask: Path | None = None
    """A ready-made defect mask, taken as it is. Not together with shapes."""
    ignore: Path | None = None
    """A ready-made mask of what nothing counts of."""
    mask_kind: MaskKind | None = None
    """Of the ready-made mask; None: its outline."""
    defect_type: str | None = None
    """Where the layout says it; None: the class that covers most of the image."""
    split: Split | None = None
    group: str = ""
    part: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Free columns."""
    content: Callable[[], bytes] | None = None
    """Of an image that lies in the labels: its file's bytes. Raises GainspectError: they are damaged."""
    name: str = ""
    """Of such an image: what to call it, with a suffix."""
    notes: tuple[str, ...] = ()
    """What is odd about it and was settled, each a short clause: "found by its name"."""
    not_taken: str = ""
    """Why it is not taken although it is there, a short clause that others share: "it was skipped"."""


@dataclass(frozen=True)
class Left:
    """Something in the labels, or a file, that is not taken."""

    name: str
    """A file, or a place in one: "instances.json, image 17"."""
    why: str
    """A short clause that others share, by which they are counted: "the image is not there"."""
    detail: str = ""
    """What is particular to this one."""


@dataclass
class AnnotatedSet:
    """What a reader found."""

    images: Iterable[AnnotatedImage]
    """Each image once. Iterated twice, first to count classes and then to draw: not a generator, see `of`."""
    left: list[Left] = field(default_factory=list)
    """Complete once `images` is read to its end."""
    one_class: bool = False
    """Whether the set keeps its NG images for the test, as those for anomaly detection do."""
    named: tuple[str, ...] = ()
    """Classes that the labels list, whether or not they are used."""
    stated: Mapping[str, str] = field(default_factory=dict)
    """What the labels say that classes mean, words of `classes.Role`; few formats do."""
    remarks: list[str] = field(default_factory=list)
    """Sentences for the user."""

    @classmethod
    def of(cls, read: Callable[[list[Left]], Iterator[AnnotatedImage]], **others: Any) -> "AnnotatedSet":
        """A set whose images are read anew each time, so that few are in memory.

        Args:
            read: yields the images, and appends what is left to the list that it is given.
            **others: further fields.
        """
        left: list[Left] = []
        return cls(_ReadAnew(read, left), left, **others)


class _ReadAnew:
    def __init__(self, read: Callable[[list[Left]], Iterator[AnnotatedImage]], left: list[Left]) -> None:
        self._read, self._left = read, left

    def __iter__(self) -> Iterator[AnnotatedImage]:
        self._left.clear()
        return self._read(self._left)


def ring(numbers: Iterable[object], where: str) -> Points:
    """Points from x, y, x, y, … as many formats write them.

    >>> ring([0, 0, 4, 0, 4, 3], "a.json").tolist()
    [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]]

    Raises:
        GainspectError: they are not pairs of finite numbers.
    """
    listed = list(numbers)
    try:
        values = np.array(
            [float("nan" if isinstance(n, bool) else n) for n in listed],  # type: ignore[arg-type]
            np.float64,
        )
    except (TypeError, ValueError, OverflowError):
        values = np.array([np.nan])
    if len(values) % 2 or not np.isfinite(values).all():
        raise GainspectError("its points are not pairs of numbers", where=where)
    return values.reshape(-1, 2)
