"""KolektorSDD and KolektorSDD2: a mask beside each image, black where the part is good.

Source: https://www.vicos.si/resources/kolektorsdd/ and kolektorsdd2/.
"""

import re
from collections.abc import Iterator

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import Tree, beside, products, the_product
from gainspect.data.importers.source import Source
from gainspect.data.manifest import Split

_ITEM = re.compile(r"kos\d+")
_SPLITS: dict[str, Split] = {"train": "train", "test": "test"}
_ITEMS_WHAT = "folders kosNN with PartN.jpg and PartN_label.bmp"
_SPLITS_WHAT = "train and test with NAME.png and NAME_GT.png"


def _items(tree: Tree) -> list[str]:
    return [folder for folder in tree.below if _ITEM.fullmatch(folder)]


def _is_first(tree: Tree) -> bool:
    return any(
        file.stem.casefold().endswith("_label") for item in _items(tree) for file in tree.at(item).here
    )


def _is_second(tree: Tree) -> bool:
    return all(any(file.stem.casefold().endswith("_gt") for file in tree.at(split).here) for split in _SPLITS)


def _recognize_first(source: Source) -> str | None:
    return f"there are {_ITEMS_WHAT}" if products(source, _is_first) else None


def _recognize_second(source: Source) -> str | None:
    return f"there are {_SPLITS_WHAT}" if products(source, _is_second) else None


def _read_first(source: Source) -> AnnotatedSet:
    tree = the_product(source, _is_first, _ITEMS_WHAT)

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        for item in _items(tree):
            yield from beside(tree.at(item).here, "_label", source, left, group=item)

    return AnnotatedSet.of(read, remarks=["The group of an image is its folder, kosNN: one commutator."])


def _read_second(source: Source) -> AnnotatedSet:
    tree = the_product(source, _is_second, _SPLITS_WHAT)

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        for folder, split in _SPLITS.items():
            yield from beside(tree.at(folder).here, "_gt", source, left, split=split)

    return AnnotatedSet.of(read)


KOLEKTOR = Importer(
    name="kolektorsdd",
    title="KolektorSDD",
    recognizes=_ITEMS_WHAT,
    reads="masks (an image with a black one is OK), the folder as group",
    leaves="the folds of split.pyb, which a program would have to be run for",
    tried_on="the format's description only",
    recognize=_recognize_first,
    read=_read_first,
)
KOLEKTOR_2 = Importer(
    name="kolektorsdd2",
    title="KolektorSDD2",
    recognizes=_SPLITS_WHAT,
    reads="the split and the masks (an image with a black one is OK)",
    leaves="which masks count as weakly labeled in split_*.pyb",
    tried_on="the format's description only",
    recognize=_recognize_second,
    read=_read_second,
)
