"""What verdicts rely on, by intervention: networks side by side.

Evidence, marked defects and random places are repaired in turn; on OK images a repair should change nothing.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gainspect.evaluation.reliance import CELLS, Examined, outcomes, quadrant, reliance
from gainspect.files import write_json
from results_table import markdown

RELIANCE = "reliance.json"
NOTE = (
    "Over NG images that are caught and, of the evidence, checked, or over OK images where stated; 95 % "
    "intervals by part. Verdicts are at P(NG) 0.5, which is not the same share of false alarms for each "
    "network. Evidence is repaired from that value on which outlines the marked defects of the training "
    "best; unchecked are NG verdicts for which that cannot be done. –: not measured.\n"
)
_ROWS = {
    "controlled effect": ("effect", 1),
    "evidence repair: mean change of P(NG)": ("evidence_drop", -1),
    "evidence repair: verdicts that flip": ("evidence_flips", 1),
    "control repair: mean change of P(NG)": ("control_drop", -1),
    "control repair: verdicts that flip": ("control_flips", 1),
    "ground-truth repair: mean change of P(NG)": ("mask_drop", -1),
    "ground-truth repair: verdicts that flip": ("mask_flips", 1),
    "random repair: mean change of P(NG)": ("random_drop", -1),
    "random repair: verdicts that flip": ("random_flips", 1),
    "OK images, random repair: mean change of P(NG)": ("artefact", 1),
    "OK images, random repair: mean size of the change": ("artefact_size", 1),
    "OK images, random repair: verdicts that change": ("artefact_flips", 1),
}


def keep_reliance(examined: Sequence[Examined], path: Path) -> None:
    """Keep in the folder what verdicts rely on."""
    cells = [[*cell, counts] for cell, counts in quadrant(examined).items()]
    figures = {"figures": reliance(examined), "cells": cells, "outcomes": outcomes(examined)}
    write_json(path / RELIANCE, figures)


def side_by_side(judged: Mapping[str, Path]) -> str:
    """A table of what is kept in folders, by name; empty if there is none."""
    files = {name: folder / RELIANCE for name, folder in judged.items()}
    kept = {name: json.loads(file.read_text("utf-8")) for name, file in files.items() if file.is_file()}
    if not kept:
        return ""
    lines: list[dict[str, Any]] = [
        {"figure": title, **{name: _cell(of["figures"][key], sign) for name, of in kept.items()}}
        for title, (key, sign) in _ROWS.items()
    ]
    counted = {
        name: {(verdict, reason): counts for verdict, reason, counts in of["cells"]}
        for name, of in kept.items()
    }
    for cell in CELLS:
        row = {"figure": f"verdict {cell[0]}, reason {cell[1]} (NG / OK images)"}
        row |= {name: f"{cells[cell]['ng']} / {cells[cell]['ok']}" for name, cells in counted.items()}
        lines.append(row)
    for truth in ("ng", "ok"):
        row = {"figure": f"{truth.upper()} images judged OK / unchecked / NG"}
        for name, of in kept.items():
            count = of["outcomes"][truth]
            row[name] = f"{count['ok']} / {count['review'] + count['unchecked']} / {count['ng']}"
        lines.append(row)
    return f"{markdown(lines)}\n{NOTE}"


def _cell(figure: dict[str, Any], sign: int) -> str:
    if figure["value"] is None:
        return "–"
    text = f"{sign * figure['value']:.3f}"
    interval = figure["interval_by_group"]
    if interval is None:
        return text
    low, high = sorted(sign * bound for bound in interval)
    return f"{text} ({low:.2f} – {high:.2f})"
