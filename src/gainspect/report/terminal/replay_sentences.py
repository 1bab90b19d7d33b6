"""A replayed decision in sentences."""

import json
from collections.abc import Iterator
from typing import Any

from gainspect.ledger.records.decision import Decision
from gainspect.ledger.replays import Difference, Replay
from gainspect.names import printable
from gainspect.wording import plural

_NAMED = 5
"""Differences that are told in full."""
_LONGEST = 60
"""Characters of a value."""


def replay_sentences(replay: Replay) -> Iterator[str]:
    """What came out, in sentences."""
    recorded = replay.entry.record
    assert isinstance(recorded, Decision)
    made, now = recorded.made_with, replay.now.made_with
    score = "" if replay.now.score is None else f", P(NG) {replay.now.score:.3f}"
    label = str(replay.now.label).upper()
    judged = sum(image.sha256 is not None for image in recorded.images)
    yield (
        f"Record {replay.entry.index}, {printable(recorded.part)}: {label}{score}, "
        f"from {plural(judged, 'picture')} ({now.runtime} {now.precision}, {now.isa})."
    )
    if replay.equal:
        yield "Equal to the record: every score, label, region and rule."
        return
    if replay.limit is not None:
        yield (
            f"It was decided on {printable(made.isa)}. P(NG) differs by up to {replay.farthest:.2g}, "
            f"where {replay.limit:.2g} is the parity limit of the bundle."
        )
    if replay.wrong and made.gainspect != now.gainspect:
        yield f"It was decided by gainspect {printable(made.gainspect)}; this is {now.gainspect}."
    for difference in replay.wrong[:_NAMED]:
        yield f"Wrong: {_in_words(difference)}."
    if len(replay.wrong) > _NAMED:
        yield f"{plural(len(replay.wrong) - _NAMED, 'further difference')}."
    if replay.other:
        names = ", ".join(difference.what for difference in replay.other[:_NAMED])
        more = f" and {len(replay.other) - _NAMED} more" if len(replay.other) > _NAMED else ""
        yield f"Different too, without a limit: {names}{more}."


def _in_words(difference: Difference) -> str:
    return f"{difference.what} is {_short(difference.recorded)} in the record, {_short(difference.now)} now"


def _short(value: Any) -> str:
    text = printable(json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
