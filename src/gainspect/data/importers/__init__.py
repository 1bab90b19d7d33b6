"""From whatever a user points at to a manifest."""

from pathlib import Path

from gainspect.data.importers.folder import import_folder
from gainspect.data.manifest import Manifest, read_manifest


def load_manifest(path: Path, *, root: Path | None = None) -> Manifest:
    """Read a manifest file, or a folder that holds one (manifest.csv, manifest.parquet) or has the layout.

    Args:
        path: file or folder.
        root: what names in a file are relative to; its own folder by default.

    Raises:
        GainspectError: with file, line and what to do.
    """
    if not path.is_dir():
        return read_manifest(path, root=root)
    for name in ("manifest.csv", "manifest.parquet"):
        if (path / name).is_file():
            return read_manifest(path / name)
    return import_folder(path)
