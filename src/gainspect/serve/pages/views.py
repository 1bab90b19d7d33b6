"""What a page shows of a part: from the records of the ledger, in the language of whoever looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gainspect.ledger import Ledger
from gainspect.ledger.records.decision import Confirm, Decision, FailSafe, Override, Point
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.review_queue import Action, Outlines, Reviewed, with_actions
from gainspect.serve.pages.reasons import reason
from gainspect.serve.pages.texts import Words
from gainspect.serve.pictures import size_of_picture
from gainspect.types import Label

NameOf = Callable[[str], str]
"""The name of an actor, or what stands in its place."""


@dataclass(frozen=True)
class ImageView:
    """One image of a part."""

    number: int
    """From 1 on, as the addresses of pictures have it."""
    name: str
    label: Label | None
    """Its verdict; None: it could not be read or judged."""
    score: float | None
    size: tuple[int, int] | None
    """Width and height; None: there is no picture to show."""
    outlines: tuple[str, ...]
    """Of the regions that count, as SVG writes points."""
    regions: Outlines
    """The same as numbers."""
    corrected: bool
    """Whether a person drew them."""
    error: str | None


@dataclass(frozen=True)
class ActionView:
    """What a person did to a decision."""

    kind: str
    what: str
    """In words."""
    reason: str
    note: str
    who: str
    at: datetime


@dataclass(frozen=True)
class PartView:
    """A part, its decision and what people did to it."""

    key: str
    index: int
    part: str
    lot: str | None
    station: str
    at: datetime
    label: Label
    """What counts now."""
    decided: Label
    """What the model decided, or the fail-safe."""
    score: float | None
    threshold: float | None
    why: str
    """The reason in one sentence."""
    rules: tuple[str, ...]
    """Those that fired, in words."""
    images: tuple[ImageView, ...]
    history: tuple[ActionView, ...]
    waits: bool
    """Whether nobody confirmed it or decided otherwise."""
    fail_safe: bool = False
    """Whether the model did not decide."""


def part_view(reviewed: Reviewed, ledger: Ledger, words: Words, name_of: NameOf) -> PartView:
    """A part that was decided."""
    decision = reviewed.decision
    return PartView(
        key=decision.key,
        index=reviewed.entry.index,
        part=decision.part,
        lot=decision.lot,
        station=decision.station,
        at=decision.at,
        label=reviewed.label,
        decided=decision.label,
        score=decision.score,
        threshold=decision.threshold,
        why=reason(decision, words),
        rules=tuple(words.code("rule", rule) for rule in decision.fired),
        images=tuple(_image_view(reviewed, ledger, place) for place in range(len(decision.images))),
        history=tuple(_action_view(action, words, name_of) for action in reviewed.actions),
        waits=not reviewed.decided,
    )


def fail_safe_view(entry: Entry, words: Words) -> PartView:
    """A part that was answered in the place of a decision."""
    record = entry.record
    assert isinstance(record, FailSafe)
    return PartView(
        key=record.key,
        index=entry.index,
        part=record.part,
        lot=record.lot,
        station=record.station,
        at=record.at,
        label=record.label,
        decided=record.label,
        score=None,
        threshold=None,
        why=words("why_fail_safe"),
        rules=(words.code("fail", record.why),),
        images=(),
        history=(),
        waits=False,
        fail_safe=True,
    )


def view_of(entry: Entry, ledger: Ledger, words: Words, name_of: NameOf) -> PartView:
    """The part of an entry: a decision, or what was answered in its place."""
    if isinstance(entry.record, Decision):
        return part_view(with_actions(ledger, entry), ledger, words, name_of)
    return fail_safe_view(entry, words)


def names_of_people(ledger: Ledger, words: Words) -> NameOf:
    """Gives the names of people; each is looked up once."""
    known = dict[str, str]()

    def name(actor: str) -> str:
        if actor not in known:
            known[actor] = ledger.people.name_of(actor) or words("somebody")
        return known[actor]

    return name


def svg_points(outline: Sequence[Point]) -> str:
    """An outline for SVG: through the middle of its pixels.

    >>> svg_points([(0, 0), (4, 0), (4, 3)])
    '0.5,0.5 4.5,0.5 4.5,3.5'
    """
    return " ".join(f"{x + 0.5:g},{y + 0.5:g}" for x, y in outline)


def _image_view(reviewed: Reviewed, ledger: Ledger, place: int) -> ImageView:
    image = reviewed.decision.images[place]
    regions = reviewed.outlines(place)
    return ImageView(
        number=place + 1,
        name=image.image,
        label=image.verdict,
        score=image.score,
        size=size_of_picture(ledger.pictures, image.sha256) if image.stored else None,
        outlines=tuple(map(svg_points, regions)),
        regions=regions,
        corrected=reviewed.correction_of(place) is not None,
        error=image.error,
    )


def _action_view(action: Action, words: Words, name_of: NameOf) -> ActionView:
    if isinstance(action, Confirm):
        what, code = words("confirmed", label=words(str(action.label))), ""
    elif isinstance(action, Override):
        what = words("overridden", old=words(str(action.old)), new=words(str(action.new)))
        code = words.code("reason_code", action.reason)
    else:
        what, code = words("corrected"), words.code("reason_code", action.reason)
    return ActionView(action.kind, what, code, action.note, name_of(action.actor), action.at)
