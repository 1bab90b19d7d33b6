"""Magnetic Tile as published: MT_<defect>/Imgs with a .jpg and its mask as .png; MT_Free is good.

Source: https://github.com/abin24/Magnetic-tile-defect-datasets.
"""

from collections.abc import Iterator

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import Tree, by_stem, marks, products, stem, stray, the_product
from gainspect.data.importers.source import Source
from gainspect.types import Label

_WHAT = "folders MT_<defect>/Imgs and MT_Free/Imgs"
_PREFIX, _GOOD = "mt_", "mt_free"
_TILES = (
    "Each tile was photographed several times (exp1 … exp6), and the number in a name is that of the "
    "picture, not of the tile: no pattern finds the group. Unless the column group says it, pictures of one "
    "tile may lie in training and in test; `gainspect data check` names near duplicates."
)
MARKED = "an image of MT_Free whose mask marks something"


def _is_one(tree: Tree) -> bool:
    kinds = [folder for folder in tree.below if folder.startswith(_PREFIX) and tree.at(folder, "imgs").here]
    return _GOOD in kinds and len(kinds) > 1


def _recognize(source: Source) -> str | None:
    return f"there are {_WHAT}" if products(source, _is_one) else None


def _read(source: Source) -> AnnotatedSet:
    tree = the_product(source, _is_one, _WHAT)

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        for kind in (folder for folder in tree.below if folder.startswith(_PREFIX)):
            files = tree.at(kind, "imgs").here
            masks = by_stem(file for file in files if file.suffix.lower() == ".png")
            for image in (file for file in files if file.suffix.lower() != ".png"):
                mask = masks.pop(stem(image), None)
                if kind != _GOOD:
                    type_ = kind.removeprefix(_PREFIX)
                    yield AnnotatedImage(
                        image, source.named(image), label=Label.NG, mask=mask, defect_type=type_
                    )
                elif (marked := mask is not None and marks(image, mask, source, left)) is False:
                    yield AnnotatedImage(image, source.named(image), label=Label.OK)
                elif marked:
                    source.used.add(image)
                    left.append(Left(source.named(image), MARKED))
            left += stray(masks.values(), source)

    return AnnotatedSet.of(read, remarks=[_TILES])


MAGNETIC_TILE = Importer(
    name="magnetic-tile",
    title="Magnetic Tile",
    recognizes=_WHAT,
    reads="the folders as labels and defect types, the .png beside an image as its mask",
    leaves="which pictures show the same tile: their names do not say it",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
)
