"""VisA: objects with Data/Images/{Normal,Anomaly}, Data/Masks, and tables of anomalies and splits.

Source: https://github.com/amazon-science/spot-diff.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import cast

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import (
    Tree,
    by_stem,
    products,
    shapes_of,
    size_of,
    stem,
    stray,
    the_product,
)
from gainspect.data.importers.source import Source
from gainspect.data.manifest import Split
from gainspect.data.tables import Row, read_rows, split_of
from gainspect.types import Label

_WHAT = "Data/Images/Normal and Data/Images/Anomaly"
_COLUMNS = ("image", "label", "mask", "object", "split")
_ONE_CLASS = "1cls.csv"


def _is_one(tree: Tree) -> bool:
    images = tree.at("data", "images")
    return bool(images.at("normal") and images.at("anomaly"))


def _recognize(source: Source) -> str | None:
    found = products(source, _is_one)
    return (
        None if not found else f"there are {_WHAT}" + (f" in {next(iter(found))}" if "" not in found else "")
    )


def _read(source: Source) -> AnnotatedSet:
    tree = the_product(source, _is_one, _WHAT)
    images = tree.at("data", "images")
    folder = images.all[0].parents[3]
    types = _types(folder / "image_anno.csv", source)
    splits = _splits(folder, source)
    remarks = [] if splits else [f"There is no split_csv/{_ONE_CLASS}: the set's own split is not known."]

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        masks = by_stem(tree.at("data", "masks", "anomaly").all)
        unclaimed = set(tree.at("data", "masks").all)
        for kind, label in (("normal", Label.OK), ("anomaly", Label.NG)):
            for image in images.at(kind).all:
                mask = masks.get(stem(image)) if label is Label.NG else None
                unclaimed -= {mask}
                yield AnnotatedImage(
                    image,
                    source.named(image),
                    label=label,
                    shapes=shapes_of([mask], source) if mask else (),
                    size=size_of(mask) if mask else None,
                    defect_type=types.get(_tail(image.as_posix())) if label is Label.NG else None,
                    split=splits.get(_tail(image.as_posix())),
                )
        left += stray(unclaimed, source)

    return AnnotatedSet.of(read, one_class=bool(splits), remarks=remarks)


def _tail(path: str) -> tuple[str, ...]:
    """The folder of an image (Normal, Anomaly) and its name, by which the tables are matched."""
    return tuple(piece.casefold() for piece in PurePosixPath(path.replace("\\", "/")).parts[-2:])


def _rows(file: Path, required: tuple[str, ...], source: Source) -> Iterator[Row]:
    source.used.add(file)
    return read_rows(file, known=_COLUMNS, required=required)


def _types(file: Path, source: Source) -> Mapping[tuple[str, ...], str]:
    """What is wrong with each anomaly; several kinds are one, joined by commas, as the table has them."""
    if not file.is_file():
        return {}
    rows = _rows(file, ("image", "label"), source)
    return {_tail(row.text("image")): row.text("label") for row in rows}


def _splits(folder: Path, source: Source) -> Mapping[tuple[str, ...], Split]:
    """The one-class split of an object's images, from the table beside the objects."""
    file = source.beyond(folder.parent / "split_csv" / _ONE_CLASS)
    if file is None:
        return {}
    found: dict[tuple[str, ...], Split] = {}
    for row in _rows(file, ("object", "split", "image"), source):
        split = split_of(row.text("split"), f"{file}, {row.place}")
        if row.text("object").casefold() == folder.name.casefold() and split is not None:
            found[_tail(row.text("image"))] = cast(Split, split)
    return found


VISA = Importer(
    name="visa",
    title="VisA",
    recognizes="Data/Images/Normal and Data/Images/Anomaly, of one object",
    reads="the masks, the kinds of anomaly from image_anno.csv, the split from split_csv/1cls.csv beside the "
    "object's folder",
    leaves="other objects: each is a set of its own; which value of a mask is which kind; splits 2cls_*.csv",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
)
