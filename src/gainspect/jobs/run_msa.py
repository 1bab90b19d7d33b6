"""Compute a study of appraisers, and write its report."""

from collections.abc import Sequence
from pathlib import Path

from gainspect.data.decision_table import read_decisions
from gainspect.evaluation.agreement_study import AgreementStudy, study
from gainspect.report.texts import Wording


def run_msa(tables: Sequence[Path], *, out: Path | None = None, language: str = "en") -> AgreementStudy:
    """Read the decisions of appraisers, and compute how far they are right and agree.

    Args:
        tables: see `data.decision_table`; several are read together.
        out: HTML file to write; None: no report.
        language: of the report, "en" or "ko".

    Raises:
        GainspectError: a table cannot be read, or the report cannot be written.
    """
    wording = Wording(language)
    found = study(read_decisions(tables))
    if out is not None:
        from gainspect.report.html.agreement_report import write_agreement

        write_agreement(out, found, wording)
    return found
