"""Parts, reduced to what their decision depends on when the thresholds of a policy move."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from gainspect.evaluation.parts import DecidedPart, parts_of
from gainspect.metrics.decisions import Outcome
from gainspect.policy import Rules, View, ViewRule, counted_score, part_score
from gainspect.types import Label


class ViewedImage(NamedTuple):
    """One image of a part, as a policy looks at it."""

    image: str
    """Its name in tables."""
    part: str | None
    """What it is a view of; None: it is decided alone."""
    group: str
    label: Label
    view: View
    """With what the check of its reason finds, whatever its score."""

    @property
    def score(self) -> float:
        """P(NG), 0…1; 0 if it could not be read."""
        return self.view.score or 0.0


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class JudgedPart:
    """One part; `decided` needs no more to decide as `policy.decide` does, at any thresholds.

    It has slots, since a report keeps one of each part: a model of pydantic takes four times the memory.
    """

    name: str
    group: str
    """The physical item; parts of one item are not independent."""
    ng: bool
    """Whether one of its images is labeled NG."""
    score: float | None = Field(ge=0, le=1)
    """P(NG) of the part, by the policy's rule for views; None: none of its images could be read."""
    confirmed: float | None = Field(default=None, ge=0, le=1)
    """The largest P(NG) of an image whose reason holds; None: there is no such image. A part whose score
    reaches a threshold is NG if this one does too, else REVIEW by the check of its reason."""
    least: Label = Label.OK
    """What it is at least, whatever its score: NG or REVIEW by a rule on regions, REVIEW if it is unlike the
    training."""
    unread: bool = False
    """Whether one of its images could not be read: it is REVIEW, whatever else."""
    images: tuple[str, ...] = ()
    """The names of its images; empty: its one image has the name of the part."""


class Tally(NamedTuple):
    """Something that happens to parts of one class, and to the physical items (groups) that these show."""

    hits: int
    of: int
    items: int
    """Items of which it happens to at least one part."""
    of_items: int


def judged_parts(images: Sequence[ViewedImage], rule: ViewRule | None) -> tuple[JudgedPart, ...]:
    """The parts of these images, in the order of their first image.

    Args:
        images: of all parts, in any order.
        rule: how the scores of a part's images become one.
    """
    return tuple(_judged(part, rule) for part in parts_of(images))


def _judged(part: DecidedPart[ViewedImage], rule: ViewRule | None) -> JudgedPart:
    views = [image.view for image in part.images]
    read = [(view, counted_score(view)) for view in views if view.score is not None]
    names = tuple(image.image for image in part.images)
    return JudgedPart(
        name=part.name,
        group=part.group,
        ng=part.label is Label.NG,
        score=part_score([score for _, score in read], rule) if read else None,
        confirmed=max((score for view, score in read if not view.doubts), default=None),
        least=_least([view for view, _ in read]),
        unread=len(read) < len(views),
        images=() if names == (part.name,) else names,
    )


def _least(views: Sequence[View]) -> Label:
    if any(view.region_ng for view in views):
        return Label.NG
    return Label.REVIEW if any(view.region_review or view.unlike for view in views) else Label.OK


def decided(part: JudgedPart, rules: Rules) -> Label:
    """What `policy.decide` says of the part with these thresholds."""
    if part.unread or part.score is None:
        return Label.REVIEW
    if part.score >= rules.threshold:
        confirmed = part.confirmed is not None and part.confirmed >= rules.threshold
        return Label.NG if confirmed else Label.REVIEW
    if part.least is not Label.OK:
        return part.least
    return Label.REVIEW if part.score >= rules.least_stopped else Label.OK


def outcome_of(parts: Sequence[JudgedPart], rules: Rules) -> Outcome:
    """Count the decisions on parts."""
    made = [(part.ng, decided(part, rules)) for part in parts]
    return Outcome(
        *(made.count((ng, label)) for ng in (True, False) for label in (Label.NG, Label.REVIEW, Label.OK))
    )


def tally(parts: Sequence[JudgedPart], rules: Rules, *, ng: bool, labels: Collection[Label]) -> Tally:
    """How many NG or OK parts get one of these decisions, and how many items have such a part."""
    of_class = [part for part in parts if part.ng is ng]
    hit = [part for part in of_class if decided(part, rules) in labels]
    return Tally(
        len(hit), len(of_class), len({part.group for part in hit}), len({part.group for part in of_class})
    )
