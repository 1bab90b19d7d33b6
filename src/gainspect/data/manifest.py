"""The manifest: for each image the physical part it shows, OK or NG, its mask, and its split."""

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from gainspect.data.masks import Marks, ignoring
from gainspect.data.named_files import NamedFiles
from gainspect.data.reading import Reading
from gainspect.data.tables import Row, label_of, nothing_or, read_rows, split_of
from gainspect.data.taken import NotTaken, reasons
from gainspect.errors import GainspectError
from gainspect.files import write_text
from gainspect.names import composed, escaped
from gainspect.types import MASK_KINDS, Image, Label, Mask, MaskKind

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_LATER = ("ignore", "mask_kind")
"""Columns that are written only where they say something."""
COLUMNS = ("image", "label", "mask", "group", "part", "defect_type", "split", *_LATER)
"""Those with a meaning; others are free."""
_REQUIRED = ("image", "label")
MOST_VIEWS = 100
"""More images of one part are taken for a mistake in its name."""


@dataclass(frozen=True)
class Part:
    """One image of one physical part."""

    image: Path
    label: Label
    mask: Path | None = None
    group: str = ""
    """The physical part; all images of a group are in the same split. `checked` gives each image without a
    group its own group."""
    defect_type: str | None = None
    split: Split | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    """Free columns."""
    part: str = ""
    """Images of the same part are decided together; "": this one alone. A part lies within one group."""
    ignore: Path | None = None
    """A mask of what no loss and no figure counts; None: all counts that `mask` does not say to ignore."""
    mask_kind: MaskKind | None = None
    """What `mask` shows of the defect; None: its outline."""

    @property
    def outlined(self) -> bool:
        """Whether its mask, if it has one, is the outline of its defect, not a box or strokes."""
        return self.mask_kind in (None, "outline")

    @property
    def files(self) -> dict[str, Path]:
        """The files of the row, by what they are."""
        named = {"image": self.image, "mask": self.mask, "ignore mask": self.ignore}
        return {kind: file for kind, file in named.items() if file is not None}


@dataclass(frozen=True)
class Manifest:
    """Parts, and the folder that their names are relative to."""

    root: Path
    parts: tuple[Part, ...]
    not_taken: tuple[NotTaken, ...] = field(default=(), compare=False)
    """What lies in the folder and is not one of its images or masks, with its reason."""
    reading: Reading = field(default=Reading(), compare=False)
    """How images and masks are read."""

    def image(self, part: Part) -> Image:
        """Read the image of a part, (H, W, 3) RGB.

        Raises:
            GainspectError: it cannot be read, or is not of the depth that the data set has.
        """
        return self.reading.image(part.image)

    def shape(self, part: Part) -> tuple[int, int]:
        """Height and width of the image of a part, which is not decoded for it. See `Reading.shape`.

        Raises:
            GainspectError: its file cannot be read.
        """
        return self.reading.shape(part.image)

    def mask(self, part: Part, shape: tuple[int, ...] | None = None) -> Mask | None:
        """Read the mask of a part, (H, W), 1 in the defect; None if it has none. See `marks`."""
        marks = self.marks(part, shape)
        return None if marks is None else marks.defect

    def marks(self, part: Part, shape: tuple[int, ...] | None = None) -> Marks | None:
        """Read what the masks of a part mark; None if it has neither a mask nor one of what is ignored.

        Args:
            part: one of the parts.
            shape: (H, W) of its image; None: not compared.

        Raises:
            GainspectError: see `data.masks.read_marks`.
        """
        marks = None if part.mask is None else self.reading.marks(part.mask, shape, part.image)
        if part.ignore is None:
            return marks
        ignored = self.reading.ignored(part.ignore, shape, part.image)
        return ignoring(Marks(np.zeros_like(ignored), None, {}) if marks is None else marks, ignored)

    def split(self, name: str) -> "Manifest":
        """The parts of one split."""
        return replace(self, parts=tuple(part for part in self.parts if part.split == name))

    def key(self, part: Part) -> str:
        """The image's name in tables: its path relative to the root, with forward slashes, as `escaped`."""
        return relative_name(part.image, self.root)

    def decided(self, part: Part) -> str:
        """The name of what is decided: its part, or the image itself."""
        return part.part or self.key(part)

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(N,) True for NG."""
        return np.array([part.label is Label.NG for part in self.parts], dtype=np.bool_)

    def fingerprint(self, hashes: Mapping[str, str] | None = None) -> str:
        """SHA-256 over the canonical JSON of all parts: names, labels, groups, types, splits, file hashes.

        Args:
            hashes: SHA-256 of each image and mask by its path relative to the root, if it is already known.
        """

        def hashed(file: Path | None) -> list[str] | None:
            if file is None:
                return None
            name = relative_name(file, self.root)
            known = hashlib.sha256(file.read_bytes()).hexdigest() if hashes is None else hashes[name]
            return [name, known]

        rows = [
            {
                "image": hashed(part.image),
                "mask": hashed(part.mask),
                "label": part.label.value,
                "group": part.group,
                "defect_type": part.defect_type or "",
                "split": part.split or "",
                **({"part": part.part} if part.part else {}),
                **({"ignore": hashed(part.ignore)} if part.ignore else {}),
                **({"mask_kind": part.mask_kind} if part.mask_kind else {}),
            }
            for part in sorted(self.parts, key=self.key)
        ]
        return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(path: Path, *, root: Path | None = None) -> Manifest:
    """Read a manifest file, .csv or .parquet.

    Args:
        path: the file.
        root: the folder that names in the file are relative to; by default the file's own folder.

    Raises:
        GainspectError: the manifest cannot be read; the message names file and line, and what to do.
    """
    if not path.is_file():
        raise GainspectError(
            "there is no such file or folder",
            where=path,
            hint="Give a data folder or a manifest .csv/.parquet.",
        )
    root = path.parent if root is None else root
    files = NamedFiles(root)
    parts: list[Part] = []
    places: dict[str, str] = {}
    for row in read_rows(path, known=COLUMNS, required=_REQUIRED):
        part = _part(row, files, f"{path}, {row.place}")
        key = composed(relative_name(part.image, root))
        if key in places:
            raise GainspectError(
                f"image {key!r} is listed twice ({places[key]} and {row.place})",
                where=path,
                hint="Leave one of the rows.",
            )
        places[key] = row.place
        parts.append(part)
    return checked(Manifest(root, tuple(parts)), where=path)


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Write a CSV with names relative to the manifest's root, atomically."""
    extras = list(dict.fromkeys(name for part in manifest.parts for name in part.extra))
    rows = [_columns_of(part, manifest) for part in manifest.parts]
    columns = [name for name in COLUMNS if name not in _LATER or any(row[name] for row in rows)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *extras])
    for part, row in zip(manifest.parts, rows, strict=True):
        writer.writerow([*(row[name] for name in columns), *(part.extra.get(name, "") for name in extras)])
    write_text(path, text.getvalue())


def _columns_of(part: Part, manifest: Manifest) -> dict[str, str]:
    def name(file: Path | None) -> str:
        return "" if file is None else relative_name(file, manifest.root)

    return {
        "image": name(part.image),
        "label": part.label,
        "mask": name(part.mask),
        "group": part.group,
        "part": part.part,
        "defect_type": part.defect_type or "",
        "split": part.split or "",
        "ignore": name(part.ignore),
        "mask_kind": part.mask_kind or "",
    }


def checked(manifest: Manifest, where: Path) -> Manifest:
    """Check a manifest, and return it with a group for every image.

    Raises:
        GainspectError: it is empty, names an image twice, a file that is not there, or a mask for two images.
    """
    if not manifest.parts:
        left = f" Not taken: {reasons(manifest.not_taken)}." if manifest.not_taken else ""
        raise GainspectError(
            "there are no images", where=where, hint=f"See `docs/data.md` for the layouts.{left}"
        )
    seen: dict[str, str] = {}
    owners: dict[str, str] = {}
    for part in manifest.parts:
        key = manifest.key(part)
        if (other := seen.setdefault(composed(key), key)) is not key:
            raise GainspectError(
                f"image {key!r} is listed twice"
                if other == key
                else f"two images are called {key!r}: their names differ in their Unicode form only",
                where=where,
                hint="" if other == key else "Rename one of them.",
            )
        for kind, file in part.files.items():
            if not file.is_file():
                raise GainspectError(
                    f"{kind} {relative_name(file, manifest.root)!r} does not exist", where=where
                )
    for part in manifest.parts:
        for mask in (part.mask, part.ignore):
            if mask is not None:
                _refuse_shared(manifest, part, mask, seen, owners, where)
    manifest = _grouped(manifest)
    _refuse_torn_parts(manifest, where)
    return manifest


def require_few_views(views: Mapping[str, int], where: Path | None) -> None:
    """Refuse parts of very many images.

    Args:
        views: the number of images of each part.
        where: what names the parts.

    Raises:
        GainspectError: one has more than `MOST_VIEWS`.
    """
    name, count = max(views.items(), key=lambda item: item[1], default=("", 0))
    if count > MOST_VIEWS:
        raise GainspectError(
            f"part {name!r} has {count} images, more than {MOST_VIEWS}",
            where=where,
            hint="Images of a part are decided together: name each physical part differently.",
        )


def _refuse_torn_parts(manifest: Manifest, where: Path) -> None:
    """Refuse a part over two groups or two splits, and one of very many images."""
    named = [part for part in manifest.parts if part.part]
    require_few_views(Counter(part.part for part in named), where)
    first: dict[str, Part] = {}
    for part in named:
        other = first.setdefault(part.part, part)
        for what in ("group", "split"):
            one, two = getattr(other, what), getattr(part, what)
            if one != two:
                raise GainspectError(
                    f"part {part.part!r} has images in the {what}s {one or 'none'} and {two or 'none'}",
                    where=where,
                    hint="All images of a part are decided together, so they share group and split.",
                )


def _refuse_shared(
    manifest: Manifest, part: Part, file: Path, images: Mapping[str, str], owners: dict[str, str], where: Path
) -> None:
    mask, key = relative_name(file, manifest.root), manifest.key(part)
    if composed(mask) in images:
        raise GainspectError(f"the mask of {key!r} is itself an image, {mask!r}", where=where)
    # By the file itself: a link is the mask that it leads to.
    other = owners.setdefault(os.path.realpath(file), key)
    if other != key:
        raise GainspectError(
            f"images {other!r} and {key!r} share the mask {mask!r}",
            where=where,
            hint="Give each image a mask of its own, or take one of the two away.",
        )


def _grouped(manifest: Manifest) -> Manifest:
    """An image without a group is in that of its part, or becomes its own, under its stem or its key.

    The key is taken where others have that name. Images of one folder and stem that differ in their suffix
    (a.png, a.jpg) show one part: one group.
    """
    parts = (replace(part, group=part.group or part.part) for part in manifest.parts)
    manifest = replace(manifest, parts=tuple(parts))
    names = Counter(part.group or _stem(part) for part in manifest.parts)
    paths = [_without_suffix(manifest, part) for part in manifest.parts if not part.group]
    twice = {path for path, count in Counter(paths).items() if count > 1}

    def group(part: Part) -> str:
        # Folders often number their images alike: 000.png in one is not the part 000.png of another.
        if part.group or names[_stem(part)] == 1:
            return part.group or _stem(part)
        path = _without_suffix(manifest, part)
        return path if path in twice else composed(manifest.key(part))

    return replace(manifest, parts=tuple(replace(part, group=group(part)) for part in manifest.parts))


def _stem(part: Part) -> str:
    return composed(escaped(part.image.stem)).strip()


def _without_suffix(manifest: Manifest, part: Part) -> str:
    return composed(relative_name(part.image.with_suffix(""), manifest.root)).strip()


def require_both_classes(manifest: Manifest, *, what: str) -> None:
    """Refuse a manifest with only one class; `what` describes the manifest in the message.

    Raises:
        GainspectError: there are no OK or no NG images.
    """
    labels = manifest.labels
    for missing, absent in (("NG", not labels.any()), ("OK", labels.all())):
        if absent:
            raise GainspectError(
                f"{what} has no {missing} images",
                where=manifest.root,
                hint="Training and evaluation need both OK and NG parts: add some, or change the split "
                "(labels of a tool are divided anew by `--import resplit=yes`, or --resplit of "
                "`gainspect data import`).",
            )


def _part(row: Row, files: NamedFiles, where: str) -> Part:
    label, split = label_of(row.text("label"), where), split_of(row.text("split"), where)
    image, mask = nothing_or(row.values, "image"), nothing_or(row.values, "mask")
    ignore, kind = nothing_or(row.values, "ignore"), row.text("mask_kind").casefold() or None
    if not image:
        raise GainspectError("the column image is empty", where=where)
    if kind is not None and kind not in MASK_KINDS:
        raise GainspectError(
            f"mask_kind {kind!r} is not known", where=where, hint=f"Accepted: {', '.join(MASK_KINDS)}."
        )
    return Part(
        image=files.named(image, "image", where),
        label=label,
        mask=files.named(mask, "mask", where) if mask else None,
        group=row.text("group"),
        part=row.text("part"),
        defect_type=row.text("defect_type") or None,
        split=cast(Split | None, split),
        extra={name: value.strip() for name, value in row.values.items() if name not in COLUMNS},
        ignore=files.named(ignore, "ignore mask", where) if ignore else None,
        mask_kind=kind,
    )


def spread_over(parts: Sequence[Part], most: int) -> list[Part]:
    """At most so many of some parts, spread evenly over their order."""
    places = np.linspace(0, len(parts) - 1, min(most, len(parts))).astype(int)
    return [parts[place] for place in places]


def relative_name(path: Path, root: Path) -> str:
    """A file's name in tables: its path relative to the root, with forward slashes, as `escaped`."""
    return escaped(Path(os.path.relpath(path, root)).as_posix())
