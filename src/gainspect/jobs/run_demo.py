"""The demo: a plain and a guided inspector on parts whose stamp indicates NG in training only."""

import csv
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import CueRates, SyntheticSpec, generate
from gainspect.evaluation.saved_verdicts import PREDICTIONS
from gainspect.jobs.run_comparison import compare_strategies, run_path
from gainspect.jobs.write_report import write_inspection_report
from gainspect.training.run_folder import RunFolder

SPEC = SyntheticSpec(
    size=128,
    parts={"train": 170, "test": 100},
    views=1,
    cue="stamp",
    cue_rates={"train": CueRates(ng=0.95, ok=0.05), "test": CueRates(ng=0.5, ok=0.5)},
)
CONFIG = RunConfig.model_validate(
    {
        "data": {"size": 128},
        "model": {"backbone": "tf_efficientnet_lite0", "output_stride": 16, "fpn_channels": 64},
        "training": {
            "epochs": 12,
            "lr": 2e-3,
            "layer_decay": 0.7,
            "focal_gamma": 2.0,
            "frozen_stages": 2,
            "stage_starts": (0.0, 0.0, 0.0, 0.1),
        },
    }
)
STRATEGIES = ("S1", "S9")


@dataclass(frozen=True)
class CueFigures:
    """What one inspector says of the test part; shares 0…1."""

    name: str
    ng_stamped: float
    ng_plain: float
    """Mean P(NG) of the NG parts with and without the stamp."""
    ok_stamped: float
    ok_plain: float
    """Mean P(NG) of the OK parts with and without the stamp."""
    caught: float
    """Of the NG parts, those decided NG, after the check of reasons."""
    false_alarms: float
    """Of the OK parts, those decided NG."""
    review: float
    """Of all parts, those decided REVIEW."""
    pointing_game: float
    right_reason_rate: float

    @property
    def by_stamp(self) -> float:
        """How much the stamp alone raises P(NG), mean over NG and OK parts; whatever the thresholds are."""
        return (self.ng_stamped - self.ng_plain + self.ok_stamped - self.ok_plain) / 2


def run_demo(out: Path, console: Console) -> list[CueFigures]:
    """Create the parts, train and evaluate the strategies, and show what each relies on.

    Raises:
        GainspectError: the folder cannot be used, or there are no pretrained weights.
        KeyboardInterrupt: the demo was stopped; the same call continues it.
    """
    train_rates, test_rates = SPEC.cue_rates["train"], SPEC.cue_rates["test"]
    _print(
        console,
        ("1 · Parts", "bold"),
        "  Synthetic plates, half of them with a scratch, pit, stain, crack or chip. "
        f"In training {train_rates.ng:.0%} of the NG parts carry a batch stamp, and {train_rates.ok:.0%} "
        f"of the OK parts. In the test the stamp says nothing about the part: {test_rates.ng:.0%} "
        "of the NG and of the OK parts carry it.",
    )
    data = out / "data"
    manifest = load_manifest(data) if (data / "split.csv").is_file() else generate(SPEC, data)
    _print(console, ("2 · Training", "bold"), "  S1, a plain classifier; S9, guided by the defect masks.")
    seed = CONFIG.training.seed
    compare_strategies(CONFIG, manifest, list(STRATEGIES), [seed], out, check=True, console=console)
    judged = {name: RunFolder(run_path(out, name, seed)).evaluation_folder() for name in STRATEGIES}
    figures = [cue_figures(name, folder, manifest) for name, folder in judged.items()]
    _print(console, ("3 · What each relies on", "bold"))
    console.print(cue_table(figures))
    console.print(conclusion(*figures))
    _print(console, "Picture: ", (str(out / "compare.png"), "bold"))
    _print(
        console,
        ("4 · Why", "bold"),
        f"  One report on {STRATEGIES[-1]}: every verdict, its reason, and the reason check.",
    )
    write_inspection_report(run_path(out, STRATEGIES[-1], seed), data=data, out=out / "report.html")
    _print(console, "Report: ", (str(out / "report.html"), "bold"), " (open it in a browser)")
    _print(console, "Next, with your parts: ", ("gainspect data check DIR", "bold"), ", then")
    _print(console, "                       ", ("gainspect train --data DIR --out RUN", "bold"))
    return figures


def _print(console: Console, *parts: str | tuple[str, str]) -> None:
    """Text, some of it with a style; square brackets in it are no markup."""
    console.print(Text.assemble(*parts))


def cue_figures(name: str, evaluation: Path, manifest: Manifest) -> CueFigures:
    """Figures of one evaluated inspector, with and without the cue, from its predictions.csv.

    Args:
        name: of the inspector.
        evaluation: the folder of an evaluation with the check of reasons.
        manifest: the parts, one image each.
    """
    stamped = {manifest.key(part): part.extra["cue"] == "1" for part in manifest.parts}
    with (evaluation / PREDICTIONS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def score(label: str, *, cue: bool) -> float:
        chosen = [row for row in rows if row["label"] == label and stamped[row["image"]] is cue]
        return _mean([float(row["score"]) for row in chosen])

    def decided_ng(label: str) -> float:
        return _mean([row["decision"] == "ng" for row in rows if row["label"] == label])

    return CueFigures(
        name=name,
        ng_stamped=score("ng", cue=True),
        ng_plain=score("ng", cue=False),
        ok_stamped=score("ok", cue=True),
        ok_plain=score("ok", cue=False),
        caught=decided_ng("ng"),
        false_alarms=decided_ng("ok"),
        review=_mean([row["decision"] == "review" for row in rows]),
        pointing_game=_mean([float(row["evidence_pointing_game"]) for row in rows if row["label"] == "ng"]),
        right_reason_rate=_mean([row["right_reason"] == "1" for row in rows]),
    )


def cue_table(figures: list[CueFigures]) -> Table:
    """A table with one column per inspector."""
    table = Table(
        caption="Decided: by the thresholds, and after the check of reasons; REVIEW goes to a person and is "
        "neither caught nor a false alarm. PointGame: share of the defects inside which the evidence peaks."
    )
    table.add_column("On the test parts")
    for column in figures:
        table.add_column(column.name, justify="right", style="bold")
    for title, name, last in _ROWS:
        table.add_row(title, *(f"{getattr(column, name):.0%}" for column in figures), end_section=last)
    return table


_ROWS = (
    ("mean P(NG) of NG parts with stamp", "ng_stamped", False),
    ("mean P(NG) of NG parts without", "ng_plain", False),
    ("mean P(NG) of OK parts with stamp", "ok_stamped", False),
    ("mean P(NG) of OK parts without", "ok_plain", True),
    ("NG parts decided NG: caught", "caught", False),
    ("OK parts decided NG: false alarms", "false_alarms", False),
    ("decided REVIEW", "review", True),
    ("PointGame", "pointing_game", False),
    ("right for the right reason", "right_reason_rate", False),
)
"""Title and name of each figure, and whether a line follows."""


def conclusion(plain: CueFigures, *guided: CueFigures) -> str:
    """The figures in words; an inspector is called better only if its figures are."""
    points = [f"{100 * row.by_stamp:.0f} points with {row.name}" for row in (plain, *guided)]
    sentences = [f"The stamp alone raises P(NG) by {', '.join(points)}."]
    sentences += [
        f"After the check of reasons {row.name} catches {row.caught:.0%} of the defects with "
        f"{row.false_alarms:.0%} false alarms, and sends {row.review:.0%} of the parts to a person."
        for row in (plain, *guided)
    ]
    for row in guided:
        if row.by_stamp < plain.by_stamp and row.right_reason_rate > plain.right_reason_rate:
            sentences.append(
                f"{row.name} is right for the right reason on {row.right_reason_rate:.0%} of the parts, "
                f"{plain.name} on {plain.right_reason_rate:.0%}."
            )
        else:
            sentences.append(f"In this run {row.name} was not clearly better: see the table.")
    return " ".join(sentences)


def _mean(values: list[float] | list[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
