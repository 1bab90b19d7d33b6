"""What a reader of one format says of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gainspect.data.importers.annotations import AnnotatedSet
from gainspect.data.importers.source import Source


@dataclass(frozen=True)
class Importer:
    """A format of labels, and its reader."""

    name: str
    """As `--format` takes it: "coco"."""
    title: str
    """As people call it: "COCO"."""
    recognizes: str
    """What a folder has by which it is recognized, a clause."""
    reads: str
    """What is taken from it, a clause."""
    leaves: str
    """What is not, a clause."""
    tried_on: Literal["a real export", "the format's description only"]
    recognize: Callable[[Source], str | None]
    """Why a source is taken for this format, a clause ("instances.json lists images and annotations"); None:
    it is not of it. Raises nothing, and reads a few files at most."""
    read: Callable[[Source], AnnotatedSet]
    """Reads a source.

    Raises GainspectError, with file and place: the labels are damaged or not of this format. What
    concerns one image or shape only is not raised, but goes to `AnnotatedSet.left`, or is `Damaged`."""
    fallback: bool = False
    """Whether it counts only where no other format is recognized: a folder of a public set is a folder of
    classes too."""
