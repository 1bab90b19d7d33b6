"""What policies decide on the test part of runs, by part: chosen on validation, counted on the test.

    python benchmarks/decisions.py --work WORK --run LABEL RUN … [--by-group LABEL …]

Each run judges its test part once, with the check of every reason (kept in WORK); policies follow from stored
verdicts. `--by-group` takes the images of a group for views of one part, as exposures of one tile are.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from gainspect.evaluation.goals import Goal, LeastCost, Recall
from gainspect.evaluation.operating_point import choose_policy, operating_point
from gainspect.evaluation.parts import part_labels, part_scores, parts_of
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    read_validation_verdicts,
    save_validation_verdicts,
    validation_verdicts,
)
from gainspect.metrics.classification import auroc
from gainspect.report.terminal.image_bar import image_bar
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_backend, validated
from results_table import markdown, save

RULES: dict[str, Goal] = {
    "recall 0.98, as before": Recall(recall=0.98),
    "least cost, NG as in the data": LeastCost(),
    "least cost, 2 % NG": LeastCost(prevalence=0.02),
}


@dataclass(frozen=True)
class Judged:
    """What a run said of two parts of its data."""

    label: str
    validation: ValidationVerdicts
    test: ValidationVerdicts


def main() -> None:
    """Judge, choose, count, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the verdicts on test parts")
    parser.add_argument("--run", nargs=2, action="append", required=True, metavar=("LABEL", "RUN"))
    parser.add_argument("--by-group", action="append", default=[], metavar="LABEL")
    parser.add_argument("--name", default="decisions", help="of the result")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for label, path in options.run:
        judged = judge(label, RunFolder(Path(path)), options.work)
        rows += of_policies(judged)
        if label in options.by_group:
            rows += of_policies(by_group(judged))
    text = markdown(rows)
    print(text)
    print("Saved:", save(options.name, "What policies decide on the test part", text))


def judge(label: str, run: RunFolder, work: Path) -> Judged:
    """The stored verdicts on validation (or out of fold), and those on the test part, judged now or kept."""
    validation = validated(run)
    kept = work / f"{label}.json"
    if not kept.is_file():
        test = run.manifest().split("test")
        backend, tiling = trained_backend(run), run.config().data.tiling
        with image_bar(f"judge {label}", len(test.parts), Console()) as advance:
            found = validation_verdicts(backend, test, tiling, advance, kept=run.policy())
        save_validation_verdicts(found.model_copy(update={"split": "test"}), kept)
    return Judged(label, validation, read_validation_verdicts(kept))


def by_group(judged: Judged) -> Judged:
    """The same, the images of each group decided together."""

    def together(verdicts: ValidationVerdicts) -> ValidationVerdicts:
        images = (image.model_copy(update={"part": image.group}) for image in verdicts.images)
        return verdicts.model_copy(update={"images": tuple(images)})

    return Judged(f"{judged.label}, by group", together(judged.validation), together(judged.test))


def of_policies(judged: Judged) -> Iterator[dict[str, Any]]:
    """A row for each rule."""
    for name, goal in RULES.items():
        policy = choose_policy(judged.validation, goal)
        point = operating_point(judged.test, policy, goal)
        parts, counted = parts_of(judged.test.images), point.counted
        yield {
            "run": judged.label,
            "NG / OK": f"{counted.ng} / {counted.ok}",
            "AUROC": auroc(part_scores(parts, policy.views), part_labels(parts)),
            "policy": name,
            "views": "" if policy.views is None else str(policy.views),
            "caught": counted.caught / counted.ng,
            "REVIEW of NG": counted.review_ng / counted.ng,
            "escapes": counted.escapes / counted.ng,
            "false alarms": counted.false_alarms / counted.ok,
            "REVIEW of OK": counted.review_ok / counted.ok,
            "effectiveness": counted.effectiveness,
            "cost": f"{point.cost:.0f}",
        }


if __name__ == "__main__":
    main()
