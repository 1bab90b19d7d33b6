"""The files of one part after the other: its image linked or copied, its masks drawn; and its row."""

import os
import shutil
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from gainspect.data.importers.annotations import AnnotatedImage, Left
from gainspect.data.importers.choices import compiled, named_by
from gainspect.data.importers.free_columns import FreeColumns
from gainspect.data.importers.layouts import size_of
from gainspect.data.importers.outcome import Outcome
from gainspect.data.importers.plan import Plan
from gainspect.data.importers.rendering import NotTakenError, Rendered, bare_label, ok_by_absence, render
from gainspect.data.manifest import Part
from gainspect.errors import GainspectError
from gainspect.names import composed
from gainspect.types import Label, Mask

IMAGES = "images"
OTHER_MASK = "its mask has another size"
NO_LABELS = "an image that no labels name"


class PartFiles:
    """Writes one image after the other into a folder, and adds what becomes of it to an outcome.

    Attributes:
        columns: the free columns of the rows.
    """

    def __init__(self, made: Plan, folder: Path, outcome: Outcome) -> None:
        self.columns = FreeColumns(made.choices)
        self._made, self._folder, self._outcome = made, folder, outcome
        self._group = compiled(made.choices.group, "--group")
        self._part = compiled(made.choices.part, "--part")
        self._taken: set[str] = set()

    def write(self, image: AnnotatedImage) -> None:
        """Write an image and its masks, and add its row; or what it is left for.

        Raises:
            OSError: the folder cannot be written.
            GainspectError: nothing in its name is its group, or its part.
        """
        name = self._name(image)
        try:
            self._take(image, name)
        except NotTakenError as reason:
            self._outcome.left.append(Left(name, reason.why, reason.detail))

    def _name(self, image: AnnotatedImage) -> str:
        if image.file is not None:
            return self._made.source.named(image.file)
        return f"{image.place}: {image.name}"

    def _take(self, image: AnnotatedImage, name: str) -> None:
        """Write an image and its masks, and add its row.

        Raises:
            NotTakenError: it is not taken.
        """
        choices, roles = self._made.choices, self._made.roles
        if image.not_taken:
            raise NotTakenError(image.not_taken)
        if image.label is None and not image.annotated and choices.unlabeled != "ok":
            raise NotTakenError(NO_LABELS)
        _require_one_size(image)
        content = _content(image) if image.shapes or image.file is None else b""
        if image.shapes:
            rendered = render(image, content, roles, choices.line_width)
        else:
            label, type_ = bare_label(image, roles)
            rendered = Rendered(label, None, None, image.mask_kind if image.mask else None, type_)
        place = self._place(image)
        target = self._folder / IMAGES / place
        if image.file is None:
            _in_folder(target).write_bytes(content)
        else:
            _put(image.file, target, copy=choices.copy)
        path = str(place)
        self._outcome.taken.append(name)
        self._outcome.parts.append(
            Part(
                image=target,
                label=rendered.label,
                mask=self._mask("masks", place, image.mask, rendered.defect),
                ignore=self._mask("ignore", place, image.ignore, rendered.ignored),
                mask_kind=None if rendered.kind == "outline" else rendered.kind,
                defect_type=rendered.defect_type,
                group=named_by(self._group, path, "--group", image.extra) if self._group else image.group,
                part=named_by(self._part, path, "--part", image.extra) if self._part else image.part,
                split=image.split,
                extra=self.columns.renamed(image.extra),
            )
        )
        self._outcome.drawn += rendered.defect is not None
        if rendered.label is Label.OK and (absence := ok_by_absence(image, roles)) is not None:
            self._outcome.ok_by_absence.append(Left(name, *absence))
        self._outcome.notes += (Left(name, note) for note in (*image.notes, *rendered.notes))

    def _place(self, image: AnnotatedImage) -> PurePosixPath:
        """Where the image lies below images/: as below the source, without its own images/; one name each."""
        if image.file is None:
            pieces: tuple[str, ...] = (Path(image.name.replace("\\", "/")).name or "image.png",)
        else:
            pieces = Path(os.path.relpath(image.file, self._made.source.root)).parts
            pieces = tuple(piece for piece in pieces if piece != "..")
        if len(pieces) > 1 and pieces[0].casefold() == IMAGES:
            pieces = pieces[1:]
        place = PurePosixPath(*pieces)
        number = 2
        while composed(str(place)).casefold() in self._taken:
            place = place.with_name(f"{PurePosixPath(pieces[-1]).stem}-{number}{place.suffix}")
            number += 1
        self._taken.add(composed(str(place)).casefold())
        return place

    def _mask(self, kind: str, place: PurePosixPath, ready: Path | None, drawn: Mask | None) -> Path | None:
        """Write a mask as PNG, or link a ready-made one; named by its image and suffix (stems recur)."""
        if drawn is not None:
            target = self._folder / kind / place.with_name(f"{place.name}.png")
            encoded = cv2.imencode(".png", drawn * np.uint8(255))[1]
            _in_folder(target).write_bytes(encoded.tobytes())
            return target
        if ready is None:
            return None
        target = self._folder / kind / place.with_name(f"{place.name}{ready.suffix}")
        _put(ready, target, copy=self._made.choices.copy)
        return target


def _content(image: AnnotatedImage) -> bytes:
    try:
        if image.file is not None:
            return image.file.read_bytes()
        assert image.content is not None
        return image.content()
    except OSError as error:
        raise NotTakenError("the image cannot be read", error.strerror or str(error)) from error
    except GainspectError as error:
        raise NotTakenError("the image cannot be read", error.what) from error


def _require_one_size(image: AnnotatedImage) -> None:
    """Refuse a ready-made mask of another size than its image, as far as headers show; either may lie turned.

    Raises:
        NotTakenError: it is.
    """
    size = None if image.file is None else size_of(image.file)
    for mask in (image.mask, image.ignore):
        other = None if mask is None or size is None else size_of(mask)
        if size is not None and other is not None and sorted(other) != sorted(size):
            raise NotTakenError(OTHER_MASK, f"{other[1]}×{other[0]}, {size[1]}×{size[0]} px")


def _put(file: Path, target: Path, *, copy: bool) -> None:
    """Link a file at another place, or copy it where it is asked or links cannot be made."""
    _in_folder(target)
    if not copy:
        try:
            target.symlink_to(file.absolute())
            return
        except OSError:  # Windows without the right to make links; file systems without them
            target.unlink(missing_ok=True)
    shutil.copyfile(file, target)


def _in_folder(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
