"""Write a model's verdicts as rows of a study of appraisers."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gainspect.data.decision_table import COLUMNS
from gainspect.data.importers.choices import Choices
from gainspect.errors import GainspectError
from gainspect.evaluation.model_rows import ModelRows, model_rows
from gainspect.files import write_text
from gainspect.jobs.labeled_data import briefly_prepared


def write_model_rows(
    verdicts: Sequence[Path],
    out: Path,
    *,
    appraiser: str = "model",
    reference: Path | None = None,
    choices: Choices | None = None,
    console: Console | None = None,
) -> ModelRows:
    """Write the rows that `gainspect msa` reads, atomically.

    Args:
        verdicts: verdicts.jsonl of `gainspect inspect`, each a trial.
        out: CSV file to write, in UTF-8.
        appraiser: the model's name in the study.
        reference: see `evaluation.model_rows`; or the labels of a tool, a folder.
        choices: what these do not say; None: nothing.
        console: where it is shown what they say; None: nowhere.

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
    if reference is not None and (reference.is_dir() or choices not in (None, Choices())):
        with briefly_prepared(reference, choices, console=console) as folder:
            made = model_rows(verdicts, folder)
    else:
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
