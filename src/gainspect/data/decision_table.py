"""The table of a study of appraisers: who decided what on which part, and what the part is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.tables import Row, decision_of, label_of, read_rows
from gainspect.errors import GainspectError
from gainspect.types import Label
from gainspect.wording import plural

COLUMNS = ("part", "appraiser", "trial", "decision", "reference", "sha256")
"""The last one may be missing: the SHA-256 of the image file that was decided on."""
CATEGORIES: tuple[Label, ...] = (Label.OK, Label.NG, Label.REVIEW)
"""What the codes of decisions stand for, in order."""

_REQUIRED = COLUMNS[:-1]


@dataclass(frozen=True, eq=False)
class Appraiser:
    """A person, or a model, and all that they decided."""

    name: str
    decisions: NDArray[np.int64]
    """(P, T) places in `CATEGORIES`, trials in order of their numbers."""
    files: NDArray[np.str_]
    """(P, T) SHA-256 of the image file that was decided on; "" where the table does not say it."""


@dataclass(frozen=True, eq=False)
class DecisionTable:
    """P parts with their references, and what each appraiser decided on each of them."""

    parts: tuple[str, ...]
    reference: NDArray[np.int64]
    """(P,) places in `CATEGORIES`: OK or NG."""
    appraisers: tuple[Appraiser, ...]


class _Decision(NamedTuple):
    place: str
    part: str
    appraiser: str
    trial: int
    label: Label
    reference: Label | None
    sha256: str


def read_decisions(paths: Sequence[Path]) -> DecisionTable:
    """Read the decisions of one table, or of several together.

    Args:
        paths: tables (see `data.tables.read_rows`) with the columns part, appraiser, trial (1, 2 …), decision
            (a word for OK, NG or REVIEW) and reference (a word for OK or NG, or empty where another row of
            the part says it); a column sha256 may name the image file that was decided on.

    Returns:
        Parts and appraisers in the order in which they come. Appraisers may have different numbers of trials,
        but each has decided on all parts in all of theirs.

    Raises:
        GainspectError: with file and line: a column or a value is missing, a word is unknown, a decision is
            there twice, a name is written in two ways, a part has no reference or two; or there are fewer
            than two parts, or an appraiser skipped one in a trial.
    """
    decisions = [decision for path in paths for decision in _read(path)]
    where = ", ".join(map(str, paths))
    _require_one_spelling("part", ((each.part, each.place) for each in decisions))
    _require_one_spelling("appraiser", ((each.appraiser, each.place) for each in decisions))
    parts = tuple(dict.fromkeys(each.part for each in decisions))
    if len(parts) < 2:
        what = "there are no decisions" if not parts else f"all decisions are on one part, {parts[0]!r}"
        raise GainspectError(what, where=where, hint="A study needs at least two parts.")
    references = _references(decisions)
    by_appraiser = defaultdict[str, list[_Decision]](list)
    for each in decisions:
        by_appraiser[each.appraiser].append(each)
    return DecisionTable(
        parts,
        np.array([CATEGORIES.index(references[part]) for part in parts]),
        tuple(_appraiser(name, parts, of_them, where) for name, of_them in by_appraiser.items()),
    )


def read_references(path: Path) -> dict[str, Label]:
    """Read what each part is from the columns part and reference of a table.

    Returns:
        The reference of each part that has one, in the order of the table.

    Raises:
        GainspectError: a column is missing, a word is unknown, or a part has two references.
    """
    found: dict[str, tuple[Label, str]] = {}
    for row in read_rows(path, known=("part", "reference"), required=("part", "reference")):
        where = f"{path}, {row.place}"
        if reference := _reference(row, where):
            _note(found, _filled(row, "part", where), reference, where)
    return {part: label for part, (label, _) in found.items()}


def _read(path: Path) -> Iterator[_Decision]:
    for row in read_rows(path, known=COLUMNS, required=_REQUIRED):
        where = f"{path}, {row.place}"
        yield _Decision(
            where,
            _filled(row, "part", where),
            _filled(row, "appraiser", where),
            _trial(_filled(row, "trial", where), where),
            decision_of(_filled(row, "decision", where), where),
            _reference(row, where),
            row.text("sha256").casefold(),
        )


def _filled(row: Row, column: str, where: str) -> str:
    value = row.text(column)
    if not value:
        raise GainspectError(f"the row has no {column}", where=where, hint="Fill it in, or remove the row.")
    return value


def _trial(text: str, where: str) -> int:
    number = text.removesuffix(".0")
    if not (number.isascii() and number.isdigit() and int(number) >= 1):
        raise GainspectError(f"trial {text!r} is not 1, 2, 3 …", where=where, hint="Number the trials.")
    return int(number)


def _reference(row: Row, where: str) -> Label | None:
    word = row.text("reference")
    return label_of(word, where, "reference") if word else None


def _require_one_spelling(what: str, names: Iterable[tuple[str, str]]) -> None:
    """Refuse two names that differ only in case: they would count as two."""
    known: dict[str, tuple[str, str]] = {}
    for name, place in names:
        first, first_place = known.setdefault(name.casefold(), (name, place))
        if first != name:
            raise GainspectError(
                f"{what} {name!r} is written {first!r} in {first_place}",
                where=place,
                hint="Write a name in one way.",
            )


def _references(decisions: Iterable[_Decision]) -> dict[str, Label]:
    first_place: dict[str, str] = {}
    found: dict[str, tuple[Label, str]] = {}
    for each in decisions:
        first_place.setdefault(each.part, each.place)
        if each.reference is not None:
            _note(found, each.part, each.reference, each.place)
    for part, place in first_place.items():
        if part not in found:
            raise GainspectError(
                f"part {part!r} has no reference",
                where=place,
                hint="Write ok or ng into the column reference of one of its rows.",
            )
    return {part: label for part, (label, _) in found.items()}


def _note(found: dict[str, tuple[Label, str]], part: str, reference: Label, place: str) -> None:
    first, first_place = found.setdefault(part, (reference, place))
    if first is not reference:
        raise GainspectError(
            f"the reference of part {part!r} is {reference} here and {first} in {first_place}",
            where=place,
            hint="A part has one reference.",
        )


def _appraiser(name: str, parts: Sequence[str], decisions: Sequence[_Decision], where: str) -> Appraiser:
    cells: dict[tuple[str, int], _Decision] = {}
    for each in decisions:
        first = cells.setdefault((each.part, each.trial), each)
        if first is not each:
            raise GainspectError(
                f"{name!r} decided on part {each.part!r} in trial {each.trial} already in {first.place}",
                where=each.place,
                hint="A further decision is a further trial.",
            )
    trials = sorted({trial for _, trial in cells})
    skipped = [(part, trial) for part in parts for trial in trials if (part, trial) not in cells]
    if skipped:
        part, trial = skipped[0]
        more = f" ({plural(len(skipped), 'decision')} missing in all)" if len(skipped) > 1 else ""
        raise GainspectError(
            f"appraiser {name!r} has no decision on part {part!r} in trial {trial}{more}",
            where=where,
            hint="Each appraiser decides on every part in each trial: add the decision, "
            "or leave out the part, or this appraiser's trial.",
        )
    return Appraiser(
        name,
        np.array([[CATEGORIES.index(cells[part, trial].label) for trial in trials] for part in parts]),
        np.array([[cells[part, trial].sha256 for trial in trials] for part in parts]),
    )
