"""What a reviewed decision teaches of each of its images: only what a person said, never what was decided."""

from dataclasses import dataclass
from enum import StrEnum

from gainspect.ledger.records.decision import JudgedImage
from gainspect.ledger.reviews import Outline, Review
from gainspect.types import Label


class NotTaught(StrEnum):
    """Why an image teaches nothing."""

    UNDECIDED = "undecided"
    """Nobody said OK or NG: REVIEW counts, or somebody only drew on a part that is not NG."""
    CONTRADICTED = "contradicted"
    """The last who confirmed a label confirmed another one than the one that counted."""
    DRAWN_ON_OK = "drawn_on_ok"
    """OK counts, and a defect is drawn."""
    NOWHERE = "nowhere"
    """NG counts, and a person says of every image that no defect is there."""
    WHICH_VIEW = "which_view"
    """NG counts of a part of several images, and nobody says whether this one shows the defect."""
    UNREAD = "unread"
    """It could not be read."""


@dataclass(frozen=True)
class Taught:
    """An image of which a person said what it shows."""

    image: JudgedImage
    label: Label
    """OK or NG."""
    outlines: tuple[Outline, ...] = ()
    """Where a person says that its defects are; empty: nobody said so."""


def taught(review: Review) -> list[Taught | NotTaught]:
    """What a decision teaches of each of its images, in their order.

    The label is one of the part. That it is OK holds for each image; that it is NG holds for one of them, so
    that of several only those count on which a person drew: a defect, or that there is none. Regions that the
    network found are nobody's word; a person who agrees with them records them as his own.
    """
    images = review.decision.images
    found: list[Taught | NotTaught] = [_image(review, image) for image in images]
    drawn = [one for one in found if isinstance(one, Taught) and one.outlines]
    if review.label is Label.NG and len(images) > 1 and not drawn:
        nowhere = all(image.sha256 in review.drawn for image in images)
        why = NotTaught.NOWHERE if nowhere else NotTaught.WHICH_VIEW
        return [why if isinstance(one, Taught) else one for one in found]
    return found


def _image(review: Review, image: JudgedImage) -> Taught | NotTaught:
    outlines = None if image.sha256 is None else review.drawn.get(image.sha256)
    if not review.agreed:
        return NotTaught.CONTRADICTED
    if review.label is Label.REVIEW or (review.label is Label.OK and not review.says_label):
        return NotTaught.UNDECIDED
    if review.label is Label.OK and any(review.drawn.values()):
        return NotTaught.DRAWN_ON_OK
    if image.sha256 is None or image.verdict is None:
        return NotTaught.UNREAD
    if review.label is Label.OK:
        return Taught(image, Label.OK)
    if outlines:
        return Taught(image, Label.NG, outlines)
    if len(review.decision.images) > 1:
        return NotTaught.WHICH_VIEW if outlines is None else Taught(image, Label.OK)
    return Taught(image, Label.NG) if outlines is None else NotTaught.NOWHERE
