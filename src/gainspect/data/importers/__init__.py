"""Reads a manifest from a manifest file or a data folder."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gainspect.data.importers.folder import import_folder
from gainspect.data.manifest import Manifest, read_manifest
from gainspect.data.taken import NotTaken, files_below
from gainspect.errors import GainspectError

_TABLES = frozenset({".csv", ".parquet", ".tsv", ".txt", ".xlsx", ".xls"})
NOT_NAMED = "images that the manifest does not name"


def load_manifest(path: Path, *, root: Path | None = None) -> Manifest:
    """Read a manifest file, or a folder with manifest.csv or manifest.parquet, or one with the folder layout.

    Args:
        path: file or folder.
        root: the folder that names in a manifest file are relative to; by default the file's own folder.

    Raises:
        GainspectError: the data cannot be read; the message names file and line, and what to do.
    """
    if not path.is_dir():
        return read_manifest(path, root=root)
    found = [
        file
        for file in sorted(path.iterdir())
        if file.stem.casefold() == "manifest" and file.suffix.lower() in _TABLES and file.is_file()
    ]
    if not found:
        return import_folder(path)
    if len(found) > 1 or found[0].suffix.lower() not in {".csv", ".parquet"}:
        raise GainspectError(
            f"it holds {' and '.join(file.name for file in found)}",
            where=path,
            hint="Keep one manifest, manifest.csv or manifest.parquet.",
        )
    manifest = read_manifest(found[0])
    return replace(manifest, not_taken=tuple(_not_named(manifest, path)))


def _not_named(manifest: Manifest, folder: Path) -> Iterator[NotTaken]:
    """Images of the folder that its manifest does not name."""
    named = {os.path.realpath(file) for part in manifest.parts for file in part.files.values()}
    for image in files_below(folder).images:
        if os.path.realpath(image) not in named:
            yield NotTaken(image, NOT_NAMED)
