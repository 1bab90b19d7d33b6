"""A bundle and the one that is to follow it, on old and on new parts: which decisions change, and how."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import Assessed
from gainspect.evaluation.old_and_new import Parts
from gainspect.evaluation.parts import DecidedPart, counted
from gainspect.files import write_text
from gainspect.metrics.decisions import Outcome
from gainspect.policy import Rules
from gainspect.types import Decision, Label

COMPARISON = "comparison.json"
"""The name of the file."""
_Sha256 = Field(pattern="^[0-9a-f]{64}$")


class MadeDecisions(NamedTuple):
    """What a bundle decided."""

    parts: Sequence[tuple[DecidedPart[Assessed], Decision]]
    """See `summary.part_decisions`."""
    rules: Rules
    """By which."""

    @property
    def outcome(self) -> Outcome:
        """The decisions, counted."""
        return counted([part for part, _ in self.parts], [made for _, made in self.parts]).outcome


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ComparedBundle(_Section):
    """One of the two."""

    name: str
    sha256: str = _Sha256
    policy_id: str = _Sha256
    runtime: str
    precision: str


class Change(_Section):
    """A part whose decision changes."""

    part: str
    label: Label
    """What it is: OK or NG."""
    before: Label
    after: Label
    score_before: float = Field(ge=0, le=1)
    score_after: float = Field(ge=0, le=1)
    """P(NG) of the part."""
    images: tuple[str, ...]
    """Their names in the data."""

    @property
    def better(self) -> bool:
        """Whether the new decision is nearer to what the part is; REVIEW lies between right and wrong."""
        return _nearness(self.after, self.label) > _nearness(self.before, self.label)

    @property
    def kind(self) -> str:
        """What changes, in a word that `report.texts` has: change_KIND."""
        if self.after is Label.REVIEW:
            return f"{self.label}_to_review"
        if self.label is Label.NG:
            return "caught" if self.after is Label.NG else "missed"
        return "alarmed" if self.after is Label.NG else "passed"


class ComparedParts(_Section):
    """Both bundles on the same parts."""

    parts: Parts
    fingerprint: str = _Sha256
    """`Manifest.fingerprint` of the parts that were judged."""
    count: int = Field(ge=1)
    """Number of parts."""
    images: int = Field(ge=1)
    trained_on: int = Field(ge=0)
    """Images that are left out, since one of the two was trained on their group."""
    validated_on: int = Field(ge=0)
    """Images of those that were judged, on which one of the two was validated: its thresholds know them."""
    before: Outcome
    after: Outcome
    changes: tuple[Change, ...]
    """The worst first: missed defects, other worse decisions, better ones."""

    @field_serializer("before", "after")
    def _by_name(self, outcome: Outcome) -> dict[str, int]:
        return outcome._asdict()


class BundleComparison(_Section):
    """What an engineer looks at before the new bundle is activated."""

    version: Literal[1] = 1
    gainspect: str
    """Version of gainspect."""
    old: ComparedBundle
    new: ComparedBundle
    sets: tuple[ComparedParts, ComparedParts]
    """On old parts, and on new ones."""
    page_sha256: str = _Sha256
    """Of the page with the pictures."""


def changes_between(before: MadeDecisions, after: MadeDecisions) -> tuple[Change, ...]:
    """The parts whose decision changes, the worst first.

    Args:
        before: decisions of the old bundle.
        after: of the new one, on the same parts in the same order.
    """
    found = [
        Change(
            part=part.name,
            label=part.label,
            before=old.label,
            after=new.label,
            score_before=part.score(before.rules.views),
            score_after=other.score(after.rules.views),
            images=tuple(image.image for image in part.images),
        )
        for (part, old), (other, new) in zip(before.parts, after.parts, strict=True)
        if old.label is not new.label
    ]
    return tuple(sorted(found, key=lambda one: (one.better, one.kind != "missed", one.part)))


def require_compared(
    comparison: BundleComparison | None, old_sha256: str | None, new_sha256: str, policy_id: str
) -> None:
    """Refuse a bundle that was not compared with the one that it is to follow.

    Args:
        comparison: what is shown for it; None: nothing.
        old_sha256: the bundle that is active; None: none is, and so there is nothing to compare with.
        new_sha256: the bundle that is to follow.
        policy_id: by which it will decide.

    Raises:
        GainspectError: there is no comparison, or it is one of other bundles, or of another policy.
    """
    if old_sha256 is None or old_sha256 == new_sha256:
        return
    hint = "Compare the two: `gainspect bundle compare OLD NEW --old-parts RUN --new-parts DATA --out DIR`."
    if comparison is None:
        raise GainspectError(f"bundle {new_sha256[:8]} was not compared with the active one", hint=hint)
    for what, found, wanted in (
        ("old bundle", comparison.old.sha256, old_sha256),
        ("new bundle", comparison.new.sha256, new_sha256),
        ("policy", comparison.new.policy_id, policy_id),
    ):
        if found != wanted:
            raise GainspectError(f"the comparison is of another {what}: {found}, and not {wanted}", hint=hint)


def write_comparison_file(comparison: BundleComparison, folder: Path) -> None:
    """Write comparison.json into a folder, atomically."""
    content = json.dumps(comparison.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / COMPARISON, content + "\n")


def _nearness(decision: Label, label: Label) -> int:
    return 1 if decision is Label.REVIEW else 2 * (decision is label)
