"""From the labels of one image to its label and masks."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.containers import kind_of
from gainspect.data.containers.kinds import TIFF
from gainspect.data.decode import image_samples
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, image_size, require_limit, require_size
from gainspect.data.importers.annotations import AnnotatedImage, Shape
from gainspect.data.importers.classes import Role, Roles
from gainspect.data.importers.raster import draw
from gainspect.data.importers.raster import kind_of as shown_by
from gainspect.data.orientation import UPRIGHT, orientation_of, turns_sideways, upright
from gainspect.errors import GainspectError
from gainspect.types import MASK_KINDS, Label, Mask, MaskKind

CLIPPED = "a shape reaches beyond the picture and was clipped"
OUTSIDE = "a shape lies outside the picture"
TURNED = "its picture is stored turned, and the shapes with it"

OTHER_SIZE = "the labels state another size than the image has"
UNKNOWN_TURN = "the image is stored turned, and nothing says whether its shapes are"
ALL_OUTSIDE = "all its defects lie outside the picture"
DAMAGED = "a shape cannot be drawn"

BARE = "the labels list it without any shape"
NOT_SEEN = "no labels say anything of it (--unlabeled ok)"
NO_DEFECT = "what it shows is no defect"
_CROWD = "only regions that are ignored"


class NotTakenError(Exception):
    """An image that is not taken, with a reason that others share, and what is particular to it."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(why)
        self.why, self.detail = why, detail


class Rendered(NamedTuple):
    """What the labels of an image say."""

    label: Label
    defect: Mask | None
    """(H, W) of the image as it lies upright; None: nothing is drawn."""
    ignored: Mask | None
    """(H, W), disjoint from the defect; None: nothing is ignored."""
    kind: MaskKind | None
    defect_type: str | None
    """The class that covers most, or the first tag."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Frame:
    """The picture that the shapes are drawn in."""

    height: int
    width: int
    orientation: int
    """What turns it upright."""


def says_defect(image: AnnotatedImage, roles: Roles) -> bool:
    """Whether a shape or a class of an image says that it is NG."""
    drawn = any(roles.of.get(shape.name) is Role.DEFECT and not shape.crowd for shape in image.shapes)
    return drawn or any(roles.of.get(tag) is Role.DEFECT for tag in image.tags)


def render(image: AnnotatedImage, content: bytes, roles: Roles, line_width: float) -> Rendered:
    """Draw the shapes of an image.

    Args:
        image: what its labels say.
        content: its file.
        roles: what each class means.
        line_width: of lines without one, pixels.

    Raises:
        NotTakenError: it has another size than stated, or a shape cannot be drawn or placed.
    """
    frame = _frame_of(image, content)
    defect, ignored = (np.zeros((frame.height, frame.width), np.bool_) for _ in range(2))
    covered: Counter[str] = Counter()
    kinds: set[MaskKind] = set()
    notes = {TURNED} if frame.orientation != UPRIGHT else set()
    for shape in image.shapes:
        role = Role.IGNORE if shape.crowd else roles.of[shape.name]
        if role not in (Role.DEFECT, Role.IGNORE):
            continue
        pixels, note = _drawn(shape, frame, line_width, defect if role is Role.DEFECT else ignored)
        notes |= {note} if note else set()
        if role is Role.DEFECT and pixels:
            covered[shape.name] += pixels
            kinds.add(shown_by(shape))
    tagged = [tag for tag in image.tags if roles.of[tag] is Role.DEFECT]
    if not covered and not tagged and says_defect(image, roles) and image.label is not Label.OK:
        raise NotTakenError(ALL_OUTSIDE)
    label = image.label or (Label.NG if covered or tagged else Label.OK)
    most = covered.most_common(1)
    type_ = image.defect_type or (most[0][0] if most else next(iter(tagged), None))
    ignored &= ~defect
    return Rendered(
        label=label,
        defect=_upright(defect, frame),
        ignored=_upright(ignored, frame),
        # The least exact of what is drawn.
        kind=max(kinds, key=MASK_KINDS.index) if kinds else None,
        defect_type=type_ if label is Label.NG else None,
        notes=tuple(sorted(notes)),
    )


def _drawn(shape: Shape, frame: _Frame, line_width: float, onto: NDArray[np.bool_]) -> tuple[int, str | None]:
    """Draw a shape, and count its pixels; with what is odd about it."""
    try:
        drawn = draw(shape, frame.height, frame.width, line_width)
    except GainspectError as error:
        raise NotTakenError(DAMAGED, f"{shape.place}: {error.what}") from error
    if drawn is None:
        return 0, OUTSIDE
    height, width = drawn.window.shape
    place = onto[drawn.top : drawn.top + height, drawn.left : drawn.left + width]
    place |= drawn.window > 0
    return int(np.count_nonzero(drawn.window)), CLIPPED if drawn.clipped else None


def _upright(mask: NDArray[np.bool_], frame: _Frame) -> Mask | None:
    return upright(mask.astype(np.uint8), frame.orientation) if mask.any() else None


def _frame_of(image: AnnotatedImage, content: bytes) -> _Frame:
    """The picture that a tool showed: as its file lies upright, or as it is stored, by the size stated.

    Raises:
        NotTakenError: the size is another one, or does not show which of the two it is.
    """
    height, width = _stored_size(image, content)
    orientation = orientation_of(content)
    stated = image.size
    if orientation == UPRIGHT:
        if stated is not None and stated != (height, width):
            raise NotTakenError(OTHER_SIZE, f"{stated[1]}×{stated[0]} stated, {width}×{height} px")
        return _Frame(height, width, UPRIGHT)
    if stated is None or height == width or not turns_sideways(orientation):
        raise NotTakenError(UNKNOWN_TURN, f"EXIF orientation {orientation}")
    if stated == (width, height):
        return _Frame(width, height, UPRIGHT)
    if stated == (height, width):
        return _Frame(height, width, orientation)
    raise NotTakenError(OTHER_SIZE, f"{stated[1]}×{stated[0]} stated, {width}×{height} px")


def _stored_size(image: AnnotatedImage, content: bytes) -> tuple[int, int]:
    """Height and width as the pixels are stored; a TIFF, whose header may state several sizes, is decoded."""
    where = image.file or image.place
    try:
        size = None if kind_of(content) == TIFF else image_size(io.BytesIO(content))
        if size is None:
            height, width = image_samples(content, where).values.shape[:2]
            return (width, height) if turns_sideways(orientation_of(content)) else (height, width)
        require_size(*size, require_limit(), where=where, hint=RAISE_BY_ENVIRONMENT)
        return size[1], size[0]
    except GainspectError as error:
        raise NotTakenError("the image cannot be read", error.what) from error


def ok_by_absence(image: AnnotatedImage, roles: Roles) -> tuple[str, str] | None:
    """Why an image that is OK is taken for it although nothing calls it so; None: its labels do.

    Returns:
        A clause that others share, and the classes that it shows.
    """
    if image.label is not None or image.mask is not None:
        return None
    if any(roles.of[tag] is Role.OK for tag in image.tags):
        return None
    shown = {shape.name: _CROWD if shape.crowd else str(roles.of[shape.name]) for shape in image.shapes}
    shown |= {tag: str(roles.of[tag]) for tag in image.tags}
    if shown:
        return NO_DEFECT, ", ".join(f"{name}: {role}" for name, role in shown.items())
    return (BARE if image.annotated else NOT_SEEN), ""


def bare_label(image: AnnotatedImage, roles: Roles) -> tuple[Label, str | None]:
    """Label and defect type of an image in which nothing is drawn."""
    tagged: Sequence[str] = [tag for tag in image.tags if roles.of[tag] is Role.DEFECT]
    label = image.label or (Label.NG if tagged else Label.OK)
    return label, (image.defect_type or next(iter(tagged), None)) if label is Label.NG else None
