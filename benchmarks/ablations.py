"""One question, several variants, one table: how much the parts of the recipe contribute.

    python benchmarks/ablations.py resolution --data MT --work WORK

Each variant is trained and evaluated as in `mt.py`, and compared with the first variant. Finished runs, also
those of another question, are not repeated; with --minutes the script stops in time. Make decisions by the
validation columns; the test columns only show the outcome. With --folds the training and validation parts are
divided again and the test part is not used; this gives five times as many defective parts for the decision.
"""

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from sklearn.model_selection import StratifiedGroupKFold

from gainspect.config import RunConfig, load_config
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.evaluation.saved_verdicts import METRICS
from gainspect.jobs.run_comparison import train_or_resume
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.training.run_folder import RunFolder
from gainspect.training.settle import complete_split
from gainspect.types import Label
from paired_table import against
from results_table import number, save
from stop_in_time import in_time

CONFIG = Path(__file__).with_suffix(".yaml")
Variants = dict[str, dict[str, Any]]
TOGETHER = [0.0, 0.0, 0.0, 0.0]
STAGED = [0.0, 0.25, 0.5, 0.75]

QUESTIONS: dict[str, Variants] = {
    "resolution": {
        "attention at stride 8": {},
        "the same, another seed": {"training.seed": 2},
        "attention at stride 4": {"experimental.attention_stride": 4},
        "attention at stride 16": {"experimental.attention_stride": 16},
        "attention at stride 32": {"experimental.attention_stride": 32},
        "backbone at stride 16": {"model.output_stride": 16},
        "256 px": {"data.size": 256},
        "384 px": {"data.size": 384},
        "512 px": {"data.size": 512},
    },
    "schedule": {
        "S9, all at once": {},
        "S9, four stages": {"training.stage_starts": STAGED},
        "S9, all at once, learned weights": {"experimental.weighting": "uncertainty"},
        "S3, four stages": {"strategy": "S3"},
        "S4, four stages": {"strategy": "S4"},
        "S3, all at once": {"strategy": "S3", "training.stage_starts": TOGETHER},
        "S4, all at once": {"strategy": "S4", "training.stage_starts": TOGETHER},
        "S4, all at once, learned weights": {
            "strategy": "S4",
            "training.stage_starts": TOGETHER,
            "experimental.weighting": "uncertainty",
        },
    },
    "attention_loss": {
        "BCE + Dice + IoU": {},
        "energy": {"experimental.attention_loss": "energy"},
        "L1": {"experimental.attention_loss": "l1"},
    },
    "pyramid": {
        "FPN": {"model.pyramid": "fpn"},
        "U-Net decoder": {"model.pyramid": "unet"},
    },
    "evidence": {
        "weighted by its third power": {},
        "weighted by itself": {"experimental.evidence_power": 1.0},
        "by its eighth power": {"experimental.evidence_power": 8.0},
        "its mean": {"experimental.evidence_power": 0.0},
    },
    "counterfactual": {
        "S9, transplants": {},
        "S9, no transplants": {"training.transplants": 0.0},
        "S4 (neither)": {"strategy": "S4"},
        "S5 (counterfactual)": {"strategy": "S5"},
        "S6 (counterfactual and curriculum)": {"strategy": "S6"},
        "S7 (counterfactual, no localization)": {"strategy": "S7"},
        "S8 (S7 and curriculum)": {"strategy": "S8"},
    },
    "training": {
        "fixed size": {},
        # (0.5 … 1)² on average over the first half, 1 over the second: 0.79 of the time of an epoch.
        "progressive size from one half, equal time": {"training.start_size": 0.5, "training.epochs": 8},
        "no weight average": {"training.ema": 0.0},
        "natural sampler": {"training.sampler": "natural"},
        "natural sampler, α = 0.5": {"training.sampler": "natural", "training.focal_alpha": 0.5},
        "slower backbone (layer decay 0.6)": {"training.layer_decay": 0.6},
        "four backbone stages frozen": {"training.frozen_stages": 4},
    },
    "masks": {
        "all masks": {},
        "25 % of the masks": {"experimental.mask_share": 0.25},
        "10 % of the masks": {"experimental.mask_share": 0.1},
        "boxes instead of masks": {"experimental.boxes": True},
    },
}
"""The settings of each variant; the strategy is S9 unless a variant sets another."""

_VALIDATED = ("ap", "right_reason_at_recall", "pointing_game", "cam_iou")


def main() -> None:
    """Train, evaluate, print and save."""
    options = _options()
    manifest = complete_split(load_config(options.config), load_manifest(options.data))
    divisions = {"": manifest}
    if options.folds:
        named = enumerate(folds(manifest, options.folds), start=1)
        divisions = {f"-fold{index}of{options.folds}": division for index, division in named}
    split = "val" if options.folds else "test"
    runs: dict[str, list[RunFolder]] = {}
    question = QUESTIONS[options.question]
    for label in in_time(question, options.minutes):
        overrides = {"strategy": "S9", "model.backbone": options.backbone, "model.weights": options.weights}
        config = load_config(options.config, overrides | _given(options) | question[label])
        print(label, flush=True)
        runs[label] = [
            trained(config, division, place(options.work, config, name), split)
            for name, division in divisions.items()
        ]
    if runs:
        text = (
            table(runs, split) + f"\n## {options.config.name}\n\n```yaml\n{options.config.read_text()}```\n"
        )
        print(text)
        title = f"Ablation on Magnetic Tile: {options.question.replace('_', ' ')}"
        title += f", {options.folds}-fold cross-validation" if options.folds else ""
        name = f"{'folds' if options.folds else 'ablation'}_{options.question}"
        print("Saved:", save(name, title, text))


def folds(manifest: Manifest, count: int) -> list[Manifest]:
    """The training and validation parts, divided again so that each group is in validation exactly once."""
    known = [part for part in manifest.parts if part.split != "test"]
    kinds = [part.defect_type or "" if part.label is Label.NG else "ok" for part in known]
    groups = [part.group for part in known]
    drawn = StratifiedGroupKFold(count, shuffle=True, random_state=0).split(known, kinds, groups)
    divisions = []
    for _, held in drawn:
        validated = {known[index].group for index in held}
        parts = (
            part
            if part.split == "test"
            else replace(part, split="val" if part.group in validated else "train")
            for part in manifest.parts
        )
        divisions.append(replace(manifest, parts=tuple(parts)))
    return divisions


def trained(config: RunConfig, manifest: Manifest, path: Path, split: str) -> RunFolder:
    """Train and evaluate a run, or continue it; finished steps are not repeated."""
    run = train_or_resume(config, manifest, path, Console())
    if not (run.evaluation_folder(split) / METRICS).is_file():
        out = run.evaluation_folder(split)
        run_evaluation(run.path, out=out, split=split, data=manifest.root, runtime="torch")
    return run


def place(work: Path, config: RunConfig, division: str) -> Path:
    """The folder of a run. It depends on the configuration, so that another question can reuse the run."""
    settings = json.dumps(config.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
    return work / f"{config.strategy}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}{division}"


def table(runs: dict[str, list[RunFolder]], split: str) -> str:
    """The figures on `split`, the validation figures if `split` is the test part, and the training time."""
    beside: dict[str, dict[str, str]] = {}
    for label, several in runs.items():
        results = [run.result() for run in several]
        if split == "test":
            beside[label] = {f"val {name}": number(results[0]["validation"].get(name)) for name in _VALIDATED}
        seconds = sum(result["seconds"] for result in results)
        epochs = sum(run.config().training.epoch_count for run in several)
        beside[label] = beside.get(label, {}) | {"s/epoch": f"{seconds / epochs:.0f}"}
    judged = {label: [run.evaluation_folder(split) for run in several] for label, several in runs.items()}
    return against(next(iter(runs)), judged, beside=beside)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    places = {"data.size": options.size, "training.epochs": options.epochs}
    return {key: value for key, value in places.items() if value is not None}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--data", type=Path, required=True, help="the Magnetic Tile folder")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--config", type=Path, default=CONFIG, help="YAML with the settings of all variants")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument(
        "--folds", type=int, default=0, help="evaluate by cross-validation instead of on the test part"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
