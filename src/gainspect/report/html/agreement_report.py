"""The report of a study of appraisers: one page."""

from pathlib import Path

from gainspect.evaluation.agreement_study import AgreementStudy
from gainspect.metrics.decisions import MARKS
from gainspect.report.html.page import percent, write_page
from gainspect.report.texts import Wording


def write_agreement(out: Path, study: AgreementStudy, wording: Wording) -> None:
    """Write the study as one HTML file.

    Args:
        out: the file to write.
        study: its figures.
        wording: the texts in the language of the report.

    Raises:
        GainspectError: the file cannot be written.
    """
    marks: dict[str, str] = {}
    for figure, (acceptable, marginal) in MARKS.items():
        marks |= {figure: percent(acceptable), f"{figure}_marginal": percent(marginal)}
    write_page(
        "agreement.html.j2",
        out,
        wording,
        study=study,
        figures=tuple(MARKS),
        marks=marks,
        decisions=study.parts * sum(each.trials for each in study.appraisers),
    )
