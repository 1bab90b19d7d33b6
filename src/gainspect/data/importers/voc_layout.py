"""What files there are of each image of a Pascal VOC set: its XML, its class mask, the lists that name it."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.manifest import Split
from gainspect.data.tables import SPLIT_WORDS
from gainspect.names import composed

_ROOT = re.compile(rb"<annotation[\s>]")
_LISTS = "imagesets"
_CLASS_MASKS = ("segmentationclass", "segmentationclasspng")
_MASKS = "segmentation"
"""How the folders of all kinds of masks begin: classes, instances, pictures of them."""


@dataclass
class Entry:
    """What there is of one image."""

    xml: Path | None = None
    mask: Path | None = None
    lists: list[Path] = field(default_factory=list)
    splits: set[Split] = field(default_factory=set)


Key = tuple[Path, str]
"""The folder of a set (VOC2012), and the path of an image below its JPEGImages without the suffix."""


def is_annotation(file: Path, source: Source) -> bool:
    """Whether an XML file is of Pascal VOC, as far as its beginning shows."""
    return _ROOT.search(source.head(file)) is not None


def is_class_mask(image: Path, source: Source) -> bool:
    """Whether an image lies in SegmentationClass/."""
    return _below(image, source, *_CLASS_MASKS) is not None


def _below(file: Path, source: Source, *folders: str) -> Key | None:
    """Splits a path at a folder of one of these names, in any case; None: it does not lie in one."""
    for number, folder in enumerate(file.relative_to(source.root).parent.parts):
        if folder.casefold() in folders:
            pieces = file.relative_to(source.root).with_suffix("").parts
            return source.root.joinpath(*pieces[:number]), composed("/".join(pieces[number + 1 :]))
    return None


def is_mask(image: Path, source: Source) -> bool:
    """Whether an image is a mask of any kind, or a picture of one, by its folders."""
    folders = image.relative_to(source.root).parent.parts
    return any(folder.casefold().startswith(_MASKS) for folder in folders)


def entries_of(source: Source) -> dict[Key, Entry]:
    """All images that an XML file, a class mask or a list names.

    Raises:
        GainspectError: a list cannot be read.
    """
    entries: dict[Key, Entry] = defaultdict(Entry)
    for file in source.with_suffix(".xml"):
        if is_annotation(file, source) or file == source.only:
            entries[_below(file, source, "annotations") or (file.parent, composed(file.stem))].xml = file
    for image in source.images if source.only is None else ():
        if (key := _below(image, source, *_CLASS_MASKS)) is not None:
            entries[key].mask = image
    for listing in source.with_suffix(".txt") if source.only is None else ():
        split = split_in(listing.stem) if listing.stem.casefold() in SPLIT_WORDS else None
        placed = _below(listing, source, _LISTS)
        if placed is None:
            continue
        for line in map(str.strip, composed(source.text(listing)).splitlines()):
            if line:
                whole = (placed[0], line)
                entry = entries[whole if whole in entries else (placed[0], _listed(line))]
                entry.lists.append(listing)
                entry.splits |= {split} if split else set()
    return dict(entries)


def _listed(line: str) -> str:
    """The image that a line of a list names, without whether it shows the class of that list.

    >>> _listed("a 1"), _listed("part 17 -1"), _listed('"part 1"  0'), _listed("a.jpg")
    ('a', 'part 17', 'part 1', 'a')
    """
    quoted = re.match(r'"([^"]+)"', line)
    name = quoted[1] if quoted else re.sub(r"\s+-?[01]$", "", line)
    return name.removesuffix(Path(name).suffix) if Path(name).suffix.lower() in IMAGE_SUFFIXES else name
