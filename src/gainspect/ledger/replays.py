"""A decision beside what the same bundle says of the same pictures now."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gainspect.errors import GainspectError
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.columns import pictures_removed_by
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.sealed import Entry

_NOT_JUDGED = {"overlay_error"}
"""What details say that is no output of the Inspector."""
_SCORE, _FREE = "P(NG)", "details"


@dataclass(frozen=True)
class Difference:
    """Something that a decision says otherwise now."""

    what: str
    recorded: Any
    now: Any


@dataclass(frozen=True)
class Replay:
    """A decision beside what came out now."""

    entry: Entry
    now: Decision
    limit: float | None
    """By how much P(NG) may differ; None: nothing may."""
    farthest: float
    """The largest difference of P(NG), of the part or an image."""
    wrong: tuple[Difference, ...]
    """What may not differ, and does."""
    other: tuple[Difference, ...]
    """What else differs, on a machine with other instruction sets: regions, figures of the check."""

    @property
    def equal(self) -> bool:
        """Whether all outputs are the same."""
        return not self.wrong and not self.other and self.farthest == 0


def compare(entry: Entry, recorded: Decision, now: Decision, limit: float | None) -> Replay:
    """Hold a decision against what came out now.

    Of details, what the record says is compared; a later version may say more.

    Args:
        entry: the record.
        recorded: the decision in it.
        now: what came out now, of the same images.
        limit: None: everything has to be equal. Else by how much P(NG) may differ; label, rules, verdicts,
            errors and thresholds have to be equal, and that other details differ is told.
    """
    wrong, other, farthest = list[Difference](), list[Difference](), 0.0
    said, says = dict(_outputs(recorded)), dict(_outputs(now))
    for (what, kind), value in said.items():
        found = says.get((what, kind))
        if value == found:
            continue
        difference = Difference(what, value, found)
        if kind == _SCORE and value is not None and found is not None:
            farthest = max(farthest, abs(value - found))
            if limit is None or abs(value - found) > limit:
                wrong.append(difference)
        elif kind == _FREE and limit is not None:
            other.append(difference)
        else:
            wrong.append(difference)
    return Replay(entry, now, limit, farthest, tuple(wrong), tuple(other))


def _outputs(decision: Decision) -> Iterator[tuple[tuple[str, str], Any]]:
    """What an Inspector says in a decision, each by its name and kind."""
    yield ("decision", ""), str(decision.label)
    yield ("rules that fired", ""), [*decision.fired]
    yield ("threshold", ""), decision.threshold
    yield ("preprocessing", ""), decision.made_with.preprocessing
    yield ("P(NG)", _SCORE), decision.score
    for number, image in enumerate(decision.images, start=1):
        of = f"image {number}"
        yield (f"verdict of {of}", ""), None if image.verdict is None else str(image.verdict)
        yield (f"P(NG) of {of}", _SCORE), image.score
        yield (f"error of {of}", ""), image.error
        for name in image.details.keys() - _NOT_JUDGED:
            yield (f"{name.replace('_', ' ')} of {of}", _FREE), image.details[name]


def pictures_of(ledger: Ledger, entry: Entry, decision: Decision) -> list[bytes | None]:
    """The files of a decision's images; None: it could not be read then.

    Raises:
        GainspectError: one is not in the ledger, was removed by a rule, is missing, or was changed.
    """
    found = list[bytes | None]()
    for image in decision.images:
        found.append(None if image.sha256 is None else picture_of(ledger, entry.index, image.sha256))
    return found


class PictureRemovedError(GainspectError):
    """A picture was removed by a rule."""


def picture_of(ledger: Ledger, index: int, sha256: str) -> bytes:
    """The file of an image, by its hash.

    Args:
        ledger: that has its picture.
        index: the place of its decision, for errors.
        sha256: of the file.

    Raises:
        PictureRemovedError: it was removed by a rule.
        GainspectError: it is not in the ledger, is missing, or was changed.
    """
    with ledger.database.reading() as rows:
        latest = rows.one("latest_of_picture", sha256=sha256)
    what = f"the picture {sha256} of record {index}"
    if latest is None or ledger.pictures is None:
        hint = "Only its hash was recorded." if latest is None else "Say where they are, with --pictures."
        raise GainspectError(f"{what} is not in this ledger", where=ledger.database.place, hint=hint)
    if latest[1] and sha256 in pictures_removed_by(ledger.record(latest[0]).record):
        raise PictureRemovedError(
            f"{what} was removed by a rule (record {latest[0]})",
            where=ledger.database.place,
            hint="A decision is replayed from its pictures alone.",
        )
    content = ledger.pictures.read(sha256)
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        raise GainspectError(
            f"{what} is missing" if content is None else f"{what} was replaced or changed",
            where=ledger.pictures.place,
            hint="If the pictures are elsewhere, say --pictures; else run gainspect ledger verify.",
        )
    return content
