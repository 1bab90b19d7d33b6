"""Several judgements of the same test part beside one of them, with the differences that are clear."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gainspect.evaluation.evaluate import PREDICTIONS
from gainspect.evaluation.paired import Table, differences, read_predictions
from gainspect.training.run import RunFolder
from results_table import markdown


def judgement(run: RunFolder) -> Path:
    """Where a benchmark keeps that of the test part."""
    return run.path / "evaluation" / "test"


def against(
    base: str,
    judged: Mapping[str, Path],
    *,
    exclude: frozenset[str] = frozenset(),
    beside: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> str:
    """A line a judgement, a column a figure.

    Args:
        base: the one that the others are compared to; without it, the first.
        judged: folders of judgements by name; those that are not there are left out.
        exclude: names of images that do not count.
        beside: further columns of a judgement.
    """
    tables = {
        name: _without(read_predictions(folder / PREDICTIONS), exclude)
        for name, folder in judged.items()
        if (folder / PREDICTIONS).is_file()
    }
    base = base if base in tables else next(iter(tables))
    figures = [difference.figure for difference in differences(tables[base], tables[base])]
    lines = []
    for name, table in tables.items():
        found = {
            d.figure: f"{d.other:.3f}{' *' if d.is_clear else ''}" for d in differences(tables[base], table)
        }
        lines.append(
            {"": name, **{figure: found.get(figure, "–") for figure in figures}, **beside.get(name, {})}
        )
    note = f"\\* the 95 % interval of the paired difference from {base}, by part, leaves out 0."
    return f"{markdown(lines)}\n{note}\n"


def _without(table: Table, exclude: frozenset[str]) -> Table:
    kept = np.array([Path(image).name not in exclude for image in table.images])
    return Table(
        images=tuple(np.array(table.images)[kept]),
        groups=tuple(np.array(table.groups)[kept]),
        labels=table.labels[kept],
        called=table.called[kept],
        scores=table.scores[kept],
        figures={name: values[kept] for name, values in table.figures.items()},
    )
