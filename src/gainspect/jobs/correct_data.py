"""Write a corrected manifest of a data set; the data themselves stay as they are."""

from dataclasses import replace
from pathlib import Path

from gainspect.data.corrections import Corrected, corrected, read_corrections
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import save_manifest
from gainspect.errors import GainspectError
from gainspect.files import require_new


def correct_data(data: Path, corrections: Path, out: Path) -> Corrected:
    """Apply corrections to a data set, and write its manifest, with names relative to where it lies.

    Args:
        data: folder or manifest.
        corrections: table with the columns `image` and `correction`; see `data.corrections`.
        out: manifest to write, a new .csv.

    Raises:
        GainspectError: data or corrections cannot be read or contradict, or there is already such a file.
    """
    if out.suffix.lower() != ".csv":
        raise GainspectError("a manifest is written as .csv", where=out, hint="Give --out NAME.csv.")
    require_new(out)
    done = corrected(load_manifest(data), read_corrections(corrections), corrections)
    save_manifest(replace(done.manifest, root=out.parent), out)
    return done
