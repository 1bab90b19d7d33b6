"""Judge the pictures of a decision again, with the bundle that judged them, and compare."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.bundle import Bundle, read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.parity import score_limit
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.sources.contents import GivenContents
from gainspect.inspection.stream import inspect_files, part_record, record_of
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.inspected import judged_image, made_with_now
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.replays import Replay, compare, pictures_of
from gainspect.names import unescaped

_MOST_DIGITS = 15
"""More are no place of a record, but a key."""


def replay_decision(
    url: str,
    which: str,
    bundle: Path,
    *,
    pictures: str | None = None,
    threads: int | None = None,
    max_mpx: float | None = None,
) -> Replay:
    """Judge a decision again, in the runtime and precision in which it was made.

    On a CPU with the instruction sets that made it, all outputs have to be equal. The last bit of an image's
    numbers may depend on how many are judged at once, and a decision does not say that: so images are judged
    together, as those of the part, and if that is not equal, each in a full batch.

    Args:
        url: see `open_ledger`.
        which: place or key of the decision.
        bundle: the bundle that made it.
        pictures: see `open_ledger`.
        threads: see `Inspector.load`.
        max_mpx: see `Inspector.load`.

    Raises:
        GainspectError: there is no such decision, it was made with another bundle, a picture is not there
            as it was (`pictures_of`), or the runtime cannot run here.
    """
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        entry, decision = _decision(ledger, which)
        read = read_bundle(bundle)
        if read.sha256 != decision.made_with.bundle:
            raise GainspectError(
                f"record {entry.index} was decided by the bundle {decision.made_with.bundle}, "
                f"and this one is {read.sha256}",
                where=bundle,
                hint="Name the bundle that decided it.",
            )
        contents = pictures_of(ledger, entry, decision)
    inspector = _inspector(decision, read, threads, max_mpx)
    same = made_with_now(inspector).isa == decision.made_with.isa
    made = decision.made_with
    limit = None if same else score_limit(read, made.runtime, made.precision)
    replay = compare(entry, decision, _judged(inspector, decision, contents, 1), limit)
    if replay.equal or not same or inspector.tiling is not None:
        return replay
    again = compare(entry, decision, _judged(inspector, decision, contents, USUAL_BATCH), limit)
    return again if again.equal else replay


def _decision(ledger: Ledger, which: str) -> tuple[Entry, Decision]:
    if which.isascii() and which.isdecimal() and len(which) <= _MOST_DIGITS:
        entry: Entry | None = ledger.record(int(which))
    else:
        entry = ledger.record_of(which)
    if entry is None:
        raise GainspectError(f"there is no record with the key {which}", where=ledger.database.place)
    if not isinstance(entry.record, Decision):
        raise GainspectError(
            f"record {entry.index} is no decision ({entry.record.kind})",
            where=ledger.database.place,
            hint="`gainspect ledger find --kind decision` lists decisions.",
        )
    return entry, entry.record


def _inspector(decision: Decision, bundle: Bundle, threads: int | None, max_mpx: float | None) -> Inspector:
    """The Inspector that made a decision.

    Raises:
        GainspectError: it cannot run here, or the policy was another.
    """
    made = decision.made_with
    unchecked = made.policy_id is None and bundle.description.policy.reason is not None
    inspector = Inspector.load(
        bundle,
        cast(RuntimeName, made.runtime),
        cast(Precision, made.precision),
        threads=threads,
        check=not unchecked,
        max_mpx=max_mpx,
        bits=made.bits,
    )
    if inspector.policy_id != made.policy_id:
        raise GainspectError(
            f"the decision was made by the policy {made.policy_id}, and the bundle has {inspector.policy_id}",
            where=bundle.path,
            hint="A policy that was changed in a program cannot be replayed.",
        )
    return inspector


def _judged(
    inspector: Inspector, decision: Decision, contents: Sequence[bytes | None], copies: int
) -> Decision:
    """The same decision as it comes out now.

    Args:
        inspector: that judges.
        decision: as it was recorded.
        contents: the files of its images; None: it could not be read then.
        copies: how often each image is judged, side by side.
    """
    there = [
        (image, content)
        for image, content in zip(decision.images, contents, strict=True)
        if content is not None
        for _ in range(copies)
    ]
    names = [unescaped(image.image) for image, _ in there]
    given = GivenContents(inspector.max_mpx, [content for _, content in there])
    judged = [record_of(one, inspector) for one in inspect_files(inspector, names, contents=given)][::copies]
    records, images, left = list[dict[str, Any]](), [], iter(judged)
    for image, content in zip(decision.images, contents, strict=True):
        if content is None:
            records.append({"image": image.image, "sha256": None, "verdict": None})
            images.append(image)
        else:
            records.append(next(left))
            images.append(judged_image(image.image, records[-1], stored=image.stored))
    part = part_record(decision.part, records, list(map(view_in, records)), inspector)
    return decision.model_copy(
        update={
            "label": part["decision"],
            "fired": tuple(part["fired"]),
            "score": part["score"],
            "threshold": part["threshold"],
            "images": tuple(images),
            "made_with": made_with_now(inspector),
        }
    )
