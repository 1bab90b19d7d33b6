"""The decision on a part, the answer in its place, and what people do to decisions."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue

from gainspect.ledger.records.base import Actor, BaseRecord, Name, Note, Section, Sha256, Source
from gainspect.types import Label

Score = Annotated[float, Field(ge=0, le=1)]
"""P(NG)."""
Point = tuple[int, int]
"""x, y in pixels of the original image."""


class JudgedImage(Section):
    """One image of a part, and what the Inspector said of it."""

    image: Source
    """Its file or URI."""
    sha256: Sha256 | None
    """Of the file; None: it could not be read."""
    stored: bool = False
    """Whether the file is in the picture store, under this hash."""
    verdict: Label | None
    """None: it could not be read or judged."""
    score: Score | None = None
    error: Note | None = None
    details: dict[str, JsonValue] = Field(default_factory=dict)
    """Regions, check of the reason, figures of the image …, as `inspection.stream.record_of` has them."""


class MadeWith(Section):
    """What a decision was made with."""

    bundle: Sha256 | None
    """SHA-256 of the bundle."""
    preprocessing: Sha256 | None
    """SHA-256 of the canonical JSON of the bundle's preprocessing."""
    policy_id: Sha256 | None
    runtime: Name
    precision: Name
    isa: Name
    """Architecture and instruction sets of the CPU (`inspection.cpus.cpu_isa`)."""
    bits: int | None = None
    """Bits that 16-bit images use."""
    gainspect: Name
    """Version of gainspect."""


class Decision(BaseRecord):
    """What was decided of a part."""

    kind: Literal["decision"] = "decision"
    part: Source
    """Its name; that of its image, where each image is decided alone."""
    lot: Name | None = None
    label: Label
    fired: tuple[Name, ...] = ()
    """Every rule that fired."""
    score: Score | None
    """P(NG) of the part; None: no image could be read."""
    threshold: Score
    images: tuple[JudgedImage, ...] = Field(min_length=1, max_length=100)
    made_with: MadeWith
    seconds: Annotated[float, Field(ge=0)] | None = None
    """What judging its images took."""
    challenge: Name | None = Field(default=None, exclude_if=lambda name: name is None)
    """Of which challenge it was a part, a known one that somebody put in; None: it was a part of the line."""


def _not_ok(label: Label) -> Label:
    if label is Label.OK:
        raise ValueError("what stands in for a decision never says OK")
    return label


FailSafeReason = Literal["late", "full", "model_failed", "ledger_gone", "stopping", "no_bundle", "locked"]
"""Not decided by the deadline; too many images waiting; an error of the model; the ledger cannot be written;
the service ends; no bundle is active at the station; its challenge is due."""


class FailSafe(BaseRecord):
    """What was answered in the place of a decision, so that a part without one never counts as OK."""

    kind: Literal["fail_safe"] = "fail_safe"
    decision: Name
    """Key that the decision would have had. There is such a record only if it was being written just when the
    answer was due: this one was given."""
    part: Source
    lot: Name | None = None
    label: Annotated[Label, AfterValidator(_not_ok)]
    why: FailSafeReason
    images: tuple[Sha256, ...] = Field(max_length=100)
    """Hashes of the files; these are not kept."""
    deadline_ms: Annotated[float, Field(gt=0)] | None = None
    note: Note = ""


class AboutDecision(BaseRecord):
    """What a person does to a decision, which stays as it was made."""

    actor: Actor
    decision: Name
    """Key of the decision."""
    note: Note = ""


class Confirm(AboutDecision):
    """A person agrees with the decision."""

    kind: Literal["confirm"] = "confirm"
    label: Label
    """What was confirmed."""


class Override(AboutDecision):
    """A person decides otherwise."""

    kind: Literal["override"] = "override"
    old: Label
    """What counted before: the decision, or an earlier override."""
    new: Label
    reason: Name
    """Code of the reason, from the plant's list."""


class RegionCorrection(AboutDecision):
    """A person says where the defects of an image are."""

    kind: Literal["region_correction"] = "region_correction"
    image: Sha256
    old: tuple[tuple[Point, ...], ...]
    """Outlines that counted before."""
    new: tuple[tuple[Point, ...], ...]
    reason: Name


def details_of(record: dict[str, Any]) -> dict[str, JsonValue]:
    """What a record of `inspection.stream.record_of` says beside what a `JudgedImage` has fields for.

    Tuples, which its lines have as lists, become lists.
    """
    own = {*JudgedImage.model_fields, "part", "bundle", "policy_id", "runtime", "precision", "bits"}
    details: dict[str, JsonValue] = json.loads(
        json.dumps({name: value for name, value in record.items() if name not in own})
    )
    return details
