"""The folder layout: images/{train,test}/{normal,defective} and masks/{train,test}/defective."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from gainspect.data.decode import IMAGE_SUFFIXES
from gainspect.data.manifest import Manifest, Part, Split, checked, read_csv
from gainspect.errors import GainspectError
from gainspect.types import Label

_LABELS = {"normal": Label.OK, "defective": Label.NG}
# Columns with a fixed meaning; image and mask are defined only by the folders.
_KNOWN = {"file", "label", "defect_type", "group", "split", "image", "mask"}
_LAYOUT = "The layout is images/{train,test}/{normal,defective} and masks/{train,test}/defective."


def import_folder(root: Path) -> Manifest:
    """Read the folder layout (train/ and test/ are optional), and groups and defect types from `split.csv`.

    A mask is the PNG file with its image's stem. `split.csv` is optional; it has the columns file, label,
    defect_type, group, split. Other columns, except image and mask, become free columns.

    Raises:
        GainspectError: the folder does not have this layout, a mask has no image, or the folders contradict
            split.csv.
    """
    if not (root / "images").is_dir():
        raise GainspectError("there is no folder images/ and no manifest", where=root, hint=_LAYOUT)
    table = _split_table(root / "split.csv")
    parts: list[Part] = []
    for split in (None, "train", "test"):
        for folder, label in _LABELS.items():
            place = Path(split or "") / folder
            parts.extend(_parts(root, place, label, split, table))
    manifest = checked(Manifest(root, tuple(parts)), where=root)
    _refuse_masks_without_image(manifest)
    return manifest


def _parts(
    root: Path, place: Path, label: Label, split: Split | None, table: dict[str, dict[str, str]] | None
) -> Iterator[Part]:
    for image in _images(root / "images" / place):
        mask = root / "masks" / place / f"{image.stem}.png"
        row = _row(table, image, label, split)
        yield Part(
            image=image,
            label=label,
            mask=mask if mask.is_file() else None,
            group=row.get("group", ""),
            defect_type=row.get("defect_type") or None if label is Label.NG else None,
            split=cast(Split | None, row.get("split") or split),
            extra={name: value for name, value in row.items() if name not in _KNOWN},
        )


def _row(
    table: dict[str, dict[str, str]] | None, image: Path, label: Label, split: Split | None
) -> dict[str, str]:
    if table is None:
        return {}
    where = f"split.csv, {image.name}"
    if image.name not in table:
        raise GainspectError("the image has no row", where=where, hint="Add the row, or remove split.csv.")
    row = table[image.name]
    if row.get("label") and row["label"].lower() != label:
        raise GainspectError(f"the label is {row['label']}, but the folder says {label.upper()}", where=where)
    written = row.get("split", "")
    # Validation images are in train/, because the layout has no folder for them.
    if written and written not in ({"train", "val"} if split == "train" else {split or written}):
        raise GainspectError(f"the split is {written}, but the image is in {split}/", where=where)
    return row


def _split_table(path: Path) -> dict[str, dict[str, str]] | None:
    if not path.is_file():
        return None
    table: dict[str, dict[str, str]] = {}
    for place, row in read_csv(path, required=["file"]):
        if row["file"] in table:
            raise GainspectError(
                f"file {row['file']!r} is listed twice",
                where=f"{path}, {place}",
                hint="If several folders have the same image names, use manifest.csv, which has their paths.",
            )
        table[row["file"]] = row
    return table


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")
    )


def _refuse_masks_without_image(manifest: Manifest) -> None:
    known = {part.mask for part in manifest.parts}
    folder = manifest.root / "masks"
    stray = [f for f in sorted(folder.rglob("*.png")) if f not in known and not f.name.startswith(".")]
    if stray:
        raise GainspectError(
            f"{len(stray)} masks have no image, such as {stray[0].relative_to(manifest.root).as_posix()!r}",
            where=manifest.root,
            hint="A mask has the name of its image and is in the folder of the same name under masks/.",
        )
