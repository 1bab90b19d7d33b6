"""A study of appraisers: how often each is right, agrees with itself and the others, and on which parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gainspect.data.decision_table import CATEGORIES, Appraiser, DecisionTable
from gainspect.metrics.agreement import (
    Kappa,
    Proportion,
    all_equal,
    category_counts,
    cohens_kappa,
    cross_tables,
    fleiss_kappa,
    share_of_decisions,
    share_of_parts,
)
from gainspect.metrics.decisions import MARKS
from gainspect.metrics.intervals import clopper_pearson
from gainspect.types import Label

Grade = Literal["acceptable", "marginal", "unacceptable"]

_OK, _NG, _REVIEW = (CATEGORIES.index(label) for label in (Label.OK, Label.NG, Label.REVIEW))


@dataclass(frozen=True)
class AppraiserFigures:
    """One appraiser. A share of nothing (no NG part, say) has the value None."""

    name: str
    trials: int
    effectiveness: Proportion
    """Parts that are decided right in every trial; REVIEW is not right."""
    miss: Proportion
    """Decisions on NG parts that are OK."""
    false_alarm: Proportion
    """Decisions on OK parts that are NG."""
    review_ng: Proportion
    """Decisions on NG parts that are REVIEW: neither caught nor missed."""
    review_ok: Proportion
    """Decisions on OK parts that are REVIEW."""
    within: Proportion | None
    """Parts on which all own decisions are the same; None with a single trial."""
    kappa: Kappa
    """Cohen's kappa of all decisions against the reference."""
    same_files: bool
    """Whether each part was decided on from the very same file in every trial."""

    def grade(self, figure: str) -> Grade | None:
        """How AIAG's marks call a figure of `MARKS`; None if it is not defined."""
        proportion: Proportion = getattr(self, figure)
        return None if proportion.value is None else grade(figure, proportion.value)


@dataclass(frozen=True)
class PairFigures:
    """Two appraisers."""

    one: str
    other: str
    agreement: Proportion
    """Parts on which all decisions of the two are the same."""
    kappa: Kappa
    """Cohen's kappa."""


@dataclass(frozen=True)
class BorderlinePart:
    """A part on which not all decisions are the same."""

    name: str
    reference: Label
    decisions: Mapping[str, tuple[Label, ...]]
    """By appraiser, trials in order."""
    disagreement: float
    """Share of all pairs of decisions that differ, 0…1."""
    wrong: float
    """Share of all decisions that are not the reference, 0…1."""


@dataclass(frozen=True)
class Caution:
    """Something to know before the figures are believed."""

    key: str
    """Of its sentence in `report.texts`."""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AgreementStudy:
    """All figures of a study."""

    parts: int
    ok: int
    ng: int
    appraisers: tuple[AppraiserFigures, ...]
    pairs: tuple[PairFigures, ...]
    between: Proportion | None
    """Parts on which all decisions of all appraisers are the same; None with a single appraiser."""
    all_right: Proportion
    """Parts on which all decisions of all appraisers are right."""
    fleiss: Kappa
    """Fleiss' kappa over all decisions of all appraisers; repeats on the same file count once. None with a
    single appraiser."""
    borderline: tuple[BorderlinePart, ...]
    """The most disputed first."""
    against_reference: tuple[str, ...]
    """Parts on which all decisions are the same and wrong: OK for NG, or NG for OK."""
    cautions: tuple[Caution, ...]


def study(table: DecisionTable, *, seed: int = 0) -> AgreementStudy:
    """Compute all figures of a study.

    Args:
        table: as `read_decisions` gives it.
        seed: of the bootstraps; the same table and seed give the same intervals, in any order of rows.

    Source of the figures: `metrics.agreement`, and AIAG, Measurement Systems Analysis, attribute studies.
    A part counts as effective only if all trials are right, as in AIAG's summary table.
    """
    reference = table.reference[:, None]
    everyone = np.concatenate([each.decisions for each in table.appraisers], axis=1)
    several = len(table.appraisers) > 1
    appraisers = tuple(_figures_of(each, table, seed) for each in table.appraisers)
    same, right = all_equal(everyone), (everyone == reference).all(axis=1)
    against = same & ~right & (everyone[:, 0] != _REVIEW)
    return AgreementStudy(
        parts=len(table.parts),
        ok=int((table.reference == _OK).sum()),
        ng=int((table.reference == _NG).sum()),
        appraisers=appraisers,
        pairs=tuple(_pair(one, other, table, seed) for one, other in combinations(table.appraisers, 2)),
        between=share_of_parts(same) if several else None,
        all_right=share_of_parts(right),
        fleiss=_fleiss(table, seed) if several else Kappa(None, None),
        borderline=tuple(_borderline(table, everyone)),
        against_reference=tuple(np.array(table.parts)[against].tolist()),
        cautions=tuple(_cautions(table, appraisers)),
    )


def grade(figure: str, value: float) -> Grade:
    """How AIAG's marks call a figure.

    >>> grade("effectiveness", 0.9), grade("miss", 0.05), grade("false_alarm", 0.11)
    ('acceptable', 'marginal', 'unacceptable')
    """
    acceptable, marginal = MARKS[figure]
    if acceptable > marginal:
        value, acceptable, marginal = -value, -acceptable, -marginal
    if value <= acceptable:
        return "acceptable"
    return "marginal" if value <= marginal else "unacceptable"


def _figures_of(appraiser: Appraiser, table: DecisionTable, seed: int) -> AppraiserFigures:
    decisions, reference = appraiser.decisions, table.reference
    on_ng, on_ok = decisions[reference == _NG], decisions[reference == _OK]
    trials = decisions.shape[1]
    against = cross_tables(decisions, np.repeat(reference[:, None], trials, axis=1), len(CATEGORIES))
    return AppraiserFigures(
        name=appraiser.name,
        trials=trials,
        effectiveness=share_of_parts((decisions == reference[:, None]).all(axis=1)),
        miss=share_of_decisions(on_ng == _OK),
        false_alarm=share_of_decisions(on_ok == _NG),
        review_ng=share_of_decisions(on_ng == _REVIEW),
        review_ok=share_of_decisions(on_ok == _REVIEW),
        within=share_of_parts(all_equal(decisions)) if trials > 1 else None,
        kappa=cohens_kappa(against, table.parts, seed=seed),
        same_files=_same_files(appraiser),
    )


def _pair(one: Appraiser, other: Appraiser, table: DecisionTable, seed: int) -> PairFigures:
    tables = cross_tables(one.decisions, other.decisions, len(CATEGORIES))
    together = np.concatenate([one.decisions, other.decisions], axis=1)
    return PairFigures(
        one.name,
        other.name,
        share_of_parts(all_equal(together)),
        cohens_kappa(tables, table.parts, seed=seed),
    )


def _fleiss(table: DecisionTable, seed: int) -> Kappa:
    told = [each.decisions[:, :1] if _repeats(each) else each.decisions for each in table.appraisers]
    counts = category_counts(np.concatenate(told, axis=1), len(CATEGORIES))
    return fleiss_kappa(counts, table.parts, seed=seed)


def _same_files(appraiser: Appraiser) -> bool:
    files = appraiser.files
    return files.shape[1] > 1 and bool((files != "").all() and (files == files[:, :1]).all())


def _repeats(appraiser: Appraiser) -> bool:
    """Whether its further trials tell nothing: the same decisions on the very same files."""
    return _same_files(appraiser) and bool(all_equal(appraiser.decisions).all())


def _borderline(table: DecisionTable, everyone: NDArray[np.int64]) -> list[BorderlinePart]:
    counts, number = category_counts(everyone, len(CATEGORIES)), everyone.shape[1]
    found = []
    for row in np.flatnonzero(~all_equal(everyone)):
        agreeing = int((counts[row] * (counts[row] - 1)).sum())
        found.append(
            BorderlinePart(
                table.parts[row],
                CATEGORIES[table.reference[row]],
                {
                    each.name: tuple(CATEGORIES[code] for code in each.decisions[row])
                    for each in table.appraisers
                },
                1 - agreeing / (number * (number - 1)),
                float((everyone[row] != table.reference[row]).mean()),
            )
        )
    return sorted(found, key=lambda part: (-part.disagreement, -part.wrong, part.name))


def _cautions(table: DecisionTable, figures: tuple[AppraiserFigures, ...]) -> Iterator[Caution]:
    for appraiser, own in zip(table.appraisers, figures, strict=True):
        yield from _cautions_of(appraiser, own)
    for label, code, figure in ((Label.NG, _NG, "miss"), (Label.OK, _OK, "false_alarm")):
        count = int((table.reference == code).sum())
        bound = clopper_pearson(0, count)[1]
        if not count:
            yield Caution(f"msa_caution_no_{label}")
        elif bound > MARKS[figure][0]:
            yield Caution(f"msa_caution_few_{label}", {"count": count, "bound": bound})
    if len(figures) == 1:
        yield Caution("msa_caution_alone")


def _cautions_of(appraiser: Appraiser, figures: AppraiserFigures) -> Iterator[Caution]:
    named: dict[str, Any] = {"name": figures.name}
    if figures.within is None:
        yield Caution("msa_caution_one_trial", named)
    elif figures.same_files:
        yield Caution("msa_caution_repeats" if _repeats(appraiser) else "msa_caution_unsteady", named)
    elif figures.within.value == 1:
        yield Caution("msa_caution_identical", named)
    if figures.review_ng.count or figures.review_ok.count:
        yield Caution("msa_caution_review", named)
