"""What a YOLO set says as a whole: names of classes, splits, and which text files hold no labels.

Source: https://docs.ultralytics.com/datasets for data.yaml; labelImg for classes.txt; Darknet for obj.names.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.manifest import Split
from gainspect.data.tables import SPLIT_WORDS
from gainspect.errors import GainspectError

_YAML = (".yaml", ".yml")
_SPLITS = {word: cast(Split, split) for word, split in SPLIT_WORDS.items()}


@dataclass(frozen=True)
class Layout:
    """What a set says as a whole."""

    names: dict[int, str] = field(default_factory=dict)
    splits: dict[Path, Split] = field(default_factory=dict)
    """Of an image or folder, where data.yaml says it."""
    lists: frozenset[Path] = frozenset()
    """Text files that list names or images."""
    key_points: bool = False
    """Whether key points follow each box."""

    def split_of(self, image: Path, source: Source) -> Split | None:
        """The split of an image, by data.yaml or by the names of its folders."""
        for place in (image, *image.parents):
            if place in self.splits:
                return self.splits[place]
        return split_in(Path(source.named(image)).parent.as_posix())


def name_lists(source: Source) -> Iterator[Path]:
    """Files that may list the names of classes: data.yaml, then classes.txt and obj.names."""
    yield from (file for file in source.with_suffix(*_YAML) if b"names" in source.head(file))
    names = sorted(item.path for item in source.others)
    yield from (f for f in names if f.name.lower() == "classes.txt" or f.suffix.lower() == ".names")


def layout_of(source: Source) -> Layout:
    """What data.yaml says, or the lists of names and images of older layouts.

    Raises:
        GainspectError: it is damaged, or several files list different names.
    """
    found: dict[Path, Layout] = {}
    for file in name_lists(source):
        of_file = _from_yaml(file, source) if file.suffix.lower() in _YAML else _from_list(file, source)
        if of_file is not None:
            found[file] = of_file
    if not found:
        return Layout()
    first, *others = found
    for file in others:
        if found[file].names != found[first].names:
            raise GainspectError(
                f"{source.named(first)} and {source.named(file)} list different names of classes",
                where=source.path,
                hint="Keep the one that is right.",
            )
    return replace(found[first], lists=frozenset().union(*(one.lists for one in found.values())))


def _from_yaml(file: Path, source: Source) -> Layout | None:
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
            place = _there(str(entry), str(content.get("path") or ""), file, source)
            if place is not None and place.is_file():
                lists.add(place)
                for image in _listed(place, source):
                    splits[image].add(_SPLITS[word])
            elif place is not None:
                splits[place].add(_SPLITS[word])
    return Layout(
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


def _there(entry: str, base: str, file: Path, source: Source) -> Path | None:
    """The folder or list that an entry means; Roboflow writes `../train/images` for train/images."""
    for folder in (file.parent / base, file.parent):
        for name in (entry, re.sub(r"^(\.\./)+", "", entry)):
            place = Path(os.path.normpath(folder / name))
            with suppress(OSError):  # a name that is too long for one
                if place.is_relative_to(source.root) and place.exists():
                    return place
    return None


def _listed(file: Path, source: Source) -> Iterator[Path]:
    """The images that a text file lists, a path a line."""
    for line in source.text(file).splitlines():
        if line.strip() and (image := source.image(line, file).file) is not None:
            yield image


def _from_list(file: Path, source: Source) -> Layout:
    """classes.txt of labelImg, or obj.names of Darknet with its train.txt beside it."""
    names = [line.strip() for line in source.text(file).splitlines()]
    lists = {file}
    splits: dict[Path, Split] = {}
    for word, split in _SPLITS.items():
        listing = file.with_name(f"{word}.txt")
        if file.suffix.lower() == ".names" and listing.is_file():
            lists.add(listing)
            splits |= dict.fromkeys(_listed(listing, source), split)
    return Layout({number: name for number, name in enumerate(names) if name}, splits, frozenset(lists))
