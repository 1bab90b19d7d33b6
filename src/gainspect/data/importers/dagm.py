"""DAGM 2007: textures with Train and Test, and a coarse ellipse around each defect in Label.

Source: https://conferences.mpi-inf.mpg.de/dagm/2007/prizes.html, https://hci.iwr.uni-heidelberg.de/content/weakly-supervised-learning-industrial-optical-inspection.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import Tree, by_stem, products, stem, stray, the_product
from gainspect.data.importers.source import Source
from gainspect.data.manifest import Split
from gainspect.errors import GainspectError
from gainspect.types import Label

_SPLITS: dict[str, Split] = {"train": "train", "test": "test"}
_WHAT = "Train and Test with Label/NNNN_label.PNG"
_TABLE = re.compile(r"(\d+)\s+([01])\s+(\S+)\s+(?:0|\d+)\s+(\S+)")
NO_MASK = "defective by Labels.txt, and its mask is not there"


def _is_one(tree: Tree) -> bool:
    labels = [tree.at(split, "label").here for split in _SPLITS]
    return all(tree.at(split).here for split in _SPLITS) and any(
        file.stem.casefold().endswith("_label") for files in labels for file in files
    )


def _recognize(source: Source) -> str | None:
    return f"there are {_WHAT}" if products(source, _is_one) else None


def _read(source: Source) -> AnnotatedSet:
    tree = the_product(source, _is_one, _WHAT)

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        for folder, split in _SPLITS.items():
            masks = by_stem(tree.at(folder, "label").here, "_label")
            images = tree.at(folder).here
            listed = _defective(images[0].parent, source)
            for image in images:
                mask = masks.pop(stem(image), None)
                bare = mask is None and stem(image) in listed
                yield AnnotatedImage(
                    image,
                    source.named(image),
                    label=Label.NG if mask is not None or bare else Label.OK,
                    mask=mask,
                    mask_kind=None if mask is None else "box",
                    split=split,
                    notes=(NO_MASK,) if bare else (),
                )
            left += stray(masks.values(), source)

    return AnnotatedSet.of(
        read, remarks=["Its masks are coarse ellipses around defects: they count as boxes, not as outlines."]
    )


def _defective(folder: Path, source: Source) -> set[str]:
    """The stems of the images that Labels.txt calls defective; it lies in Label/, and may not be there.

    Raises:
        GainspectError: a line is of another form.
    """
    tables = [item.path for item in source.others if item.path.name.casefold() == "labels.txt"]
    found: set[str] = set()
    for table in (table for table in tables if table.parent.parent == folder):
        for number, line in enumerate(source.text(table).splitlines()[1:], 2):
            row = _TABLE.fullmatch(line.strip())
            if row is None and line.strip():
                raise GainspectError(
                    "the line is not number, 0 or 1, image, 0 and mask",
                    where=f"{table}, line {number}",
                    hint="Take the file as published, or take it away: masks alone do.",
                )
            if row is not None and row[2] == "1":
                found.add(Path(row[3]).stem.casefold())
    return found


DAGM = Importer(
    name="dagm2007",
    title="DAGM 2007",
    recognizes="Train and Test with Label/NNNN_label.PNG, of one texture",
    reads="the split, and the coarse ellipses as masks of the kind `box`; an image without one is OK",
    leaves="other textures: each is a set of its own",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
)
