"""Where labels and the verdicts of networks that were not trained on them disagree, most doubtful first."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.metrics.label_quality import label_quality
from gainspect.policy import Policy
from gainspect.types import Label


class Dispute(StrEnum):
    """What the network disputes."""

    LABEL = "label"
    """The label: the score speaks for the other one."""
    MASK = "mask"
    """The mask: the image is NG by both, and the evidence peaks outside what is marked."""


@dataclass(frozen=True)
class Disagreement:
    """One image whose label or mask is disputed."""

    dispute: Dispute
    verdict: ValidationVerdict
    says: Label
    """OK, NG or REVIEW by the score alone."""
    quality: float
    """How well its label agrees with its score, 0 … 1 (`metrics.label_quality`)."""
    siblings: Mapping[Label, int]
    """Labels of the other images of its physical part, counted."""
    inside: float | None = None
    """Of a disputed mask: the share of the evidence inside it (Energy-Inside); None: not measured."""


@dataclass(frozen=True)
class Disagreements:
    """All of them, and what they were held against."""

    found: tuple[Disagreement, ...]
    """Disputed labels first, those of the lowest quality first; then disputed masks, those with the smallest
    share of the evidence inside them first."""
    judged: int
    """Number of images that were judged."""
    ok_confidence: float
    ng_confidence: float
    """Mean probability of the given label, of OK and of NG images."""

    @property
    def labels(self) -> int:
        """How many labels are disputed."""
        return sum(one.dispute is Dispute.LABEL for one in self.found)

    @property
    def masks(self) -> tuple[Disagreement, ...]:
        """The disputed masks."""
        return self.found[self.labels :]

    def measured(self, inside: Mapping[str, float]) -> "Disagreements":
        """The same with what was measured of disputed masks, in the order that follows.

        Args:
            inside: the share of the evidence inside the mask, by the image's name in tables.
        """
        masks = [replace(one, inside=inside[one.verdict.image]) for one in self.masks]
        return replace(self, found=(*self.found[: self.labels], *sorted(masks, key=_doubtfulness)))


def disagreements(verdicts: ValidationVerdicts, policy: Policy) -> Disagreements:
    """Find the images whose label or mask the verdicts dispute.

    A label is disputed if the policy's thresholds give the other one, or if confident learning counts the
    image for the other class. A mask is disputed if the score is NG too, and the evidence reaches the
    threshold on regions, but peaks outside what is marked.

    Args:
        verdicts: of the validation part, or out of fold.
        policy: the thresholds on scores.
    """
    held = label_quality(verdicts.scores, verdicts.labels)
    of_group: dict[str, Counter[Label]] = defaultdict(Counter)
    for verdict in verdicts.images:
        of_group[verdict.group][verdict.label] += 1
    found = []
    for verdict, quality, contradicted in zip(
        verdicts.images, held.quality.tolist(), held.contradicted.tolist(), strict=True
    ):
        says = _says(verdict.score, policy)
        if contradicted or says not in {verdict.label, Label.REVIEW}:
            dispute = Dispute.LABEL
        elif _points_elsewhere(verdict, says, verdicts.region_threshold):
            dispute = Dispute.MASK
        else:
            continue
        siblings = of_group[verdict.group] - Counter([verdict.label])
        found.append(Disagreement(dispute, verdict, says, quality, siblings))
    found.sort(key=_doubtfulness)
    return Disagreements(tuple(found), len(verdicts.images), held.ok_confidence, held.ng_confidence)


def _says(score: float, policy: Policy) -> Label:
    if score >= policy.threshold:
        return Label.NG
    in_band = policy.review_from is not None and score >= policy.review_from
    return Label.REVIEW if in_band else Label.OK


def _points_elsewhere(verdict: ValidationVerdict, says: Label, region_threshold: float) -> bool:
    return (
        verdict.label is Label.NG
        and says is Label.NG
        and verdict.points_at_defect is False
        and verdict.evidence_peak >= region_threshold
    )


def _doubtfulness(one: Disagreement) -> tuple[bool, float, str]:
    is_mask = one.dispute is Dispute.MASK
    return is_mask, (one.inside or 0.0) if is_mask else one.quality, one.verdict.image
