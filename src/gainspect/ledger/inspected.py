"""What an Inspector says, as decisions of a ledger have it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gainspect import __version__
from gainspect.errors import GainspectError, first_fault
from gainspect.inspection.cpus import cpu_isa
from gainspect.inspection.inspector import Inspector
from gainspect.ledger.canonical import canonical
from gainspect.ledger.records.decision import Decision, JudgedImage, MadeWith, details_of


def judged_image(name: str, record: Mapping[str, Any], *, stored: bool) -> JudgedImage:
    """An image as a decision has it.

    Args:
        name: of the image.
        record: of it (`stream.record_of`).
        stored: whether its picture is kept.
    """
    return JudgedImage(
        image=name,
        sha256=record["sha256"],
        stored=stored,
        verdict=record["verdict"],
        score=record.get("score"),
        error=record["error"] if record["verdict"] is None else None,
        details=details_of(dict(record)),
    )


def made_with_now(inspector: Inspector) -> MadeWith:
    """What an Inspector makes decisions with, on this machine."""
    bundle = inspector.bundle
    assert bundle is not None
    preprocessing = canonical(bundle.description.preprocessing.model_dump(mode="json"))
    return MadeWith(
        bundle=bundle.sha256,
        preprocessing=hashlib.sha256(preprocessing).hexdigest(),
        policy_id=inspector.policy_id,
        runtime=inspector.backend.runtime,
        precision=inspector.backend.precision,
        isa=cpu_isa(),
        bits=None if inspector.depth is None else inspector.depth.bits,
        gainspect=__version__,
    )


def decision_on(
    part: Mapping[str, Any],
    images: Sequence[JudgedImage],
    *,
    key: str,
    at: datetime,
    station: str,
    lot: str | None,
    made_with: MadeWith,
    seconds: float | None = None,
    challenge: str | None = None,
) -> Decision:
    """The decision on a part as a ledger has it.

    Args:
        part: its record (`stream.part_record`).
        images: its images, see `judged_image`.
        key: of the record.
        at: when it was decided.
        station: where the part was inspected.
        lot: of the part; None: it is not known.
        made_with: what it was decided with.
        seconds: what judging the images took; None: it is not known.
        challenge: of which it was a part; None: of none.

    Raises:
        GainspectError: a record cannot hold what it says.
    """
    with recordable(part):
        return Decision(
            key=key,
            at=at,
            station=station,
            part=part["part"],
            lot=lot,
            label=part["decision"],
            fired=tuple(part["fired"]),
            score=part["score"],
            threshold=part["threshold"],
            images=tuple(images),
            made_with=made_with,
            seconds=seconds,
            challenge=challenge,
        )


@contextmanager
def recordable(part: Mapping[str, Any]) -> Iterator[None]:
    """Say in words why a record cannot hold a decision."""
    try:
        yield
    except ValidationError as error:
        raise GainspectError(
            f"the decision on {part['part']} cannot be recorded ({first_fault(error)})"
        ) from error
