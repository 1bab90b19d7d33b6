"""Write a corrected manifest of a data set; the data themselves stay as they are."""

from dataclasses import replace
from pathlib import Path

from gainspect.data.corrections import Corrected, corrected, read_corrections
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.errors import GainspectError
from gainspect.files import require_new
from gainspect.jobs.labeled_data import tool_of


def correct_data(data: Path, corrections: Path, out: Path) -> Corrected:
    """Apply corrections to a data set, and write its manifest, with names relative to where it lies.

    Args:
        data: folder or manifest; the labels of a tool are to be imported first.
        corrections: table with the columns `image` and `correction`; see `data.corrections`.
        out: manifest to write, a new .csv.

    Raises:
        GainspectError: data or corrections cannot be read or contradict, or there is already such a file.
    """
    if out.suffix.lower() != ".csv":
        raise GainspectError("a manifest is written as .csv", where=out, hint="Give --out NAME.csv.")
    require_new(out)
    done = corrected(_own(data), read_corrections(corrections), corrections)
    save_manifest(replace(done.manifest, root=out.parent), out)
    return done


def _own(data: Path) -> Manifest:
    """The parts of a data folder or manifest.

    Raises:
        GainspectError: they are the labels of a tool; or see `load_manifest`.
    """
    try:
        return load_manifest(data)
    except GainspectError as error:
        if (tool := tool_of(data)) is None:
            raise
        raise GainspectError(
            f"these are the labels of a tool ({tool}): a corrected manifest is one of a data folder",
            where=data,
            hint=f"Import them first, `gainspect data import {data} --out DIR`, and correct DIR. Where a run "
            "was trained on them, correct RUN/labels.",
        ) from error
