"""Severstal steel: train.csv of run lengths by columns, counted from 1; images without a row are good.

Source: https://www.kaggle.com/c/severstal-steel-defect-detection (pages Data and Evaluation).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_size
from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left, Pixels, Shape
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import size_of
from gainspect.data.importers.source import Source
from gainspect.data.tables import read_rows
from gainspect.errors import GainspectError
from gainspect.types import Mask

_IMAGE, _CLASS, _BOTH, _PIXELS = "ImageId", "ClassId", "ImageId_ClassId", "EncodedPixels"
_UNLABELED = frozenset({"test_images", "test"})
"""Folders of images that the competition kept the labels of."""


class _Run(NamedTuple):
    text: str
    of: str
    place: str


def decode_pixels(text: str, height: int, width: int, where: str) -> Mask:
    """The mask of starts and lengths in turn, by columns, counted from 1.

    >>> decode_pixels("2 3", 2, 3, "train.csv").tolist()
    [[0, 1, 0], [1, 1, 0]]

    Returns:
        (height, width).

    Raises:
        GainspectError: they are not pairs of whole numbers, or reach beyond the picture.
    """
    words = text.split()
    if len(words) % 2 or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise GainspectError("its pixels are not pairs of a start and a length", where=where)
    numbers = np.array(words, np.int64).reshape(-1, 2)
    starts, ends = numbers[:, 0] - 1, numbers[:, 0] - 1 + numbers[:, 1]
    if (starts < 0).any() or (ends > height * width).any():
        raise GainspectError(f"its pixels reach beyond the picture of {width}×{height}", where=where)
    flat = np.zeros(height * width, np.uint8)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        flat[start:end] = 1
    return np.ascontiguousarray(flat.reshape(width, height).T)


def _table(source: Source) -> Path | None:
    return next((file for file in source.some(".csv") if _is_table(file)), None)


def _is_table(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8-sig") as opened:
            header = {name.strip() for name in opened.readline(10_000).split(",")}
    except (OSError, UnicodeError):
        return False
    return _PIXELS in header and (_BOTH in header or {_IMAGE, _CLASS} <= header)


def _recognize(source: Source) -> str | None:
    file = _table(source)
    return None if file is None else f"{source.named(file)} has {_PIXELS} of images and classes"


def _read(source: Source) -> AnnotatedSet:
    table = _table(source)
    if table is None:
        raise GainspectError(
            f"no CSV here has the columns {_IMAGE}, {_CLASS} and {_PIXELS}", where=source.path
        )
    runs = _runs(table, source)
    labeled = [image for image in source.images if not _UNLABELED & set(_folders(image, source))]

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        drawn: dict[Path, list[_Run]] = {}
        for name, rows in runs.items():
            match = source.image(name, table, among=there)
            if match.file is None:
                left.append(Left(rows[0].place, match.note, name))
            else:
                drawn[match.file] = rows
        for image in labeled:
            shapes = tuple(_shape(run, image) for run in drawn.get(image, []))
            yield AnnotatedImage(image, source.named(image), shapes=shapes, size=size_of(image))

    there = set(labeled)
    return AnnotatedSet.of(read)


def _folders(image: Path, source: Source) -> list[str]:
    return [piece.casefold() for piece in image.relative_to(source.root).parent.parts]


def _runs(table: Path, source: Source) -> Mapping[str, list[_Run]]:
    """The runs of each image by its name; rows without pixels say that there are none.

    Raises:
        GainspectError: the table is damaged, or does not name an image or a class.
    """
    source.used.add(table)
    found: dict[str, list[_Run]] = defaultdict(list)
    with table.open(encoding="utf-8-sig") as opened:
        both = _BOTH in opened.readline()
    required = (_BOTH, _PIXELS) if both else (_IMAGE, _CLASS, _PIXELS)
    for row in read_rows(table, known=required, required=required):
        where = f"{source.named(table)}, {row.place}"
        name, _, class_ = (
            row.text(_BOTH).rpartition("_") if both else (row.text(_IMAGE), "", row.text(_CLASS))
        )
        if not name or not class_:
            raise GainspectError("the row does not name an image and a class", where=where)
        if text := row.text(_PIXELS):
            found[name].append(_Run(text, f"defect {class_}", where))
    return found


def _shape(run: _Run, image: Path) -> Shape:
    return Shape(run.of, Pixels(partial(_decode, run, image)), run.place)


def _decode(run: _Run, image: Path) -> Mask:
    size = size_of(image)
    if size is None:
        raise GainspectError("the size of the image is not known", where=run.place)
    require_size(size[1], size[0], require_limit(), where=image, hint=RAISE_BY_ENVIRONMENT)
    return decode_pixels(run.text, *size, run.place)


SEVERSTAL = Importer(
    name="severstal",
    title="Severstal steel (CSV of run lengths)",
    recognizes="a CSV with ImageId, ClassId (or ImageId_ClassId) and EncodedPixels",
    reads="the run lengths as masks, the class as `defect 1` … `defect 4`; images without a row are OK",
    leaves="test_images, whose labels the competition kept: asked as images without labels",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
)
