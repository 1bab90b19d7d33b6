"""The comparison reports: several strategies, or an old and a new bundle, on the same parts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from gainspect.evaluation.bundle_comparison import ComparedBundle, ComparedParts
from gainspect.evaluation.paired import differences, flips
from gainspect.evaluation.saved_verdicts import SavedVerdicts
from gainspect.report.html.page import write_page
from gainspect.report.html.pictures import Picture, within_budget
from gainspect.report.texts import Wording
from gainspect.report.texts.judged_by import judged_by_words

_TEXTS = {"false_alarm_rate": "false_alarms", "right_reason_rate": "right_reason"}
"""The key of the text for figures whose text has another name."""
_PICTURE_BYTES = 9 * 2**20
"""Largest size of all pictures together, before base64 encoding, which adds a third."""


def write_comparison(
    out: Path,
    tables: Mapping[str, SavedVerdicts],
    wording: Wording,
    judged: Mapping[str, Mapping[str, str] | None] | None = None,
    *,
    divided_anew: bool = False,
) -> None:
    """Write the comparison as one HTML file; the first strategy is the base.

    Args:
        out: the file to write.
        tables: the verdicts of each strategy on the same images; at least one strategy.
        wording: the texts in the language of the report.
        judged: what judged each strategy, where it is known (`saved_verdicts.judged_by`).
        divided_anew: whether the data came with another split.

    Raises:
        GainspectError: the file cannot be written, or the images differ.
    """
    base = next(iter(tables))
    paired = {name: differences(tables[base], table) for name, table in tables.items()}
    changes = {name: flips(tables[base], table) for name, table in tables.items() if name != base}
    write_page(
        "comparison.html.j2",
        out,
        wording,
        base=base,
        table=tables[base],
        figures=[(d.figure, _TEXTS.get(d.figure, d.figure)) for d in paired[base]],
        paired={name: {d.figure: d for d in found} for name, found in paired.items()},
        flips=changes,
        judged_by=_judged_by(judged or {}, wording),
        divided_anew=divided_anew,
    )


def write_bundle_comparison(
    out: Path,
    old: ComparedBundle,
    new: ComparedBundle,
    sets: Sequence[ComparedParts],
    pictures: Mapping[tuple[str, str], list[list[Picture]]],
    wording: Wording,
) -> None:
    """Write what changes from an old bundle to a new one as one HTML file.

    Args:
        out: the file to write.
        old: the bundle that is followed.
        new: the bundle that follows.
        sets: both on old parts and on new ones.
        pictures: by the set and the name of a part: of each of its images that is shown.
        wording: the texts in the language of the report.

    Raises:
        GainspectError: the file cannot be written.
    """
    keys = [(key, number) for key, images in pictures.items() for number in range(len(images))]
    fitted = within_budget([pictures[key][number] for key, number in keys], _PICTURE_BYTES)
    shown = {key: list[list[Picture]]() for key in pictures}
    for (key, _), small in zip(keys, fitted, strict=True):
        shown[key].append(small)
    write_page(
        "bundle_comparison.html.j2",
        out,
        wording,
        old=old,
        new=new,
        sets=sets,
        pictures=shown,
        pictured=Counter(name for name, _ in shown),
    )


def _judged_by(judged: Mapping[str, Mapping[str, str] | None], wording: Wording) -> list[str]:
    """What judged, once for all strategies that it is the same for."""
    words = {name: judged_by_words(each, wording) for name, each in judged.items() if each is not None}
    if len(set(words.values())) < 2 and len(words) == len(judged):
        return list(set(words.values()))
    return [f"{name}: {said}" for name, said in words.items()]
