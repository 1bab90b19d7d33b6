"""What an Inspector says, as decisions of a ledger have it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from gainspect import __version__
from gainspect.inspection.cpus import cpu_isa
from gainspect.inspection.inspector import Inspector
from gainspect.ledger.canonical import canonical
from gainspect.ledger.records.decision import JudgedImage, MadeWith, details_of


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
