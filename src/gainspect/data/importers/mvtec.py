"""Sets for anomaly detection in the layout of MVTec AD: good parts for training, all kinds for the test.

Sources: https://www.mvtec.com/company/research/datasets/mvtec-ad (also readme.txt of each category),
https://www.mvtec.com/company/research/datasets/mvtec-loco, https://github.com/pankajmishra000/VT-ADL (BTAD).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
from gainspect.types import Label

_MASKS = "ground_truth"
_ANOMALIES = frozenset({"logical_anomalies", "structural_anomalies"})


@dataclass(frozen=True)
class _Layout:
    """How a set calls its folders."""

    good: str
    splits: Mapping[str, Split]
    types: frozenset[str] = frozenset()
    """Folders of defective images that tell this set from its likes; empty: any."""
    several_masks: bool = False
    """Whether the masks of image NNN are the files of a folder NNN."""

    def is_one(self, tree: Tree) -> bool:
        """Whether a folder holds a product in this layout."""
        if not tree.at("train", self.good).here or tree.at("train").below != [self.good]:
            return False
        if "validation" in self.splits and "validation" not in tree.below:
            return False
        types = set(tree.at("test").below) - {self.good}
        if self.types:
            return bool(types) and types <= self.types
        return bool(types - _ANOMALIES) and _MASKS in tree.below

    @property
    def what(self) -> str:
        """What such a folder has."""
        kinds = " or ".join(f"test/{name}" for name in sorted(self.types)) or f"test and {_MASKS}"
        return f"train/{self.good} and {kinds}"


_MVTEC = _Layout("good", {"train": "train", "test": "test"})
_LOCO = _Layout(
    "good",
    {"train": "train", "validation": "val", "test": "test"},
    _ANOMALIES,
    several_masks=True,
)
_BTAD = _Layout("ok", {"train": "train", "test": "test"}, frozenset({"ko"}))


def _recognize(layout: _Layout, source: Source) -> str | None:
    found = products(source, layout.is_one)
    if not found:
        return None
    place = next(iter(found))
    return f"there are {layout.what}" + (f" in {place}" if place else "")


def _read(layout: _Layout, remarks: tuple[str, ...], source: Source) -> AnnotatedSet:
    tree = the_product(source, layout.is_one, layout.what)
    read = partial(_images, layout, tree, source)
    return AnnotatedSet.of(read, one_class=True, remarks=list(remarks))


def _images(layout: _Layout, tree: Tree, source: Source, left: list[Left]) -> Iterator[AnnotatedImage]:
    unclaimed = set(tree.at(_MASKS).all)
    for folder, split in layout.splits.items():
        for kind in tree.at(folder).below:
            images = tree.at(folder, kind).here
            if kind == layout.good:
                yield from (_good(image, split, source) for image in images)
                continue
            masks = _masks_of(layout, tree.at(_MASKS, kind), images)
            for image in images:
                found = masks.get(stem(image), ())
                unclaimed -= set(found)
                yield _bad(image, kind, split, found, source, several=layout.several_masks)
    left += stray(unclaimed, source)


def _masks_of(layout: _Layout, masks: Tree, images: tuple[Path, ...]) -> dict[str, tuple[Path, ...]]:
    """The masks of each image by its stem. They are called NNN_mask, or NNN, as in repackaged sets."""
    if layout.several_masks:
        return {name: masks.at(name).here for name in masks.below}
    there = {stem(image) for image in images}
    found = by_stem(masks.here)
    return {name if name in there else name.removesuffix("_mask"): (file,) for name, file in found.items()}


def _good(image: Path, split: Split, source: Source) -> AnnotatedImage:
    return AnnotatedImage(image, source.named(image), label=Label.OK, split=split)


def _bad(
    image: Path, kind: str, split: Split, masks: tuple[Path, ...], source: Source, *, several: bool
) -> AnnotatedImage:
    return AnnotatedImage(
        image,
        source.named(image),
        label=Label.NG,
        shapes=shapes_of(masks, source) if several else (),
        mask=masks[0] if masks and not several else None,
        size=size_of(masks[0]) if masks and several else None,
        defect_type=kind,
        split=split,
    )


MVTEC_AD = Importer(
    name="mvtec-ad",
    title="MVTec AD",
    recognizes="train/good, test and ground_truth, of one category",
    reads="the split, the folders of test/ as defect types, the masks NNN_mask (repackaged: NNN)",
    leaves="other categories: each is a set of its own",
    tried_on="a real export",
    recognize=partial(_recognize, _MVTEC),
    read=partial(_read, _MVTEC, ()),
)
MVTEC_LOCO = Importer(
    name="mvtec-loco",
    title="MVTec LOCO AD",
    recognizes="train/good, validation, and test/logical_anomalies or structural_anomalies, of one category",
    reads="the split with its validation part, the kind of anomaly as defect type, all masks of an image",
    leaves="defects_config.json: saturation thresholds and the values of single masks",
    tried_on="the format's description only",
    recognize=partial(_recognize, _LOCO),
    read=partial(
        _read,
        _LOCO,
        (
            "A mask of a logical anomaly covers all places where something may be wrong; the saturation "
            "thresholds of defects_config.json, by which the set's own figures allow for it, are not read.",
        ),
    ),
)
BTAD = Importer(
    name="btad",
    title="BTAD (beanTech)",
    recognizes="train/ok and test/ko, of one product",
    reads="the split and the masks ground_truth/ko",
    leaves="other products: each is a set of its own",
    tried_on="the format's description only",
    recognize=partial(_recognize, _BTAD),
    read=partial(_read, _BTAD, ()),
)
