"""The folder layout: images/{train,val,test}/{normal,defective}, and masks/ in the same folders."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

from gainspect.data.manifest import Manifest, Part, Split, checked
from gainspect.data.tables import LABEL_WORDS, SPLIT_WORDS, Row, label_of, read_rows, split_of
from gainspect.data.taken import Found, NotTaken, files_below, is_hidden
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped
from gainspect.types import Label
from gainspect.wording import plural

# Columns with a meaning of their own; image and mask are told by the folders alone.
_KNOWN = ("file", "label", "defect_type", "group", "part", "split", "image", "mask")
_LAYOUT = "The layout is images/{train,test}/{normal,defective} and masks/{train,test}/defective."
_ORDER = (None, "train", "val", "test")

_LIKE_MASKS = frozenset(
    {"mask", "maskes", "ground_truth", "groundtruth", "gt", "label", "labels", "annotation", "annotations"}
    | {"segmentation", "segmentations", "마스크"}
)
"""Names of folders that may be meant for masks/, folded."""

NO_IMAGE = "rows of split.csv without an image"
BESIDE = "folders beside images/ and masks/"


class _Place(NamedTuple):
    """Where an image or mask lies in the layout."""

    split: str | None
    label: Label
    below: str
    """The folder below defective/ or normal/; "" = none."""


@dataclass(frozen=True)
class _Table:
    """The rows of split.csv by file name, or by path."""

    path: Path
    rows: Mapping[str, Row]


def import_folder(root: Path) -> Manifest:
    """Read the folder layout (train/ and test/ are optional), and groups and defect types from `split.csv`.

    Folders may be written in any case, and called by any word for a split or label that a table may hold.
    What lies deeper is read too: the first folder below defective/ is the defect type, unless split.csv says
    another. The mask of NAME.jpg is NAME or NAME_mask with any image suffix, in the folder of the same name
    under masks/, or in one above or below it.

    `split.csv` has the columns file, label, defect_type, group, part, split; further ones, but for image and
    mask, become free columns.

    Raises:
        GainspectError: no such layout, images outside it, a mask without an image, two for one or one for
            two, or folder and split.csv disagree.
    """
    images_root, masks_root = _folder(root, "images"), _folder(root, "masks")
    if images_root is None:
        raise GainspectError("there is no folder images/ and no manifest", where=root, hint=_LAYOUT)
    if masks_root is None:
        _refuse_like_masks(root)
    images = files_below(images_root)
    masks = Found() if masks_root is None else files_below(masks_root)
    table = _split_table(root)
    placed = _placed(images.images, images_root, root)
    mask_of = _mask_of(placed, {} if masks_root is None else _placed(masks.images, masks_root, root), root)
    if table is not None:
        _refuse_rows_for_several(table, placed, root)
    order = sorted(placed, key=lambda image: (_order(placed[image]), image))
    parts = tuple(_part(root, image, placed[image], mask_of.get(image), table) for image in order)
    not_taken = (
        *images.not_taken,
        *masks.not_taken,
        *_beside(root),
        *_rows_without_image(table, parts, root),
    )
    return checked(Manifest(root, parts, not_taken), where=root)


def _order(place: _Place) -> tuple[int, int]:
    return _ORDER.index(place.split), 0 if place.label is Label.OK else 1


def _folder(root: Path, name: str) -> Path | None:
    """The folder of that name, in any case."""
    found = [f for f in sorted(root.iterdir()) if f.name.casefold() == name and f.is_dir()]
    if len(found) > 1:
        raise GainspectError(f"there are {found[0].name}/ and {found[1].name}/", where=root, hint="Keep one.")
    return found[0] if found else None


def _placed(files: Sequence[Path], top: Path, root: Path) -> dict[Path, _Place]:
    """Each file with its place in the layout.

    Raises:
        GainspectError: some lie elsewhere.
    """
    placed: dict[Path, _Place] = {}
    elsewhere: list[Path] = []
    for file in files:
        folders = [composed(folder) for folder in file.relative_to(top).parent.parts]
        split = SPLIT_WORDS.get(folders[0].casefold()) if folders else None
        if split is not None:
            folders = folders[1:]
        label = LABEL_WORDS.get(folders[0].casefold()) if folders else None
        if label is None:
            elsewhere.append(file)
        else:
            placed[file] = _Place(split, label, "/".join(folders[1:]))
    if elsewhere:
        folder = escaped(elsewhere[0].parent.relative_to(root).as_posix())
        raise GainspectError(
            f"{plural(len(elsewhere), 'file')} in neither normal/ nor defective/, such as "
            f"{escaped(elsewhere[0].name)!r} in {folder}/",
            where=root,
            hint=f"{_LAYOUT} Or take manifest.csv, which names images wherever they lie.",
        )
    return placed


def _mask_of(images: Mapping[Path, _Place], masks: Mapping[Path, _Place], root: Path) -> dict[Path, Path]:
    """The mask of each image that has one.

    Raises:
        GainspectError: a mask belongs to no image or to several, or an image has several.
    """
    exact: dict[tuple[_Place, str], list[Path]] = defaultdict(list)
    anywhere: dict[tuple[str | None, Label, str], list[Path]] = defaultdict(list)
    for image, place in images.items():
        exact[place, composed(image.stem)].append(image)
        anywhere[place.split, place.label, composed(image.stem)].append(image)
    found: dict[Path, Path] = {}
    stray: list[Path] = []
    for mask, place in masks.items():
        stem = composed(mask.stem)
        stems = (stem, stem.removesuffix("_mask"))
        owners = next((exact[place, name] for name in stems if (place, name) in exact), None) or next(
            filter(
                None, (_on_the_way(anywhere[place.split, place.label, name], place, images) for name in stems)
            ),
            [],
        )
        if not owners:
            stray.append(mask)
        elif len(owners) > 1:
            raise GainspectError(
                f"images {_shown(owners[0], root)} and {_shown(owners[1], root)} share the mask "
                f"{_shown(mask, root)}",
                where=root,
                hint="Rename one of them, or name the mask of each in a manifest.csv.",
            )
        elif owners[0] in found:
            raise GainspectError(
                f"image {_shown(owners[0], root)} has two masks, {_shown(found[owners[0]], root)} and "
                f"{_shown(mask, root)}",
                where=root,
                hint="Keep one of them.",
            )
        else:
            found[owners[0]] = mask
    if stray:
        raise GainspectError(
            f"{len(stray)} masks have no image, such as {_shown(stray[0], root)}",
            where=root,
            hint="A mask has the name of its image and lies in the folder of the same name under masks/.",
        )
    return found


def _on_the_way(owners: Sequence[Path], mask: _Place, images: Mapping[Path, _Place]) -> list[Path]:
    """Those that lie in a folder above or below the mask's, not in another."""

    def near(one: str, other: str) -> bool:
        return not one or other.startswith(f"{one}/")

    below = mask.below
    return [o for o in owners if near(images[o].below, below) or near(below, images[o].below)]


def _shown(file: Path, root: Path) -> str:
    return repr(escaped(file.relative_to(root).as_posix()))


def _part(root: Path, image: Path, place: _Place, mask: Path | None, table: _Table | None) -> Part:
    row = None if table is None else _row(table, image, root)
    kind = escaped(place.below.partition("/")[0]) or None
    split = place.split
    if row is not None and table is not None:
        split = _agreed(row, place, f"{table.path}, {row.place}")
        kind = row.text("defect_type") or kind
    return Part(
        image=image,
        label=place.label,
        mask=mask,
        group="" if row is None else row.text("group"),
        part="" if row is None else row.text("part"),
        defect_type=kind if place.label is Label.NG else None,
        split=cast(Split | None, split),
        extra={}
        if row is None
        else {name: value.strip() for name, value in row.values.items() if name not in _KNOWN},
    )


def _agreed(row: Row, place: _Place, where: str) -> str | None:
    """The split by folder and table together.

    Raises:
        GainspectError: they disagree, in the split or in the label.
    """
    written = row.text("label")
    if written and label_of(written, where) is not place.label:
        raise GainspectError(
            f"the label is {written}, but the folder says {place.label.upper()}", where=where
        )
    split = split_of(row.text("split"), where)
    # Validation images may lie under train/: older layouts have no folder for them.
    if split and place.split and split not in ({"train", "val"} if place.split == "train" else {place.split}):
        raise GainspectError(f"the split is {split}, but the image is in {place.split}/", where=where)
    return split or place.split


def _names(image: Path, root: Path) -> Iterator[str]:
    """What a row may call an image: its file name, or its path from the root or from images/."""
    relative = image.relative_to(root)
    for path in (Path(*relative.parts[1:]), relative, Path(image.name)):
        name = composed(escaped(path.as_posix())).strip()
        yield name
        yield name.replace("/", "\\")


def _row(table: _Table, image: Path, root: Path) -> Row:
    for name in _names(image, root):
        if name in table.rows:
            return table.rows[name]
    raise GainspectError(
        "the image has no row",
        where=f"{table.path.name}, {escaped(image.name)}",
        hint="Add the row, or take split.csv away.",
    )


def _refuse_rows_for_several(table: _Table, images: Iterable[Path], root: Path) -> None:
    """A row that names an image by a file name that several have."""
    same: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        paths = [name for name in _names(image, root) if "/" in name or "\\" in name]
        if not any(path in table.rows for path in paths):
            same[composed(escaped(image.name)).strip()].append(image)
    for name, files in same.items():
        if len(files) > 1 and name in table.rows:
            raise GainspectError(
                f"{name!r} may be {_shown(files[0], root)} or {_shown(files[1], root)}",
                where=f"{table.path}, {table.rows[name].place}",
                hint="Name them by their path, such as train/normal/a.png.",
            )


def _split_table(root: Path) -> _Table | None:
    found = [f for f in sorted(root.iterdir()) if f.name.casefold() == "split.csv" and f.is_file()]
    if not found:
        _refuse_other_tables(root)
        return None
    table: dict[str, Row] = {}
    for row in read_rows(found[0], known=_KNOWN, required=["file"]):
        name = composed(row.values["file"].strip()).removeprefix("./")
        if not name:
            raise GainspectError("the file is not named", where=f"{found[0]}, {row.place}")
        if name in table:
            raise GainspectError(
                f"file {name!r} is listed twice",
                where=f"{found[0]}, {row.place}",
                hint="Where folders share image names, name them by their path, such as train/normal/a.png.",
            )
        table[name] = row
    return _Table(found[0], table)


def _refuse_like_masks(root: Path) -> None:
    """A folder that may be meant for masks/, and would go unread."""
    for folder in sorted(root.iterdir()):
        if composed(folder.name).casefold() in _LIKE_MASKS and folder.is_dir():
            raise GainspectError(
                f"there is no folder masks/, but {escaped(folder.name)}/",
                where=root,
                hint="Call it masks if the defects are marked there; otherwise take it away.",
            )


def _refuse_other_tables(root: Path) -> None:
    """A table that is meant for split.csv, and would go unread."""
    for file in sorted(root.iterdir()):
        if file.stem.casefold() in {"split", "splits"} and file.suffix.lower() in {
            ".csv", ".tsv", ".txt", ".xlsx", ".xls", ".parquet",
        }:  # fmt: skip
            raise GainspectError(f"{file.name!r} is not read", where=root, hint="Save it as split.csv.")


def _beside(root: Path) -> Iterator[NotTaken]:
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and entry.name.casefold() not in {"images", "masks"} and not is_hidden(entry.name):
            yield NotTaken(entry, BESIDE)


def _rows_without_image(table: _Table | None, parts: Sequence[Part], root: Path) -> Iterator[NotTaken]:
    if table is None:
        return
    known = {name for part in parts for name in _names(part.image, root)}
    for name in table.rows:
        if name not in known:
            yield NotTaken(root / name, NO_IMAGE)
