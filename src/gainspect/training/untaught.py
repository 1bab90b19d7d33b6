"""What a training will not learn from, and what it will not measure, for want of masks."""

from collections import Counter
from collections.abc import Iterable, Mapping

from gainspect.data.manifest import Manifest
from gainspect.data.marked import Marking
from gainspect.strategies import STRATEGIES, strategy
from gainspect.types import Label, MaskKind
from gainspect.wording import plural

_INEXACT: Mapping[MaskKind, str] = {"box": "boxes", "scribble": "scribbles"}
_MEANS: Mapping[MaskKind, str] = {
    "box": "no single pixel in a box is taken for a defect",
    "scribble": "close around a scribble nothing counts",
}


def untaught(train: Marking, validation: Marking, names: Iterable[str], *, tiles: bool) -> list[str]:
    """Sentences about NG images without a marked defect and OK images with one; none if nothing lacks.

    Args:
        train: of the training part.
        validation: of the validation part.
        names: of the strategies to be trained.
        tiles: whether images are cut into tiles, which need marked defects.
    """
    return [
        *_not_learned(train, names, tiles=tiles),
        *_not_measured(validation),
        *_contradicted(train, validation),
        *_inverted(train, validation),
    ]


def inexact(train: Manifest, names: Iterable[str]) -> list[str]:
    """A sentence about masks that are boxes or scribbles; none if there are none, or no mask is learned from.

    Args:
        train: the training part.
        names: of the strategies to be trained.
    """
    marked = [part for part in train.parts if part.label is Label.NG and part.mask is not None]
    kinds = Counter(part.mask_kind for part in marked if not part.outlined)
    if not kinds or not any(strategy(name).needs_masks for name in names):
        return []
    counts = " and ".join(
        f"{kinds[kind]} show{'s' if kinds[kind] == 1 else ''} {words}"
        for kind, words in _INEXACT.items()
        if kinds[kind]
    )
    meaning = ", and ".join(_MEANS[kind] for kind in _INEXACT if kinds[kind])
    return [f"Of {plural(len(marked), 'mask')} in training, {counts}: {meaning}."]


def _not_learned(train: Marking, names: Iterable[str], *, tiles: bool) -> list[str]:
    if train.marked == train.ng:
        return []
    if train.marked:
        lost = "training with tiles leaves them out" if tiles else "they train the classifiers only"
        return [f"Of {plural(train.ng, 'NG image')} in training, {train.lacking}: {lost}."]
    guided = " and ".join(name for name in names if strategy(name).needs_masks)
    others = " or ".join(row.name for row in STRATEGIES.values() if not row.needs_masks)
    advice = f" What guides {guided} needs masks: mark the defects, or train {others}." if guided else ""
    return [f"{_none(train, 'training')}: nothing teaches the model where to look.{advice}"]


def _not_measured(validation: Marking) -> list[str]:
    if validation.marked == validation.ng:
        return []
    if validation.marked:
        rest = "whether the model looks at the defect is measured on the others"
        return [f"Of {plural(validation.ng, 'NG image')} in validation, {validation.lacking}: {rest}."]
    return [f"{_none(validation, 'validation')}: no figure will say whether the model looks there."]


def _contradicted(train: Marking, validation: Marking) -> list[str]:
    if not (ok := train.ok_marked + validation.ok_marked):
        return []
    have = "has a mask that marks" if ok == 1 else "have masks that mark"
    return [
        f"{plural(ok, 'OK image')} {have} a defect: the label counts, the mask does not. Correct one of the "
        "two; `gainspect data check` names them."
    ]


def _inverted(train: Marking, validation: Marking) -> list[str]:
    if not (covering := train.covering + validation.covering):
        return []
    masks = plural(train.marked + validation.marked, "mask")
    cover = "covers" if covering == 1 else "cover"
    return [
        f"{covering} of {masks} {cover} most of the image: inverted, or the part instead of its defect? "
        "`gainspect data check` names them."
    ]


def _none(of: Marking, part: str) -> str:
    return f"None of the {plural(of.ng, 'NG image')} in {part} has a marked defect"
