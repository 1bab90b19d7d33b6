"""One question, several variants, one table: what the parts of the recipe are worth.

    python benchmarks/ablations.py resolution --data MT --work WORK --config benchmarks/mt_256.yaml

Each variant is trained and judged as in `mt.py`; what is done already is not done again, and with --minutes
it stops in time. The validation columns are there to choose by; the test columns only tell what came of it.
"""

import argparse
import re
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from gainspect.config import RunConfig, load_config
from gainspect.data.load import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.evaluation.compare import row_of
from gainspect.training.fit import complete_split
from gainspect.workflow import ALL_LABELS, evaluate_run, train_or_resume
from results_table import markdown, save

Variants = dict[str, dict[str, Any]]
TOGETHER = [0.0, 0.0, 0.0, 0.0]
STAGED = [0.0, 0.25, 0.5, 0.75]

QUESTIONS: dict[str, Variants] = {
    "resolution": {
        "256 px, attention at stride 8": {},
        "256 px, attention at stride 4": {"model.attention_stride": 4},
        "256 px, attention at stride 16": {"model.attention_stride": 16},
        "256 px, attention at stride 32": {"model.attention_stride": 32},
        "256 px, backbone at stride 16": {"model.output_stride": 16},
        "384 px": {"data.size": 384},
        "512 px": {"data.size": 512},
    },
    "schedule": {
        "S3, four stages": {"strategy": "S3", "training.stage_starts": STAGED},
        "S3, all at once": {"strategy": "S3", "training.stage_starts": TOGETHER},
        "S4, four stages": {"strategy": "S4", "training.stage_starts": STAGED},
        "S4, all at once": {"strategy": "S4", "training.stage_starts": TOGETHER},
        "S4, all at once, learned weights": {
            "strategy": "S4",
            "training.stage_starts": TOGETHER,
            "training.weighting": "uncertainty",
        },
        "S9, four stages": {"training.stage_starts": STAGED},
        "S9, all at once": {"training.stage_starts": TOGETHER},
        "S9, all at once, learned weights": {
            "training.stage_starts": TOGETHER,
            "training.weighting": "uncertainty",
        },
    },
    "attention_loss": {
        "BCE + Dice + IoU": {"training.attention_loss": "overlap"},
        "energy": {"training.attention_loss": "energy"},
        "L1": {"training.attention_loss": "l1"},
    },
    "counterfactual": {
        "S4 (neither)": {"strategy": "S4"},
        "S5 (counterfactual)": {"strategy": "S5"},
        "S6 (counterfactual and curriculum)": {"strategy": "S6"},
        "S7 (counterfactual, no localization)": {"strategy": "S7"},
        "S8 (S7 and curriculum)": {"strategy": "S8"},
        "S9, transplants": {},
        "S9, no transplants": {"training.transplants": 0.0},
    },
    "training": {
        "fixed size": {},
        "progressive size from one half": {"training.start_size": 0.5},
        "no weight average": {"training.ema": 0.0},
        "natural sampler": {"training.sampler": "natural"},
        "natural sampler, α = 0.5": {"training.sampler": "natural", "training.focal_alpha": 0.5},
    },
    "masks": {
        "all masks": {},
        "25 % of the masks": {"data.mask_share": 0.25},
        "10 % of the masks": {"data.mask_share": 0.1},
        "boxes instead of masks": {"data.boxes": True},
    },
}
"""Settings by variant; the strategy is S9 unless a variant names another."""

_VALIDATED = ("ap", "right_reason_at_recall", "pointing_game", "cam_iou")
_TESTED = (
    "recall",
    "false_alarm_rate",
    "auroc",
    "ap",
    "cam_iou",
    "pointing_game",
    "energy_inside",
    "localization_iou",
    "right_reason_rate",
)


def main() -> None:
    """Train, judge, print and save."""
    options = _options()
    manifest = complete_split(load_config(options.config), load_manifest(options.data))
    started, longest = time.monotonic(), 0.0
    lines = []
    for label, settings in QUESTIONS[options.question].items():
        begun = time.monotonic()
        if begun - started + longest >= 60 * options.minutes:
            print(f"Time is over before {label!r}: call again to go on.")
            break
        overrides = {"strategy": "S9", "model.backbone": options.backbone, "model.weights": options.weights}
        config = load_config(options.config, overrides | _given(options) | settings)
        lines.append(line(label, config, manifest, options.work / options.question / _slug(label)))
        longest = max(longest, time.monotonic() - begun)
    if lines:
        text = markdown(lines)
        print(text)
        title = f"Ablation on Magnetic Tile: {options.question.replace('_', ' ')}"
        print("Saved:", save(f"ablation_{options.question}", title, text))


def line(label: str, config: RunConfig, manifest: Manifest, path: Path) -> dict[str, object]:
    """Train (or go on), judge the test part, and put both into one line of the table."""
    print(label, flush=True)
    run = train_or_resume(config, manifest, path, Console())
    result = run.result()
    summary = evaluate_run(run, out=run.path / "evaluation" / "test", data=manifest.root)[ALL_LABELS]
    tested = row_of(config.strategy, config.training.seed, summary, result["seconds"]).figures
    return {
        "variant": label,
        **{f"val {name}": _number(result["validation"].get(name)) for name in _VALIDATED},
        **{name: _number(tested[name]) for name in _TESTED},
        "s/epoch": f"{result['seconds'] / config.training.epochs:.0f}",
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


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
    parser.add_argument("--config", type=Path, help="YAML with further settings")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
