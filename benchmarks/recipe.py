"""The recipe by folds: one question, several variants, on several data sets; the test parts are not touched.

    python benchmarks/recipe.py frozen repairs --data screw=SCREW plate=PLATE mt=MT --work WORK

The training and validation parts of each set are divided into folds by group. A network is trained for each
fold without a validation part (its last weight average is kept), and judges the images that it has not seen.
What it says of them is kept beside the run: finished folds are never trained or judged again, those that were
stopped go on (peers begin anew), and other questions use them too. With --test one network of each variant is
trained on all of these parts and judges the test part, and the reasons of its verdicts are checked: nothing
is chosen by that. With --minutes the script stops in time; with --table it only prints what is there. With
--processes several networks are trained beside each other, each with one thread.

The first figure is the share of false alarms at the threshold that catches 95 % of the defective images; then
AUROC, AP, PointGame and localization IoU. A star means: the 95 % interval of the paired difference from the
first variant, with whole groups resampled, leaves out 0. Scores of the folds are pooled as they are. Beside
them stands what repairs change, as the reason check makes them: of marked defects that are caught, and of OK
images.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gainspect.config import RunConfig, load_config
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, Split, require_both_classes
from gainspect.data.splits import folds
from gainspect.evaluation.doubtful import read_doubtful
from gainspect.files import write_text
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.models.gain_mtl import model_of
from gainspect.strategies import Tta
from gainspect.types import Label
from in_processes import in_processes
from last_networks import is_judged, judge, last_network, last_peer, under_repair
from paired_table import against, at_equal_alarms, by_type, with_intervals
from patchcore import PATCHCORE, PatchCore
from peer_networks import PEERS, PeerBackend
from peers import gigaflops
from positions import MeanOfPositions
from recipe_questions import PEER, QUESTIONS, SHARE
from reliance_table import side_by_side
from results_table import machine, save

MACHINE = "machine.txt"
ALARMS = (0.05, 0.1)
"""Shares of false alarms at which the networks of a test part are compared."""


class Fold(NamedTuple):
    """One network of a variant."""

    title: str
    config: RunConfig
    division: Manifest
    """The parts; `train` is taught."""
    held_out: Manifest
    """What is judged."""
    path: Path
    """The folder of what the network says."""
    run: Path
    """The folder of its training."""
    peer: str | None
    """What takes the place of S9."""
    tta: Tta
    """In how many positions it sees an image."""
    checks: bool
    """Whether reasons are checked."""

    def __repr__(self) -> str:
        return f"{self.title} ({self.path.name})"


def main() -> None:
    """Train, judge, print and save."""
    options = _options()
    sets = dict(_named(given) for given in options.data)
    failed = 0
    if not options.table:
        asked = [
            fold
            for question in options.question
            for name in sets
            for label in QUESTIONS[question]
            if options.only is None or label in options.only
            for fold in _folds(options, f"{name}: {label}", QUESTIONS[question][label], sets[name])
        ]
        # Of variants that share a network the first trains it.
        started = time.monotonic()
        first = {fold.run: fold for fold in reversed(asked)}
        failed = _judged([fold for fold in asked if first[fold.run] is fold], options, started)
        failed += _judged([fold for fold in asked if is_judged(first[fold.run].path)], options, started)
    for question in options.question:
        _save(question, options, sets)
    if failed:
        raise SystemExit(f"{failed} networks failed.")


def _judged(asked: list[Fold], options: argparse.Namespace, started: float) -> int:
    """Do what is not done yet, in the time that is left, and return how many failed."""
    left = {fold.path: fold for fold in asked if not is_judged(fold.path, checks=fold.checks)}
    minutes = options.minutes - (time.monotonic() - started) / 60
    return in_processes(judged, left.values(), options.processes, minutes)


def _save(question: str, options: argparse.Namespace, sets: dict[str, Path]) -> None:
    text, trained_on = "", set[str]()
    for name, data in sets.items():
        asked = {
            label: list(_folds(options, label, settings, data))
            for label, settings in QUESTIONS[question].items()
        }
        paths = {label: [fold.path for fold in networks] for label, networks in asked.items()}
        there = {label: of for label, of in paths.items() if all(map(is_judged, of))}
        if there:
            trained_on |= {_machine(path) for of in there.values() for path in of}
            first = {label: asked[label][0] for label in there}
            costs = {label: _cost(fold.config, fold.peer, fold.tta) for label, fold in first.items()}
            beside = {label: under_repair(of) | costs[label] for label, of in there.items()}
            text += f"## {name}\n\n{against(next(iter(QUESTIONS[question])), there, beside=beside)}\n"
            if options.test:
                text += _of_one_part(name, data, there)
    print(text)
    by = "test parts" if options.test else f"{options.folds} folds"
    title = f"The recipe: {question}, {options.size} px, {options.epochs} epochs, {by}"
    where = f"Trained on: {'; '.join(sorted(trained_on)) or '–'}."
    name = f"recipe_{question}{'_test' if options.test else ''}{options.suffix}"
    print("Saved:", save(name, title, f"{_explained()}\n\n{where}\n\n{text}"))


@cache
def _cost(config: RunConfig, peer: str | None, tta: int) -> dict[str, str]:
    """A column of the table: what an inspection of one image costs."""
    size = config.data.input_size
    if peer is None:
        return {"GFLOP": gigaflops(TorchBackend(model_of(config).eval(), size))}
    if peer == PATCHCORE:
        return {"GFLOP": gigaflops(PatchCore(config).full)}
    network = PEERS[peer](config).eval()
    backend = PeerBackend(network, size, next(iter(network.scores)))
    return {"GFLOP": gigaflops(backend if tta == 1 else MeanOfPositions(backend, tta))}


def _of_one_part(name: str, data: Path, judged: dict[str, list[Path]]) -> str:
    """With intervals, at equal false alarms, by type of defect, without doubtful labels, and reliance."""
    alike = at_equal_alarms(next(iter(judged)), judged, ALARMS)
    text = f"{with_intervals(judged)}\n### {name}, at equal false alarms\n\n{alike}\n"
    text += f"### {name}, by type of defect\n\n{by_type(judged, ALARMS[0])}\n"
    suspects = data / "suspect_labels.csv"
    if suspects.is_file():
        trusted = with_intervals(judged, exclude=read_doubtful(suspects))
        text += f"### {name}, without doubtful labels\n\n{trusted}\n"
    relied = side_by_side({label: folder for label, (folder,) in judged.items()})
    return f"{text}### {name}, what verdicts rely on\n\n{relied}\n" if relied else text


def _machine(path: Path) -> str:
    file = path / MACHINE
    return file.read_text(encoding="utf-8") if file.is_file() else "a CPU"


def judged(fold: Fold) -> None:
    """Train without the held-out part and without a validation part, and judge what was held out."""
    started = time.monotonic()
    print(fold, flush=True)
    fold.path.mkdir(parents=True, exist_ok=True)
    with (fold.path / "output.txt").open("w", encoding="utf-8") as output, redirect_stdout(output):
        if fold.peer is None:
            own = last_network(fold.config, fold.division, fold.run)
            own.graph.model.tta = fold.tta
            backend: Backend = own
        else:
            peer = last_peer(fold.peer, fold.config, fold.division, fold.run)
            backend = peer if fold.tta == 1 else MeanOfPositions(peer, fold.tta)
        trained = time.monotonic()
        write_text(fold.path / MACHINE, machine())
        taught = fold.division.split("train")
        judge(backend, fold.held_out, fold.config, fold.path, taught, checks=fold.checks)
    seconds = f"{trained - started:.0f} s, judged in {time.monotonic() - trained:.0f} s"
    print(f"{fold}: trained in {seconds}", flush=True)


def _folds(options: argparse.Namespace, title: str, settings: dict[str, Any], data: Path) -> Iterator[Fold]:
    """The networks of a variant.

    The folder depends on the data and on all that the configuration sets, so that questions share runs.
    """
    common = {
        "strategy": "S9",
        "model.backbone": options.backbone,
        "model.weights": options.weights,
        "data.size": options.size,
        "training.epochs": options.epochs,
        **{name: yaml.safe_load(value) for name, value in (given.split("=", 1) for given in options.set)},
    }
    settings = dict(settings)
    peer, share = settings.pop(PEER, None), settings.pop(SHARE, 1.0)
    config = load_config(None, common | settings)
    manifest = load_manifest(data)
    if share != 1:
        taught = sum(part.split != "test" for part in manifest.parts)
        known = config.with_epochs(taught if options.test else round(taught * (1 - 1 / options.folds)))
        config = load_config(
            None, common | settings | {"training.epochs": max(1, round(share * known.training.epoch_count))}
        )
    resolved = config.resolved()
    tta = (resolved.model.tta if peer is None else config.model.tta) or 1
    # It is a matter of judging, for which a network is not trained again.
    settled = resolved.model_dump(mode="json", exclude_defaults=True, exclude={"model": {"tta"}})
    told = json.dumps(settled, sort_keys=True)
    name = f"{peer or config.strategy}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    folder = options.work / data.name / name
    divisions = {
        f"{number}of{options.folds}": (division, division.split("val"))
        for number, division in enumerate(folds(manifest, options.folds, seed=0), start=1)
    }
    if options.test:
        divisions = {"test": (_tested(manifest), manifest.split("test"))}
    for place, (division, held_out) in divisions.items():
        path = folder / (place if tta == 1 else f"{place}-tta{tta}")
        run = folder / place / "run"
        yield Fold(title, config, division, held_out, path, run, peer, tta, checks=options.test)


def _tested(manifest: Manifest) -> Manifest:
    """All parts but the test part in the training.

    The groups of the test part are named `val` and `test` by turns, those with a defect and the others: what
    is missing, `settle` takes out of the training.
    """
    require_both_classes(manifest.split("test"), what="the test part")
    tested = sorted(manifest.split("test").parts, key=manifest.key)
    defective = {part.group for part in tested if part.label is Label.NG}
    turns: dict[bool, Iterator[Split]] = {found: cycle(("val", "test")) for found in (True, False)}
    names = {group: next(turns[group in defective]) for group in dict.fromkeys(part.group for part in tested)}
    parts = (
        replace(part, split=names[part.group] if part.split == "test" else "train") for part in manifest.parts
    )
    return replace(manifest, parts=tuple(parts))


def _named(given: str) -> tuple[str, Path]:
    name, _, path = given.partition("=")
    return name, Path(path)


def _explained() -> str:
    return (__doc__ or "").split("\n\n", maxsplit=2)[2].strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", nargs="+", choices=QUESTIONS)
    parser.add_argument(
        "--only", nargs="+", metavar="VARIANT", help="train these; the table shows all there are"
    )
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=DIR")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--epochs", type=yaml.safe_load, default=12, help="a number, or auto")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of all variants")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--test", action="store_true", help="judge the test parts, in the place of folds")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--suffix", default="", help="of the names of the tables in benchmarks/results/")
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
