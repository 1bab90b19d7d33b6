"""Write a model's verdicts as rows of a study of appraisers."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from gainspect.data.decision_table import COLUMNS
from gainspect.errors import GainspectError
from gainspect.evaluation.model_rows import ModelRows, model_rows
from gainspect.files import write_text


def write_model_rows(
    verdicts: Sequence[Path], out: Path, *, appraiser: str = "model", reference: Path | None = None
) -> ModelRows:
    """Write the rows that `gainspect msa` reads, atomically.

    Args:
        verdicts: verdicts.jsonl of `gainspect inspect`, each a trial.
        out: CSV file to write, in UTF-8.
        appraiser: the model's name in the study.
        reference: see `evaluation.model_rows`.

    Returns:
        What was written, and what was left out.

    Raises:
        GainspectError: see `evaluation.model_rows`; or the name is empty, or the file one of those read.
    """
    if not appraiser.strip():
        raise GainspectError("an appraiser needs a name", hint="Give --appraiser NAME.")
    read = [*verdicts, *([] if reference is None else [reference])]
    if out.resolve() in {path.resolve() for path in read}:
        raise GainspectError("this file would be overwritten", where=out, hint="Choose another --out.")
    made = model_rows(verdicts, reference)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in made.rows:
        writer.writerow(
            [row.part, appraiser.strip(), row.trial, row.decision, row.reference or "", row.sha256]
        )
    write_text(out, text.getvalue())
    return made
