"""What gainspect reads itself: its folder layout and its manifests, as importers."""

import re
from pathlib import Path

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.folder import import_folder
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import Source
from gainspect.data.manifest import Manifest, read_manifest
from gainspect.data.tables import LABEL_WORDS, fold_header, read_rows
from gainspect.errors import GainspectError

_MANIFESTS = frozenset({"manifest.csv", "manifest.parquet"})


def _manifest_file(source: Source) -> Path | None:
    if source.only is not None:
        return source.only if _names_images(source.only) else None
    return next((f for f in sorted(source.root.iterdir()) if f.name.casefold() in _MANIFESTS), None)


def _names_images(table: Path) -> bool:
    """Whether a table has the columns of a manifest, as far as its first line shows."""
    if table.suffix.lower() != ".csv":
        return table.suffix.lower() == ".parquet"
    try:
        with table.open(encoding="utf-8-sig") as file:
            header = {fold_header(name) for name in re.split("[,;\t]", file.readline(10_000))}
    except (OSError, UnicodeError):
        return False
    return {"image", "label"} <= header and _says_ok_or_ng(table)


def _says_ok_or_ng(table: Path) -> bool:
    """Whether its labels are words for OK and NG, not classes; True where it cannot be read."""
    try:
        rows = read_rows(table, known=("image", "label"), required=("image", "label"))
        return all(row.text("label").casefold() in {"", *LABEL_WORDS} for row in rows)
    except GainspectError:
        return True


def _recognize_manifest(source: Source) -> str | None:
    file = _manifest_file(source)
    return None if file is None else f"there is {source.named(file)}"


def _read_manifest(source: Source) -> AnnotatedSet:
    file = _manifest_file(source)
    if file is None:
        raise GainspectError("there is no manifest.csv or manifest.parquet", where=source.path)
    source.used.add(file)
    manifest = read_manifest(file)
    for named in {file for part in manifest.parts for file in part.files.values()} - set(source.images):
        source.beyond(named)
    return _set_of(manifest, source)


def _recognize_folder(source: Source) -> str | None:
    """Whether images/ has folders that are called by words for a split or label, and nothing else."""
    if source.only is not None or source.folder("images") is None or _recognize_manifest(source):
        return None
    try:
        import_folder(source.root)
    except GainspectError:
        return None
    return "images/ has folders for good and defective parts"


def _read_folder(source: Source) -> AnnotatedSet:
    source.used.add(source.root / "split.csv")
    return _set_of(import_folder(source.root), source)


def _set_of(manifest: Manifest, source: Source) -> AnnotatedSet:
    images = [
        AnnotatedImage(
            file=part.image,
            place=source.named(part.image),
            label=part.label,
            mask=part.mask,
            ignore=part.ignore,
            mask_kind=part.mask_kind,
            defect_type=part.defect_type,
            split=part.split,
            group=part.group,
            part=part.part,
            extra=part.extra,
        )
        for part in manifest.parts
    ]
    return AnnotatedSet(images, [Left(source.named(item.path), item.why) for item in manifest.not_taken])


MANIFEST = Importer(
    name="manifest",
    title="Manifest",
    recognizes="manifest.csv or manifest.parquet in the folder, or such a table itself",
    reads="all columns",
    leaves="images that no row names",
    tried_on="a real export",
    recognize=_recognize_manifest,
    read=_read_manifest,
)
FOLDER = Importer(
    name="folder",
    title="Folder layout",
    recognizes="images/ with folders for good and defective parts, masks/ beside it",
    reads="labels, masks, defect types and splits by the folders, groups and parts by split.csv",
    leaves="what is not an image",
    tried_on="a real export",
    recognize=_recognize_folder,
    read=_read_folder,
)
