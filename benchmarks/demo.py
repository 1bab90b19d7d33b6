"""What the demo says, over several seeds, with a U-Net on the same parts beside it.

    python benchmarks/demo.py --work WORK

All have the same backbone, weights, size, epochs, augmentation and split, and a policy that is chosen in the
same way (least cost on validation, the reason check included). A seed is that of the training; the parts are
those of the demo. A run that is finished is taken as it is.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import generate
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.goals import LeastCost
from gainspect.evaluation.operating_point import choose_policy
from gainspect.evaluation.saved_verdicts import ALL_LABELS, METRICS, save_verdicts
from gainspect.evaluation.summary import decision_figures, summarize
from gainspect.evaluation.validation_verdicts import validation_verdicts
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.run_comparison import train_or_resume, variant
from gainspect.jobs.run_demo import CONFIG, SPEC, STRATEGIES, CueFigures, cue_figures
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.training.settle import settle
from peer_networks import PEERS, PeerBackend
from peers import train
from results_table import markdown, save

PEER = "U-Net"
_SHARES = {
    "P(NG) of NG, stamp": "ng_stamped",
    "P(NG) of NG, no stamp": "ng_plain",
    "P(NG) of OK, stamp": "ok_stamped",
    "P(NG) of OK, no stamp": "ok_plain",
    "by the stamp": "by_stamp",
    "caught": "caught",
    "false alarms": "false_alarms",
    "REVIEW": "review",
    "PointGame": "pointing_game",
    "right reason": "right_reason_rate",
}


def main() -> None:
    """Train, evaluate, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for parts and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    data = options.work / "data"
    manifest = load_manifest(data) if (data / "split.csv").is_file() else generate(SPEC, data)
    config, manifest, *_ = settle(CONFIG, manifest)
    rows: dict[str, list[tuple[CueFigures, dict[str, Any]]]] = {}
    for seed in options.seeds:
        for name in (*STRATEGIES, PEER):
            folder = options.work / f"{name}-seed{seed}"
            evaluate = of_peer if name == PEER else of_strategy
            evaluation = evaluate(
                variant(config, name if name != PEER else STRATEGIES[-1], seed), manifest, folder
            )
            decided = json.loads((evaluation / METRICS).read_text())[ALL_LABELS]["decisions"]
            rows.setdefault(name, []).append((cue_figures(name, evaluation, manifest), decided))
    text = f"Seeds {', '.join(map(str, options.seeds))}: mean (least … largest).\n\n{table(rows)}"
    print(text)
    print("Saved:", save("demo", "What the demo says", text))


def of_strategy(config: RunConfig, manifest: Manifest, folder: Path) -> Path:
    """Train and evaluate a strategy; the folder of its evaluation."""
    run = train_or_resume(config, manifest, folder, Console())
    if not (run.evaluation_folder() / METRICS).is_file():
        run_evaluation(run.path, out=run.evaluation_folder(), data=manifest.root, runtime="torch", check=True)
    return run.evaluation_folder()


def of_peer(config: RunConfig, manifest: Manifest, folder: Path) -> Path:
    """Train and evaluate the U-Net; the folder of its evaluation."""
    if (folder / METRICS).is_file():
        return folder
    torch.manual_seed(config.training.seed)
    model, chosen = train(PEERS[PEER](config), config, manifest)
    backend = PeerBackend(model, config.data.input_size, chosen["score"])
    policy = choose_policy(validation_verdicts(backend, manifest.split("val")), LeastCost())
    inspector = Inspector(
        backend,
        threshold=policy.threshold,
        review_from=policy.review_from,
        region_threshold=policy.region_threshold,
        reason=policy.reason,
    )
    judged = assess(inspector, manifest.split("test"))
    summary = summarize(judged, map_thresholds=policy.map_thresholds)
    summary["decisions"] = decision_figures(judged, inspector.rules, LeastCost().costs)
    save_verdicts(judged, folder, {ALL_LABELS: summary})
    return folder


def table(rows: dict[str, Sequence[tuple[CueFigures, dict[str, Any]]]]) -> str:
    """A row for each inspector."""
    shown = []
    for name, seeds in rows.items():
        row = {"": name}
        for title, attribute in _SHARES.items():
            row[title] = spread([getattr(figures, attribute) for figures, _ in seeds])
        row["effectiveness"] = spread([decided["effectiveness"] for _, decided in seeds])
        row["AUROC"] = spread([decided["auroc"] for _, decided in seeds])
        shown.append(row)
    return markdown(shown)


def spread(values: Sequence[float]) -> str:
    """The mean, with the range of the seeds."""
    return f"{np.mean(values):.3f} ({min(values):.3f} … {max(values):.3f})"


if __name__ == "__main__":
    main()
