"""A folder for each class, as torchvision's ImageFolder reads them; train, val and test above or not."""

import re
from collections.abc import Iterator
from typing import NamedTuple, cast

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import Folder, tree_of
from gainspect.data.importers.source import Source
from gainspect.data.manifest import Split
from gainspect.data.tables import SPLIT_WORDS
from gainspect.errors import GainspectError
from gainspect.names import escaped

_NO_CLASSES = frozenset(
    {
        "images",
        "image",
        "img",
        "imgs",
        "jpegimages",
        "data",
        "masks",
        "mask",
        "labels",
        "label",
        "annotations",
    }
    | {"annotation", "groundtruth", "truth", "gt", "segmentation", "segmentations", "rgb", "raw", "마스크"}
)
"""Words in the names of folders that hold images of all kinds, or masks."""


class _Class(NamedTuple):
    split: Split | None
    name: str


def _class_of(folder: Folder) -> _Class | None:
    """The split and the class that a folder stands for; None: it stands for none."""
    split = SPLIT_WORDS.get(folder[0]) if folder else None
    below = folder[1:] if split is not None else folder
    if not below or _NO_CLASSES & set(re.split(r"[\W_]+", below[0])):
        return None
    return _Class(cast(Split | None, split), below[0])


def _recognize(source: Source) -> str | None:
    classes = [_class_of(folder) for folder in tree_of(source).files]
    names = {found.name for found in classes if found is not None}
    if None in classes or len(names) < 2:
        return None
    return (
        f"all images lie in folders that may be classes ({', '.join(escaped(n) for n in sorted(names)[:4])})"
    )


def _read(source: Source) -> AnnotatedSet:
    tree = tree_of(source)
    if not any(_class_of(folder) for folder in tree.files):
        raise GainspectError("no image lies in a folder that may be a class", where=source.path)

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        for folder, images in sorted(tree.files.items()):
            found = _class_of(folder)
            if found is None:
                continue
            for image in images:
                pieces = image.relative_to(source.root).parts
                name = pieces[1] if found.split is not None else pieces[0]
                yield AnnotatedImage(image, source.named(image), tags=(name,), split=found.split)

    return AnnotatedSet.of(read)


CLASS_FOLDERS = Importer(
    name="class-folders",
    title="Folders of classes (OK and NG; ImageFolder)",
    recognizes="images in two or more folders, below train, val and test or not; labels of no other format",
    reads="the folder as class of its images (ok, ng, 양품, 불량 … are known), the split",
    leaves="folders below those of the classes",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
    fallback=True,
)
