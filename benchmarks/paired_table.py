"""Compares several assessments of the same parts with one of them, and marks clear differences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gainspect.evaluation.doubtful import resolve
from gainspect.evaluation.paired import differences
from gainspect.evaluation.saved_verdicts import PREDICTIONS, SavedVerdicts, read_verdicts
from results_table import markdown


def against(
    base: str,
    judged: Mapping[str, Sequence[Path]],
    *,
    exclude: frozenset[str] = frozenset(),
    beside: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> str:
    """A table with one row per assessment and one column per figure.

    Args:
        base: the name that the others are compared with; if it has no assessment, the first name.
        judged: folders of assessments by name, each folder with other images; a name is left out if one of
            its assessments is missing.
        exclude: names of images that do not count.
        beside: further columns, by name.
    """
    tables = {
        name: _without(pooled([read_verdicts(folder / PREDICTIONS) for folder in folders]), exclude)
        for name, folders in judged.items()
        if all((folder / PREDICTIONS).is_file() for folder in folders)
    }
    base = base if base in tables else next(iter(tables))
    cells = {
        name: {
            d.figure: f"{d.other:.3f}{' *' if d.is_clear else ''}" for d in differences(tables[base], table)
        }
        for name, table in tables.items()
    }
    unknown = dict.fromkeys(cells[base], "–")
    lines = [{"": name} | unknown | found | dict(beside.get(name, {})) for name, found in cells.items()]
    note = f"\\* the 95 % interval of the paired difference from {base}, by part, excludes 0."
    return f"{markdown(lines)}\n{note}\n"


def pooled(tables: Sequence[SavedVerdicts]) -> SavedVerdicts:
    """Several tables, each of other images, joined into one."""
    return SavedVerdicts(
        images=tuple(image for table in tables for image in table.images),
        groups=tuple(group for table in tables for group in table.groups),
        labels=np.concatenate([table.labels for table in tables]),
        called=np.concatenate([table.called for table in tables]),
        scores=np.concatenate([table.scores for table in tables]),
        figures={
            name: np.concatenate([table.figures[name] for table in tables]) for name in tables[0].figures
        },
    )


def _without(table: SavedVerdicts, exclude: frozenset[str]) -> SavedVerdicts:
    left_out = resolve(exclude, table.images)
    kept = np.array([image not in left_out for image in table.images])
    return SavedVerdicts(
        images=tuple(np.array(table.images)[kept]),
        groups=tuple(np.array(table.groups)[kept]),
        labels=table.labels[kept],
        called=table.called[kept],
        scores=table.scores[kept],
        figures={name: values[kept] for name, values in table.figures.items()},
    )
