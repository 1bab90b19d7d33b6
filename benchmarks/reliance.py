"""What verdicts rely on, by intervention: a side-by-side comparison of runs made by benchmarks/mt.py.

Evidence, marked defects and random places are repaired in turn; on OK images a repair should change nothing.
The script prints and saves the table. If a run has no bundle, it is created.
"""

import argparse
from pathlib import Path
from typing import Any

from gainspect.evaluation.reliance import CELLS, Examined, examine, outcomes, quadrant, reliance
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.run_comparison import run_path
from gainspect.training.run_folder import RunFolder
from results_table import markdown, save

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


def main() -> None:
    """Judge, repair, judge again, print and save."""
    options = _options()
    found = {
        name: _examined(RunFolder(run_path(options.work, name, options.seed)), options.data)
        for name in options.strategies.split(",")
    }
    figures = {name: reliance(examined) for name, examined in found.items()}
    lines: list[dict[str, Any]] = [
        {"figure": title, **{name: _cell(figures[name][key], sign) for name in found}}
        for title, (key, sign) in _ROWS.items()
    ]
    for cell in CELLS:
        row = {"figure": f"verdict {cell[0]}, reason {cell[1]} (NG / OK images)"}
        for name, examined in found.items():
            count = quadrant(examined)[cell]
            row[name] = f"{count['ng']} / {count['ok']}"
        lines.append(row)
    for truth in ("ng", "ok"):
        row = {"figure": f"{truth.upper()} images judged OK / REVIEW / NG"}
        for name, examined in found.items():
            count = outcomes(examined)[truth]
            row[name] = f"{count['ok']} / {count['review'] + count['unchecked']} / {count['ng']}"
        lines.append(row)
    text = markdown(lines)
    print(text)
    head = "over caught NG images, or over OK images where stated; 95 % intervals by part"
    print("Saved:", save("reliance", f"What verdicts rely on: {head}", text))


def _examined(run: RunFolder, data: Path) -> list[Examined]:
    bundle = run.bundle_file
    if not bundle.exists():
        from gainspect.jobs.run_export import export_run

        export_run(run, bundle, formats=("onnx",), data=data)
    return [seen.examined for seen in examine(Inspector.load(bundle), run.manifest(data).split("test"))]


def _cell(figure: dict[str, Any], sign: int) -> str:
    if figure["value"] is None:
        return "–"
    text = f"{sign * figure['value']:.3f}"
    interval = figure["interval_by_group"]
    if interval is None:
        return text
    low, high = sorted(sign * bound for bound in interval)
    return f"{text} ({low:.2f} – {high:.2f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs STRATEGY-seedN")
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--strategies", default="S1,S9")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
