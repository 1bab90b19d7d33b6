"""Images that are decided together: their part, with its one label and one score."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gainspect.metrics.decisions import Outcome, distinct, outcome
from gainspect.policy import ViewRule, part_score
from gainspect.types import Decision, Label


class JudgedImage(Protocol):
    """What is known of a judged image."""

    @property
    def image(self) -> str:
        """Its name."""

    @property
    def part(self) -> str | None:
        """What it is a view of; None: it is decided alone."""

    @property
    def group(self) -> str:
        """The physical item."""

    @property
    def label(self) -> Label:
        """OK or NG."""

    @property
    def score(self) -> float:
        """P(NG), 0…1."""


Image = TypeVar("Image", bound=JudgedImage)


class DecidedPart(NamedTuple, Generic[Image]):
    """A part and its images."""

    name: str
    """Of the part, or of its only image."""
    group: str
    label: Label
    """NG if that of one image is: a view that does not show the defect is an OK image of an NG part."""
    images: tuple[Image, ...]

    def score(self, rule: ViewRule | None) -> float:
        """P(NG), 0…1."""
        return part_score([image.score for image in self.images], rule)


def parts_of(images: Sequence[Image]) -> list[DecidedPart[Image]]:
    """The parts that images show, in the order of their first images."""
    together: dict[str | int, list[Image]] = defaultdict(list)
    for place, image in enumerate(images):
        together[place if image.part is None else image.part].append(image)
    return [
        DecidedPart(
            views[0].part or views[0].image,
            views[0].group,
            Label.NG if any(view.label is Label.NG for view in views) else Label.OK,
            tuple(views),
        )
        for views in together.values()
    ]


def part_scores(parts: Sequence[DecidedPart[Image]], rule: ViewRule | None) -> NDArray[np.float64]:
    """(N,) P(NG) of each part."""
    return np.array([part.score(rule) for part in parts], np.float64)


def part_labels(parts: Sequence[DecidedPart[Image]]) -> NDArray[np.bool_]:
    """(N,) True for NG."""
    return np.array([part.label is Label.NG for part in parts], np.bool_)


class Counted(NamedTuple):
    """Decisions on parts."""

    outcome: Outcome
    groups: int
    escaped_groups: int
    """Number of physical items with an NG part, and of those of which one is decided OK."""


def counted(parts: Sequence[DecidedPart[Image]], made: Sequence[Decision]) -> Counted:
    """Count the decisions that were made on these parts."""
    labels = part_labels(parts)
    called, review = (
        np.array([decision.label is label for decision in made], np.bool_)
        for label in (Label.NG, Label.REVIEW)
    )
    named = [part.group for part in parts]
    escaped = labels & ~called & ~review
    return Counted(outcome(called, review, labels), distinct(named, labels), distinct(named, escaped))
