"""YOLO: a text file an image, beside it or in labels/; segments, boxes, oriented boxes; data.yaml.

Source: https://docs.ultralytics.com/datasets; the layout of labelImg and of Darknet for class lists.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Geometry,
    Left,
    Points,
    Polygon,
    Shape,
    attempted,
    ring,
)
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import NOT_THERE, SEVERAL, Match, Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.manifest import Split
from gainspect.data.tables import SPLIT_WORDS
from gainspect.errors import GainspectError

BEYOND_LIST = "a class beyond the list of names"
_FEW = 20
_YAML = (".yaml", ".yml")
_SPLITS = {word: cast(Split, split) for word, split in SPLIT_WORDS.items()}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_FARTHEST = 2.0
"""Of a position that is a share of the picture; what lies farther off is written in pixels."""


@dataclass(frozen=True)
class _Layout:
    """What a set says as a whole."""

    names: dict[int, str] = field(default_factory=dict)
    splits: dict[Path, Split] = field(default_factory=dict)
    """Of an image or folder, where data.yaml says it."""
    lists: frozenset[Path] = frozenset()
    """Text files that list names or images."""
    key_points: bool = False
    """Whether key points follow each box."""

    def split_of(self, image: Path, source: Source) -> Split | None:
        for place in (image, *image.parents):
            if place in self.splits:
                return self.splits[place]
        return split_in(Path(source.named(image)).parent.as_posix())


def _recognize(source: Source) -> str | None:
    listing = next((file for file in _name_lists(source)), None)
    if listing is not None and listing == source.only:
        return f"{source.named(listing)} lists the names of classes"
    images = _Images(source)
    paired = (file for file in _texts(source) if images.of(file).file is not None)
    for file in islice(paired, _FEW):
        lines = source.head(file).decode("utf-8", "replace").split("\n")
        cells = lines[0].split()
        if len(cells) >= 5 and cells[0].isdecimal() and all(map(_NUMBER.fullmatch, cells)):
            return f"{source.named(file)} has rows of numbers, and is called like an image"
        if not cells and listing is not None:
            return f"{source.named(listing)} lists the names of classes, {source.named(file)} has no row"
    return None


def _name_lists(source: Source) -> Iterator[Path]:
    """Files that may list the names of classes: data.yaml, then classes.txt and obj.names."""
    yield from (file for file in source.with_suffix(*_YAML) if b"names" in source.head(file))
    names = sorted(item.path for item in source.others)
    yield from (f for f in names if f.name.lower() == "classes.txt" or f.suffix.lower() == ".names")


def _texts(source: Source) -> list[Path]:
    """Text files that may hold the labels of one image each; of a data.yaml that was named, all of its folder."""
    if source.only is not None and source.only.suffix.lower() == ".txt":
        return [source.only]
    return sorted(item.path for item in source.others if item.why == ".txt")


class _Images:
    """Finds the image that a text file belongs to."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._by_place: dict[Path, list[Path]] = defaultdict(list)
        for image in source.images:
            self._by_place[image.with_suffix("")].append(image)

    def of(self, labels: Path) -> Match:
        """The image beside the labels, or where images/ stands for labels/ in their path; or by its stem."""
        place = labels.with_suffix("")
        below = _labels_folder(labels)
        places = [place]
        if below is not None:
            places += [below.with_name(name) / place.relative_to(below) for name in ("images", "Images")]
        for there in places:
            found = self._by_place.get(there, [])
            if found:
                return Match(None, SEVERAL) if len(found) > 1 else Match(found[0])
        return self._source.image_of_stem(labels.stem, labels) if below is not None else Match(None, NOT_THERE)


def _labels_folder(file: Path) -> Path | None:
    """The nearest folder above a file that is called labels/."""
    return next((folder for folder in file.parents if folder.name.casefold() == "labels"), None)


def _read(source: Source) -> AnnotatedSet:
    layout = _layout(source)
    finder = _Images(source)
    texts = [file for file in _texts(source) if file not in layout.lists]
    pairs = {file: finder.of(file) for file in texts}
    labeled = {found.file for found in pairs.values() if found.file is not None}
    oriented = _are_oriented_boxes(source, [file for file, found in pairs.items() if found.file is not None])

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file, found in pairs.items():
            where = source.named(file)
            if found.file is None:
                if _labels_folder(file) is not None or file == source.only:
                    left.append(Left(where, found.note))
                continue
            shapes, beyond = _shapes(source.text(file), layout, where, oriented=oriented)
            notes = (found.note, BEYOND_LIST if beyond else "")
            yield AnnotatedImage(
                file=found.file,
                place=where,
                shapes=tuple(shapes),
                split=layout.split_of(found.file, source),
                notes=tuple(note for note in notes if note),
            )
        for image in source.images if source.only not in pairs else ():
            if image not in labeled:
                split = layout.split_of(image, source)
                yield AnnotatedImage(file=image, place=source.named(image), annotated=False, split=split)

    return AnnotatedSet.of(images, named=tuple(dict.fromkeys(layout.names.values())))


def _shapes(text: str, layout: _Layout, where: str, *, oriented: bool) -> tuple[list[Shape], bool]:
    """The shapes of a file, and whether one is of a class that no list names."""
    shapes: list[Shape] = []
    beyond = False
    for number, line in enumerate(text.splitlines(), 1):
        cells, place = line.split(), f"{where}, line {number}"
        if not cells:
            continue
        if not re.fullmatch(r"\d{1,6}(\.0+)?", cells[0]):
            raise GainspectError(f"the row begins with {cells[0]!r}, not with the number of a class", where=place)
        of = int(float(cells[0]))
        beyond |= bool(layout.names) and of not in layout.names
        geometry = attempted(partial(_geometry, cells[1:], place, oriented, layout.key_points))
        shapes.append(Shape(layout.names.get(of, f"class {of}"), geometry, place, relative=True))
    return shapes, beyond


def _geometry(cells: Sequence[str], place: str, oriented: bool, key_points: bool) -> Geometry:
    if len(cells) == 4 or (key_points and len(cells) > 4):
        x, y, width, height = _shares(cells[:4], place).ravel().tolist()
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if len(cells) == 5:
        raise GainspectError("its row has a score: these are predictions, not labels", where=place)
    return Polygon((_shares(cells, place),), box=oriented)


def _shares(cells: Sequence[str], place: str) -> Points:
    points = ring(cells, place)
    if (abs(points) > _FARTHEST).any():
        raise GainspectError("its positions are not shares of width and height", where=place)
    return points


def _are_oriented_boxes(source: Source, files: Sequence[Path]) -> bool:
    """Whether all rows have four corners: segments would have another number of them somewhere."""
    some = False
    for file in files:
        for line in source.text(file).splitlines():
            cells = line.split()
            if cells and len(cells) != 9:
                return False
            some |= bool(cells)
    return some


def _layout(source: Source) -> _Layout:
    """What data.yaml says, or the lists of names and images of older layouts.

    Raises:
        GainspectError: it is damaged, or several files list different names.
    """
    found: dict[Path, _Layout] = {}
    for file in _name_lists(source):
        of_file = _from_yaml(file, source) if file.suffix.lower() in _YAML else _from_list(file, source)
        if of_file is not None:
            found[file] = of_file
    if not found:
        return _Layout()
    first, *others = found
    for file in others:
        if found[file].names != found[first].names:
            raise GainspectError(
                f"{source.named(first)} and {source.named(file)} list different names of classes",
                where=source.path,
                hint="Keep the one that is right.",
            )
    return replace(found[first], lists=frozenset().union(*(one.lists for one in found.values())))


def _from_yaml(file: Path, source: Source) -> _Layout | None:
    """What data.yaml says; None: it is a YAML file of something else."""
    content = source.yaml(file)
    if not isinstance(content, dict) or "names" not in content:
        source.used.discard(file)
        return None
    splits: dict[Path, set[Split]] = defaultdict(set)
    lists: set[Path] = set()
    for word in _SPLITS:
        entries = content.get(word) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            place = _there(str(entry), str(content.get("path") or ""), file)
            if place is not None and place.is_file():
                lists.add(place)
                for image in _listed(place, source):
                    splits[image].add(_SPLITS[word])
            elif place is not None:
                splits[place].add(_SPLITS[word])
    return _Layout(
        _names(content["names"], file),
        # One folder for two parts is none: its name decides.
        {place: next(iter(said)) for place, said in splits.items() if len(said) == 1},
        frozenset(lists),
        "kpt_shape" in content,
    )


def _names(listed: object, file: Path) -> dict[int, str]:
    named = dict(enumerate(listed)) if isinstance(listed, list) else listed
    if not isinstance(named, dict) or not all(
        type(number) is int and isinstance(name, (str, int)) for number, name in named.items()
    ):
        raise GainspectError("its names are neither a list nor numbered", where=file)
    return {number: str(name) for number, name in named.items()}


def _there(entry: str, base: str, file: Path) -> Path | None:
    """The folder or list that an entry means; exports write `../train/images` for what lies in train/images."""
    for folder in (file.parent / base, file.parent):
        for name in (entry, re.sub(r"^(\.\./)+", "", entry)):
            place = Path(os.path.normpath(folder / name))
            if place.exists():
                return place
    return None


def _listed(file: Path, source: Source) -> Iterator[Path]:
    """The images that a text file lists, a path a line."""
    for line in source.text(file).splitlines():
        if line.strip() and (image := source.image(line, file).file) is not None:
            yield image


def _from_list(file: Path, source: Source) -> _Layout:
    """classes.txt of labelImg, or obj.names of Darknet with its train.txt beside it."""
    names = [line.strip() for line in source.text(file).splitlines()]
    lists = {file}
    splits: dict[Path, Split] = {}
    for word, split in _SPLITS.items():
        listing = file.with_name(f"{word}.txt")
        if file.suffix.lower() == ".names" and listing.is_file():
            lists.add(listing)
            splits |= dict.fromkeys(_listed(listing, source), split)
    return _Layout({number: name for number, name in enumerate(names) if name}, splits, frozenset(lists))


YOLO = Importer(
    name="yolo",
    title="YOLO",
    recognizes="text files with rows of numbers, called like the images, beside them or in labels/ beside images/",
    reads="segments, boxes and oriented boxes; names and splits from data.yaml, classes.txt or obj.names; a file "
    "without rows is an image that was looked at, one that is missing is not",
    leaves="key points; an image with a row of six numbers (a prediction with its score) is not taken",
    tried_on="a real export",
    recognize=_recognize,
    read=_read,
)
