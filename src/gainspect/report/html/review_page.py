"""The page of `gainspect data review`: disputed labels and masks, and a person's choice for each of them."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gainspect.data.corrections import COLUMNS, Choice, choices_for
from gainspect.data.masks import Marks
from gainspect.evaluation.disagreements import Disagreement, Disagreements, Dispute
from gainspect.policy import HeatScale, Policy
from gainspect.report.drawing.heat import heat_of, heated, resized
from gainspect.report.drawing.marked_picture import marked_picture, with_marks
from gainspect.report.html.page import write_page
from gainspect.report.html.pictures import Picture, jpeg_of, within_budget
from gainspect.report.texts import Wording
from gainspect.types import Image, Label, Mask, Verdict

_SIDE = 340
"""Longer side of a picture, pixels."""
_AROUND = 1.6
"""A close-up is so many times as wide as what is marked."""
_PICTURE_BYTES = 10 * 2**20
"""Largest size of all pictures together, before base64 encoding, which adds a third."""


@dataclass(frozen=True)
class DisputedImage:
    """One image of the page."""

    disagreement: Disagreement
    defect_type: str | None
    pictures: list[Picture]
    """See `disputed_pictures`."""
    masked: bool
    """Whether it has a mask."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What a person may say of it."""
        return choices_for(self.disagreement.verdict.label, masked=self.masked)


@dataclass(frozen=True)
class ReviewedRun:
    """What a page says of the run."""

    name: str
    key: str
    """Of these data and this network; choices are kept in the browser under it."""
    folds: int | None
    """Number of networks; None: the validation part was judged by a single one."""
    training: int
    """Images that no network has judged that was not trained on them."""
    test: int
    """Images of the test part."""
    policy: Policy


def disputed_pictures(
    image: Image, marks: Marks | None, verdict: Verdict, says: Label, scale: HeatScale
) -> list[Picture]:
    """What a person compares: the image as it is, with its mask, with the evidence, and the place in dispute.

    The place in dispute is what is marked, if the network says OK; otherwise it is where the evidence peaks.

    Args:
        image: (H, W, 3).
        marks: what is marked in it; None: it has no mask.
        verdict: of this image.
        says: what the network says of it by the score.
        scale: of the evidence.
    """
    factor = _SIDE / max(image.shape[:2])
    plain = resized(image, factor)
    defect, ignored = (None, None) if marks is None else (marks.defect, marks.ignored)
    evidence = heated(plain, heat_of(resized(verdict.evidence.evidence, factor), scale))
    drawn = {"plain": plain}
    if marks is not None:
        drawn["image"] = marked_picture(image, defect, ignored, _SIDE)
    drawn["evidence"] = with_marks(evidence, defect, None)
    marked = None if says is not Label.OK or defect is None or not defect.any() else defect
    drawn["closeup"] = _closeup(image, *(_peak(verdict) if marked is None else _extent(marked)))
    return [Picture(name, jpeg_of(picture)) for name, picture in drawn.items()]


def _extent(defect: Mask) -> tuple[int, int, int]:
    """Row, column and side of a square that holds all that is marked."""
    left, top, width, height = cv2.boundingRect(defect)
    return top + height // 2, left + width // 2, max(width, height)


def _peak(verdict: Verdict) -> tuple[int, int, int]:
    """Row and column of the largest evidence; no side of its own."""
    evidence = verdict.evidence.evidence
    row, column = np.unravel_index(int(evidence.argmax()), evidence.shape)
    return int(row), int(column), 0


def _closeup(image: Image, row: int, column: int, side: int) -> Image:
    """A square out of the image around a place, at least a quarter as wide as the image's longer side."""
    height, width = image.shape[:2]
    side = max(round(_AROUND * side), max(height, width) // 4, 1)
    top = max(0, min(row - side // 2, height - side))
    left = max(0, min(column - side // 2, width - side))
    cut = image[top : top + side, left : left + side]
    return resized(np.ascontiguousarray(cut), _SIDE / max(cut.shape[:2]))


def write_review_page(
    images: Sequence[DisputedImage], found: Disagreements, run: ReviewedRun, out: Path, wording: Wording
) -> None:
    """Write the page as one HTML file.

    Args:
        images: those that are shown, in the order of the disagreements.
        found: all disagreements.
        run: of which run.
        out: HTML file to write.
        wording: the texts in the language of the page.

    Raises:
        GainspectError: the page cannot be written, or is too large.
    """
    fitted = within_budget([image.pictures for image in images], _PICTURE_BYTES)
    file = f"corrections-{run.name}.csv"
    write_page(
        "review.html.j2",
        out,
        wording,
        run=run,
        found=found,
        rows=list(zip(images, fitted, strict=True)),
        columns=",".join(COLUMNS),
        file=file,
        quoted_file=shlex.quote(file),
        kinds=Counter(_kind(image.disagreement) for image in images),
        kind_of=_kind,
    )


def _kind(one: Disagreement) -> str:
    """By what the page filters: a disputed label by the label, or a disputed mask."""
    return one.verdict.label.value if one.dispute is Dispute.LABEL else one.dispute.value
