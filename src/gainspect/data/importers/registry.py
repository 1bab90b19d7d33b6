"""All formats of labels that are read, one importer each, and which of them a folder has."""

from gainspect.data.importers import (
    class_folders,
    coco,
    cvat,
    dagm,
    kolektor,
    label_studio,
    labelme,
    magnetic_tile,
    mvtec,
    own,
    severstal,
    supervisely,
    table,
    visa,
    voc,
    yolo,
)
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import Source
from gainspect.data.importers.unrecognized import unrecognized
from gainspect.errors import GainspectError

OWN: tuple[Importer, ...] = (own.MANIFEST, own.FOLDER)
"""What is read without an import as well."""
IMPORTERS: tuple[Importer, ...] = (
    *OWN,
    coco.COCO,
    coco.SEGMENT_ANYTHING,
    cvat.CVAT,
    label_studio.LABEL_STUDIO,
    labelme.LABELME,
    supervisely.SUPERVISELY,
    voc.VOC,
    yolo.YOLO,
    mvtec.MVTEC_AD,
    mvtec.MVTEC_LOCO,
    visa.VISA,
    mvtec.BTAD,
    kolektor.KOLEKTOR,
    kolektor.KOLEKTOR_2,
    dagm.DAGM,
    severstal.SEVERSTAL,
    magnetic_tile.MAGNETIC_TILE,
    class_folders.CLASS_FOLDERS,
    table.TABLE,
)
"""In the order in which they are listed."""
AS_FOUND: frozenset[str] = frozenset(importer.name for importer in (*OWN, table.TABLE))
"""Names of those whose masks are their user's own files; others draw them, or know what their values mean."""


def importer_of(source: Source, name: str = "auto") -> Importer:
    """The importer for a source.

    Args:
        source: the folder, or a file of labels.
        name: of an importer, or "auto" to recognize it.

    Raises:
        GainspectError: there is none of this name, the source is of no format, or of several.
    """
    if name != "auto":
        known = {importer.name: importer for importer in IMPORTERS}
        if name not in known:
            raise GainspectError(
                f"there is no format {name!r}", where="--format", hint=f"There are: {', '.join(known)}."
            )
        return known[name]
    found = recognized(source)
    if not found:
        raise unrecognized(source)
    if len(found) > 1:
        listed = "; ".join(f"{importer.name}: {reason}" for importer, reason in found)
        raise GainspectError(
            f"its labels may be of {len(found)} formats ({listed})",
            where=source.path,
            hint="Choose one with --format, or give the file of labels itself.",
        )
    return found[0][0]


def recognized(source: Source) -> list[tuple[Importer, str]]:
    """The importers that recognize a source, each with its reason; a fallback where no other one does."""
    for fallback in (False, True):
        tried = [importer for importer in IMPORTERS if importer.fallback is fallback]
        reasons = ((importer, importer.recognize(source)) for importer in tried)
        found = [(importer, reason) for importer, reason in reasons if reason is not None]
        if found:
            return found
    return []
