"""From a set of labels to a folder with a manifest: images linked or copied, masks drawn once."""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from gainspect.data.importers.annotations import AnnotatedImage, AnnotatedSet, Left
from gainspect.data.importers.choices import Choices, compiled, named_by
from gainspect.data.importers.classes import Roles, Survey, settle_roles, survey
from gainspect.data.importers.free_columns import FreeColumns
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import size_of
from gainspect.data.importers.remarks import remarks_on
from gainspect.data.importers.rendering import NotTakenError, Rendered, bare_label, render
from gainspect.data.importers.resplit import resplit
from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import label_in, split_in
from gainspect.data.manifest import Manifest, Part, checked, save_manifest
from gainspect.errors import GainspectError
from gainspect.files import cannot_write
from gainspect.names import composed
from gainspect.types import Label, Mask
from gainspect.wording import plural

MANIFEST, FATES = "manifest.csv", "import.csv"
"""What is written beside images/, masks/ and ignore/: the manifest, and what became of each source file."""

_IMAGES = "images"
OTHER_MASK = "its mask has another size"
NO_LABELS = "an image that no labels name"


@dataclass(frozen=True)
class Plan:
    """An import that is ready to be carried out: all questions are answered."""

    source: Source
    importer: Importer
    labels: AnnotatedSet
    found: Survey
    roles: Roles
    choices: Choices
    unlabeled: tuple[Path, ...] = ()
    """Images that no labels name."""

    @property
    def images(self) -> int:
        """How many images are looked at."""
        return self.found.images + len(self.unlabeled)


@dataclass
class Outcome:
    """What became of a set of labels."""

    parts: list[Part] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """The name of each part's image in the source."""
    left: list[Left] = field(default_factory=list)
    notes: list[Left] = field(default_factory=list)
    """Images that are taken although something about them is odd."""
    drawn: int = 0
    """Images with a mask that was drawn of their shapes, and is no file of the source."""
    remarks: list[str] = field(default_factory=list)
    """Sentences on the whole."""

    def to_json(self) -> dict[str, Any]:
        """Counts."""
        return {
            "ok": sum(part.label is Label.OK for part in self.parts),
            "ng": sum(part.label is Label.NG for part in self.parts),
            "masks": Counter(part.mask_kind or "outline" for part in self.parts if part.mask is not None),
            "drawn": self.drawn,
            "ignore_masks": sum(part.ignore is not None for part in self.parts),
            "types": Counter(part.defect_type for part in self.parts if part.defect_type),
            "splits": Counter(part.split for part in self.parts if part.split),
            "left": Counter(item.why for item in self.left),
            "notes": Counter(item.why for item in self.notes),
        }


def plan(source: Source, importer: Importer, choices: Choices) -> Plan:
    """Read a set of labels once, and settle what it does not say.

    Raises:
        GainspectError: the labels are damaged or name no image; or something is open, which the message asks:
            what a class means, or what images are that no labels name.
    """
    compiled(choices.group, "--group"), compiled(choices.part, "--part")
    source.used.clear()
    source.unclear.clear()
    labels = importer.read(source)
    found = survey(labels.images, labels.named)
    if not found.images:
        why = Counter(item.why for item in labels.left).most_common(1)
        raise GainspectError(
            "its labels name no image that is there",
            where=source.path,
            hint=f"Of {plural(len(labels.left), 'entry')}: {why[0][0]}." if why else "",
        )
    roles = settle_roles(found, choices.classes)
    known = found.files.keys() | found.masks | source.used
    others = tuple(image for image in source.images if image not in known)
    unsaid = [i for i in others if label_in(_folder_of(i, source)) is None and i not in source.unclear]
    count = len(unsaid) + found.unseen
    if count and choices.unlabeled is None:
        example = source.named(unsaid[0]) if unsaid else found.unseen_example
        raise GainspectError(
            f"{plural(count, 'image')} {'has' if count == 1 else 'have'} no labels, such as {example}",
            where=source.path,
            hint="Are they good parts (--unlabeled ok), or not labelled (--unlabeled skip)?",
        )
    return Plan(source, importer, labels, found, roles, choices, others)


def carry_out(made: Plan, folder: Path, on_image: Callable[[], None] = lambda: None) -> Outcome:
    """Write images, masks, the manifest and the table of what became of each file into an empty folder.

    Images are read one after the other, and only those with shapes.

    Args:
        made: the plan.
        folder: an empty folder.
        on_image: called after each image.

    Raises:
        GainspectError: the folder cannot be written, or no image is left.
    """
    outcome = Outcome()
    writer = _Writer(made, folder, outcome)
    try:
        for image in _all_images(made):
            try:
                writer.take(image)
            except NotTakenError as reason:
                outcome.left.append(Left(writer.name(image), reason.why, reason.detail))
            on_image()
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not outcome.parts:
        why, count = Counter(item.why for item in outcome.left).most_common(1)[0]
        raise GainspectError(f"no image is left: {why} ({count})", where=made.source.path)
    outcome.left += made.labels.left
    manifest = Manifest(folder, tuple(outcome.parts))
    checked(manifest, where=made.source.path)
    if made.choices.resplit:
        manifest = resplit(manifest)
        outcome.parts = list(manifest.parts)
    save_manifest(manifest, folder / MANIFEST)
    names = [part.image.relative_to(folder / _IMAGES).as_posix() for part in outcome.parts]
    outcome.remarks += [*made.labels.remarks, *writer.columns.remarks]
    outcome.remarks += remarks_on(outcome.parts, names, made.choices)
    _write_fates(made, outcome, folder / FATES)
    return outcome


def _folder_of(image: Path, source: Source) -> str:
    return PurePosixPath(source.named(image)).parent.as_posix()


def _all_images(made: Plan) -> Iterator[AnnotatedImage]:
    yield from made.labels.images
    for file in made.unlabeled:
        name, folder = made.source.named(file), _folder_of(file, made.source)
        label, split = label_in(folder), split_in(folder)
        not_taken = made.source.unclear.get(file, "")
        yield AnnotatedImage(
            file=file, place=name, label=label, annotated=False, split=split, not_taken=not_taken
        )


class _Writer:
    """Writes one image after the other."""

    def __init__(self, made: Plan, folder: Path, outcome: Outcome) -> None:
        self.made, self.folder, self.outcome = made, folder, outcome
        self._group = compiled(made.choices.group, "--group")
        self._part = compiled(made.choices.part, "--part")
        self._taken: set[str] = set()
        self.columns = FreeColumns(made.choices)

    def name(self, image: AnnotatedImage) -> str:
        return (
            self.made.source.named(image.file) if image.file is not None else f"{image.place}: {image.name}"
        )

    def take(self, image: AnnotatedImage) -> None:
        """Write an image and its masks, and add its row.

        Raises:
            NotTakenError: it is not taken.
        """
        choices, roles = self.made.choices, self.made.roles
        if image.not_taken:
            raise NotTakenError(image.not_taken)
        if image.label is None and not image.annotated and choices.unlabeled != "ok":
            raise NotTakenError(NO_LABELS)
        _require_one_size(image)
        content = self._content(image) if image.shapes or image.file is None else b""
        if image.shapes:
            rendered = render(image, content, roles, choices.line_width)
        else:
            label, type_ = bare_label(image, roles)
            rendered = Rendered(label, None, None, image.mask_kind if image.mask else None, type_)
        place = self._place(image)
        target = self.folder / _IMAGES / place
        if image.file is None:
            _made(target).write_bytes(content)
        else:
            put(image.file, target, copy=choices.copy)
        path = str(place)
        self.outcome.drawn += rendered.defect is not None
        self.outcome.taken.append(self.name(image))
        self.outcome.parts.append(
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
        for note in (*image.notes, *rendered.notes):
            self.outcome.notes.append(Left(self.name(image), note))

    def _content(self, image: AnnotatedImage) -> bytes:
        try:
            if image.file is not None:
                return image.file.read_bytes()
            assert image.content is not None
            return image.content()
        except OSError as error:
            raise NotTakenError("the image cannot be read", error.strerror or str(error)) from error
        except GainspectError as error:
            raise NotTakenError("the image cannot be read", error.what) from error

    def _place(self, image: AnnotatedImage) -> PurePosixPath:
        """Where the image lies below images/: as below the source, without its own images/; one name each."""
        if image.file is None:
            pieces: tuple[str, ...] = (Path(image.name.replace("\\", "/")).name or "image.png",)
        else:
            pieces = Path(os.path.relpath(image.file, self.made.source.root)).parts
            pieces = tuple(piece for piece in pieces if piece != "..")
        if len(pieces) > 1 and pieces[0].casefold() == "images":
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
            target = self.folder / kind / place.with_name(f"{place.name}.png")
            encoded = cv2.imencode(".png", drawn * np.uint8(255))[1]
            _made(target).write_bytes(encoded.tobytes())
            return target
        if ready is None:
            return None
        target = self.folder / kind / place.with_name(f"{place.name}{ready.suffix}")
        put(ready, target, copy=self.made.choices.copy)
        return target


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


def put(file: Path, target: Path, *, copy: bool) -> None:
    """Link a file at another place, or copy it where it is asked or links cannot be made."""
    _made(target)
    if not copy:
        try:
            target.symlink_to(file.absolute())
            return
        except OSError:  # Windows without the right to make links; file systems without them
            target.unlink(missing_ok=True)
    shutil.copyfile(file, target)


def _made(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _write_fates(made: Plan, outcome: Outcome, path: Path) -> None:
    """A row for each file of the source and each entry of the labels that was left."""
    source = made.source
    odd: dict[str, list[str]] = {}
    for note in outcome.notes:
        odd.setdefault(note.name, []).append(note.why)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "became", "detail"])
        left = {item.name for item in outcome.left}
        for name in outcome.taken:
            table.writerow([name, "image", "; ".join(odd.get(name, []))])
        for mask in sorted(made.found.masks):
            table.writerow([source.named(mask), "mask", ""])
        for read in sorted(source.used - made.found.masks):
            if source.named(read) not in left:
                table.writerow([source.named(read), "labels", ""])
        for item in outcome.left:
            table.writerow([item.name, f"not taken: {item.why}", item.detail])
        for other in source.others:
            if other.path not in source.used and source.named(other.path) not in left:
                table.writerow([source.named(other.path), f"not taken: {other.why}", ""])
