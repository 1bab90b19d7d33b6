"""A folder that an export makes: it appears complete or not at all."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from gainspect.data.exporters.coco import write_coco
from gainspect.data.exporters.layout import write_folder
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.files import cannot_write

ExportFormat = Literal["coco", "folder"]


def export_format_of(word: str, *, polygons: bool) -> ExportFormat:
    """The format that a word stands for.

    Raises:
        GainspectError: it is none, or has no polygons.
    """
    if word not in get_args(ExportFormat):
        raise GainspectError(f"{word!r} is neither coco nor folder", where="--format")
    if polygons and word != "coco":
        raise GainspectError("only COCO has polygons", where="--polygons")
    return word  # type: ignore[return-value]


def export(
    manifest: Manifest,
    out: Path,
    as_: ExportFormat,
    *,
    polygons: bool = False,
    on_image: Callable[[], None] = lambda: None,
) -> list[str]:
    """Write a manifest with its images and masks into a new folder.

    Args:
        manifest: the data.
        out: the folder to make; it may be there and empty.
        as_: the format.
        polygons: of COCO: polygons, not run lengths.
        on_image: called after each image.

    Returns:
        Sentences on what the format cannot hold.

    Raises:
        GainspectError: something is there, it cannot be written, or an image or mask cannot be read.
    """
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise GainspectError("there is something already", where=out, hint="Choose another name with --out.")
    partial = out.absolute().with_name(f".{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True)
        if as_ == "coco":
            said = write_coco(manifest, partial, polygons=polygons, on_image=on_image)
        else:
            said = write_folder(manifest, partial, on_image=on_image)
        if out.exists():
            out.rmdir()
        partial.replace(out.absolute())
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return said
