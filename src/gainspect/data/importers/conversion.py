"""From a set of labels to a folder with a manifest: images linked or copied, masks drawn once."""

from collections.abc import Callable
from pathlib import Path

from gainspect.data.importers.fates import FATES, write_fates
from gainspect.data.importers.nothing_left import nothing_left
from gainspect.data.importers.outcome import Outcome
from gainspect.data.importers.part_files import IMAGES, PartFiles
from gainspect.data.importers.plan import Plan
from gainspect.data.importers.remarks import remarks_on
from gainspect.data.importers.resplit import resplit
from gainspect.data.manifest import Manifest, checked, save_manifest
from gainspect.errors import GainspectError
from gainspect.files import cannot_write

MANIFEST = "manifest.csv"
"""What is written beside images/, masks/, ignore/ and the table of what became of each file."""


def carry_out(made: Plan, folder: Path, on_image: Callable[[], None] = lambda: None) -> Outcome:
    """Write images, masks, the manifest and the table of what became of each file into an empty folder.

    Images are read one after the other, and only those with shapes.

    Args:
        made: the plan.
        folder: an empty folder.
        on_image: called after each image.

    Raises:
        GainspectError: the folder cannot be written, no image is left, or they cannot be divided anew.
    """
    outcome = Outcome()
    files = PartFiles(made, folder, outcome)
    try:
        for image in made.images():
            files.write(image)
            on_image()
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not outcome.parts:
        raise nothing_left("no image is left", outcome.left, made.source)
    outcome.left += made.labels.left
    manifest = Manifest(folder, tuple(outcome.parts))
    checked(manifest, where=made.source.path)
    if made.choices.resplit:
        manifest = _divided_anew(manifest, made.source.path)
        outcome.parts = list(manifest.parts)
    save_manifest(manifest, folder / MANIFEST)
    names = [part.image.relative_to(folder / IMAGES).as_posix() for part in outcome.parts]
    outcome.remarks += [*made.labels.remarks, *files.columns.remarks]
    outcome.remarks += remarks_on(outcome.parts, names, made.choices)
    write_fates(made, outcome, folder / FATES)
    return outcome


def _divided_anew(manifest: Manifest, where: Path) -> Manifest:
    try:
        return resplit(manifest)
    except GainspectError as error:
        hint = "Add OK and NG images, or leave resplit out."
        raise GainspectError(f"it cannot be divided anew: {error.what}", where=where, hint=hint) from error
