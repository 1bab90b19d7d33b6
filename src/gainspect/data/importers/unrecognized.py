"""Why a source is of no format: the file that cannot be read, or what is there and what is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gainspect.data.importers.source import ARCHIVES, UNPACK, Source
from gainspect.errors import GainspectError
from gainspect.wording import plural

_FORMATS = "`gainspect data formats` lists the formats and what each is recognized by."


def unrecognized(source: Source) -> GainspectError:
    """What to say of a source whose labels are of no format that is known."""
    if (fault := damaged(source, ".json", ".xml", ".yaml", ".yml", ".txt")) is not None:
        return fault
    if labels := source.labels:
        return GainspectError(
            f"its labels are of no format that is known ({_such(labels, source, 'file')})",
            where=source.path,
            hint=_FORMATS,
        )
    if archives := [item.path for item in source.others if item.path.suffix.lower() in ARCHIVES]:
        what = f"there are no labels, but {_such(archives, source, 'archive')}"
        return GainspectError(what, where=source.path, hint=UNPACK)
    if images := source.images:
        return GainspectError(
            f"there are images, but no file of labels ({_such(images, source, 'image')})",
            where=source.path,
            hint="Put the file that the label tool exported into this folder; or sort all images into "
            f"folders called by their classes, such as good and scratch. {_FORMATS}",
        )
    if others := [item.path for item in source.others]:
        return GainspectError(
            f"there is neither an image nor a file of labels, but {_such(others, source, 'entry')}",
            where=source.path,
            hint="Give a folder of images and labels.",
        )
    return GainspectError(
        "the folder is empty", where=source.path, hint="Give a folder of images and labels."
    )


def damaged(source: Source, *suffixes: str) -> GainspectError | None:
    """What is wrong with the first of a few files of labels that cannot be read; None: they can.

    Args:
        source: what holds them.
        suffixes: of the files that are looked at.
    """
    for file in source.some(*suffixes):
        read = _READERS.get(file.suffix.lower(), Source.text)
        try:
            read(source, file)
        except GainspectError as error:
            return error
    return None


_READERS: dict[str, Callable[[Source, Path], Any]] = {
    ".json": Source.json,
    ".xml": Source.xml,
    ".yaml": Source.yaml,
    ".yml": Source.yaml,
}


def _such(files: list[Path], source: Source, noun: str) -> str:
    return f"{plural(len(files), noun)}, such as {source.named(files[0])}"
