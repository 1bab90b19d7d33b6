"""Reads a manifest from a manifest file or a data folder."""

from pathlib import Path

from gainspect.data.importers.folder import import_folder
from gainspect.data.manifest import Manifest, read_manifest


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
    for name in ("manifest.csv", "manifest.parquet"):
        if (path / name).is_file():
            return read_manifest(path / name)
    return import_folder(path)
