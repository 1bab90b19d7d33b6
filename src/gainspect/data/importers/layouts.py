"""Where the images of a public set lie: folders by their names, one product or several beside each other."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from gainspect.data.decode import mask_samples
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, image_size, require_limit, require_within
from gainspect.data.importers.annotations import AnnotatedImage, Damaged, Left, Pixels, Shape
from gainspect.data.importers.source import Source
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped
from gainspect.types import Label, Mask

Folder = tuple[str, ...]
"""Names of folders from the root on, folded (NFC, without case)."""
ANOMALY = "anomaly"
"""What masks show where a set names no classes for them."""
MASK_ALONE = "a mask without an image"
_DEPTH = 2
"""Folders that a product may lie below the root."""
_SHOWN = 4


@dataclass(frozen=True)
class Tree:
    """Image files by the folder that they lie in."""

    files: Mapping[Folder, tuple[Path, ...]]
    """In order of their paths."""

    def at(self, *folders: str) -> "Tree":
        """What lies in a folder and below, with folders counted from there."""
        count = len(folders)
        return Tree({f[count:]: files for f, files in self.files.items() if f[:count] == folders})

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def below(self) -> list[str]:
        """The folders right in it, in order."""
        return sorted({place[0] for place in self.files if place})

    @property
    def here(self) -> tuple[Path, ...]:
        """The files right in it."""
        return self.files.get((), ())

    @property
    def all(self) -> list[Path]:
        """All files."""
        return [file for files in self.files.values() for file in files]


@lru_cache(maxsize=1)
def tree_of(source: Source) -> Tree:
    """All image files of a source by folder; none of a single file of labels."""
    found: dict[Folder, list[Path]] = defaultdict(list)
    for image in source.images if source.only is None else ():
        pieces = image.relative_to(source.root).parent.parts
        found[tuple(composed(piece).casefold() for piece in pieces)].append(image)
    return Tree({place: tuple(files) for place, files in found.items()})


def products(source: Source, is_one: Callable[[Tree], bool]) -> dict[str, Tree]:
    """The products that a source holds, by their paths; "" is the root itself, which then is the only one."""
    whole = tree_of(source)
    if is_one(whole):
        return {"": whole}
    below: dict[Folder, dict[Folder, tuple[Path, ...]]] = defaultdict(dict)
    for place, files in whole.files.items():
        for depth in range(1, min(_DEPTH, len(place)) + 1):
            below[place[:depth]][place[depth:]] = files
    trees = {"/".join(place): Tree(files) for place, files in sorted(below.items())}
    return {place: tree for place, tree in trees.items() if is_one(tree)}


def the_product(source: Source, is_one: Callable[[Tree], bool], what: str) -> Tree:
    """The only product of a source.

    Args:
        source: the set.
        is_one: whether a folder is a product.
        what: what such a set has, for the error.

    Raises:
        GainspectError: there is none, or there are several.
    """
    found = products(source, is_one)
    if not found:
        raise GainspectError(f"no folder here has {what}", where=source.path)
    if len(found) > 1:
        names = list(found)
        listed = ", ".join(escaped(name) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        example = next(iter(found.values())).all[0].relative_to(source.root)
        first = Path(*example.parts[: names[0].count("/") + 1])
        raise GainspectError(
            f"it holds {len(found)} products ({listed}), and which one is meant is not said",
            where=source.path,
            hint=f"Each is a set of its own: give its folder, such as {source.root / first}.",
        )
    return next(iter(found.values()))


def by_stem(files: Iterable[Path], suffix: str = "") -> dict[str, Path]:
    """Files by their folded stems, without a suffix that those stems may end with ("_mask")."""
    return {composed(file.stem).casefold().removesuffix(suffix): file for file in files}


def stem(file: Path) -> str:
    """The folded stem of a file."""
    return composed(file.stem).casefold()


def marked(file: Path) -> Pixels:
    """The pixels of a mask file that are not black, whatever their values say."""
    return Pixels(partial(_not_black, file))


def shapes_of(masks: Sequence[Path], source: Source) -> tuple[Shape, ...]:
    """Mask files of one image as shapes of the class "anomaly"."""
    source.used.update(masks)
    if len({size_of(mask) for mask in masks}) > 1:
        wrong = Damaged("the masks of the image are of different sizes")
        return (Shape(ANOMALY, wrong, source.named(masks[0])),)
    return tuple(Shape(ANOMALY, marked(mask), source.named(mask)) for mask in masks)


def stray(masks: Iterable[Path], source: Source) -> Iterator[Left]:
    """Mask files that belong to no image, as what is left."""
    for mask in sorted(masks):
        source.used.add(mask)
        yield Left(source.named(mask), MASK_ALONE)


def beside(
    files: Sequence[Path], suffix: str, source: Source, left: list[Left], **others: Any
) -> Iterator[AnnotatedImage]:
    """The images of a folder whose masks lie beside them; one with a black mask is OK.

    Args:
        files: images and masks.
        suffix: what the folded stems of masks end with, "_label".
        source: the set.
        left: gets what is not taken.
        **others: further fields of all images.
    """
    masks = by_stem((file for file in files if stem(file).endswith(suffix)), suffix)
    for image in (file for file in files if not stem(file).endswith(suffix)):
        mask = masks.pop(stem(image), None)
        marked_ = None if mask is None else marks(image, mask, source, left)
        if mask is None or marked_ is not None:
            yield AnnotatedImage(
                image,
                source.named(image),
                annotated=mask is not None,
                label=None if mask is None else Label.NG if marked_ else Label.OK,
                mask=mask if marked_ else None,
                **others,
            )
    left += stray(masks.values(), source)


def marks(image: Path, mask: Path, source: Source, left: list[Left]) -> bool | None:
    """Whether the mask of an image is not all black; None: it cannot be read, so that the image is left."""
    source.used.add(mask)
    try:
        return bool(_not_black(mask).any())
    except GainspectError as error:
        source.used.add(image)
        left.append(Left(source.named(image), "its mask cannot be read", error.what))
        return None


def size_of(file: Path) -> tuple[int, int] | None:
    """Height and width by the header of a file; None: it does not tell."""
    try:
        with file.open("rb") as opened:
            size = image_size(opened)
    except OSError:
        return None
    return None if size is None else (size[1], size[0])


def _not_black(file: Path) -> Mask:
    require_within(file, require_limit(), where=file, hint=RAISE_BY_ENVIRONMENT)
    try:
        values = mask_samples(file.read_bytes(), file).values
    except OSError as error:
        raise GainspectError(f"cannot read the file ({error.strerror})", where=file) from error
    if values.ndim == 3:  # without alpha
        values = values[:, :, : 1 if values.shape[2] == 2 else 3].max(axis=2)
    return np.asarray(values > 0, np.uint8)
