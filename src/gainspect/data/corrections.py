"""Corrections of labels and masks, as a person made them on the page of `gainspect data review`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from gainspect.data.manifest import Manifest, Part
from gainspect.data.tables import label_of, read_rows
from gainspect.errors import GainspectError
from gainspect.names import composed
from gainspect.types import Label
from gainspect.wording import plural

COLUMNS = ("image", "label", "correction", "score", "note")
"""Of the table; `score` is not read."""
_REQUIRED = ("image", "correction")
_NOTED = "correction", "correction_note"
"""Free columns of the corrected manifest."""


class Choice(StrEnum):
    """What a person said of an image."""

    RIGHT = "right"
    """Label and mask are right."""
    OK = "ok"
    """It should be labeled OK."""
    NG = "ng"
    """It should be labeled NG."""
    MASK = "mask"
    """The label is right, the mask is wrong."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class Correction:
    """One row of the table."""

    image: str
    """Its name in tables."""
    choice: Choice
    label: Label | None
    """The label that it had when it was looked at; None: the table does not say."""
    note: str
    place: str
    """Such as "line 3"."""


@dataclass(frozen=True)
class Corrected:
    """A corrected manifest, and what changed; images by their names in tables."""

    manifest: Manifest
    to_ok: tuple[str, ...]
    """Now OK, without mask and type of defect."""
    to_ng: tuple[str, ...]
    """Now NG."""
    without_mask: tuple[str, ...]
    """Still NG, and now without the wrong mask."""
    kept: int
    """How many were confirmed, or are as they should be already."""
    unsure: tuple[str, ...]
    """Left as they are."""
    in_test: tuple[str, ...]
    """Changed images of the test part."""


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """Read a table of corrections, by the rules of a manifest; rows without a correction are left out.

    Args:
        path: CSV or Parquet with the columns `image` and `correction` (right, ok, ng, mask or unsure), and
            optionally `label` and `note`.

    Raises:
        GainspectError: it cannot be read, a word is not known, or an image has two different corrections.
    """
    found: dict[str, Correction] = {}
    for row in read_rows(path, known=COLUMNS, required=_REQUIRED):
        word, where = row.text("correction").casefold(), f"{path}, {row.place}"
        image, label = row.text("image"), row.text("label")
        if not word:
            continue
        if word not in set(Choice):
            raise GainspectError(
                f"correction {word!r} is not known", where=where, hint=f"Accepted: {', '.join(Choice)}."
            )
        if not image:
            raise GainspectError("the column image is empty", where=where)
        given = label_of(label, where) if label else None
        correction = Correction(image, Choice(word), given, row.text("note"), row.place)
        other = found.setdefault(image, correction)
        if other.choice is not correction.choice:
            raise GainspectError(
                f"image {image!r} is corrected to {other.choice} ({other.place}) and to {correction.choice}",
                where=where,
                hint="Leave one of the rows.",
            )
    return tuple(found.values())


def corrected(manifest: Manifest, corrections: Sequence[Correction], where: Path) -> Corrected:
    """Apply corrections to a manifest; its columns correction and correction_note keep what was said.

    An image that becomes OK loses its mask and its type of defect. An image whose mask is wrong loses the
    mask: without one it trains only the classifiers, until somebody draws it anew.

    Args:
        manifest: the data set.
        corrections: at most one for each image.
        where: the table, for errors.

    Raises:
        GainspectError: an image is none of the data, or has another label than when it was looked at.
    """
    of_image = _by_key(manifest, corrections, where)
    changes: dict[str, list[str]] = {name: [] for name in ("to_ok", "to_ng", "without_mask", "unsure")}
    kept, in_test, parts = 0, [], []
    for part in manifest.parts:
        correction = of_image.get(manifest.key(part))
        if correction is None:
            parts.append(part)
            continue
        _require_same_label(part, correction, where)
        done, change = _applied(part, correction)
        parts.append(_noted(done, correction))
        if change is None:
            kept += 1
            continue
        changes[change].append(manifest.key(part))
        if change != "unsure" and part.split == "test":
            in_test.append(manifest.key(part))
    return Corrected(
        manifest=replace(manifest, parts=tuple(parts)),
        kept=kept,
        in_test=tuple(in_test),
        **{name: tuple(images) for name, images in changes.items()},
    )


def _by_key(manifest: Manifest, corrections: Sequence[Correction], where: Path) -> dict[str, Correction]:
    keys = {composed(key): key for key in map(manifest.key, manifest.parts)}
    found: dict[str, Correction] = {}
    unknown = []
    for correction in corrections:
        forms = (correction.image, correction.image.replace("\\", "/"))
        key = next((keys[form] for form in forms if form in keys), None)
        if key is None:
            unknown.append(correction)
        else:
            found[key] = correction
    if unknown:
        raise GainspectError(
            f"the corrections name {plural(len(unknown), 'image')} that the data do not have, such as "
            f"{unknown[0].image!r} ({unknown[0].place})",
            where=where,
            hint="Give the data that the run was trained on; names are relative to its folder.",
        )
    return found


def _require_same_label(part: Part, correction: Correction, where: Path) -> None:
    """Refuse a correction of another label, unless the data have the corrected one already."""
    if (
        correction.label is None
        or part.label is correction.label
        or part.label.value == correction.choice.value
    ):
        return
    raise GainspectError(
        f"image {correction.image!r} was {correction.label.upper()} when it was looked at, and the data say "
        f"{part.label.upper()}",
        where=f"{where}, {correction.place}",
        hint="Take the row out, or give the data that were looked at.",
    )


def _applied(part: Part, correction: Correction) -> tuple[Part, str | None]:
    """The corrected part, and the name of the change; None: nothing changes."""
    match correction.choice:
        case Choice.OK if part.label is Label.NG:
            corrected = replace(part, label=Label.OK, mask=None, mask_kind=None, defect_type=None)
            return corrected, "to_ok"
        case Choice.NG if part.label is Label.OK:
            return replace(part, label=Label.NG), "to_ng"
        case Choice.MASK if part.mask is not None:
            return replace(part, mask=None, mask_kind=None), "without_mask"
        case Choice.UNSURE:
            return part, "unsure"
    return part, None


def _noted(part: Part, correction: Correction) -> Part:
    values = dict(zip(_NOTED, (correction.choice.value, correction.note), strict=True))
    return replace(part, extra={**part.extra, **values})


def choices_for(label: Label, *, masked: bool) -> tuple[Choice, ...]:
    """What a person may say of an image: its label is right or the other, its mask is wrong, or unsure."""
    other = Choice.OK if label is Label.NG else Choice.NG
    return (Choice.RIGHT, other, *((Choice.MASK,) if masked else ()), Choice.UNSURE)
