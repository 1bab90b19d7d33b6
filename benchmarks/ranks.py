"""Two processes train instead of one, with the same batch: are the weights the same, and how fast is it?

Synthetic parts. The first table is of trainings in which BatchNorm keeps its statistics: it would otherwise
take them from each rank's own images. Ranks then do the same arithmetic in another order. Told are the
largest and the mean difference of a weight. Adam steps by up to the learning rate along any gradient, also
along one that is all rounding; so the same is trained in float64 too, which tells rounding from a difference
in kind. The second table, if there is one, is of ordinary trainings, in turns: one process with all threads,
and ranks that divide them. Its seconds are those of the epochs after the first, validation included.
"""

import argparse
import csv
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.jobs.training_ranks import main as follow
from gainspect.jobs.training_ranks import training_ranks
from gainspect.models.weights import load_weights
from gainspect.training.checkpoint import load_state
from gainspect.training.fitting import initial_model
from gainspect.training.launch import train
from gainspect.training.ranks import Ranks
from gainspect.training.run_folder import RunFolder
from gainspect.training.together import together
from results_table import markdown, save

_FOLLOW = "--follow"
_ARITHMETIC = ("float32", "float64")
_NEVER = property(lambda module: False, lambda module, mode: None)
"""In place of `_BatchNorm.training`."""


@dataclass(frozen=True)
class Case:
    """What is trained."""

    options: argparse.Namespace
    data: Manifest
    work: Path

    def config(self, strategy: str, epochs: int) -> RunConfig:
        """Settings of a run."""
        options = self.options
        return RunConfig.model_validate(
            {
                "strategy": strategy,
                "data": {"size": options.size},
                "model": {"backbone": options.backbone, "weights": options.weights},
                "training": {"batch_size": options.batch_size, "epochs": epochs, "lr": options.lr},
            }
        )

    def run(self, name: str, strategy: str, epochs: int, ranks: Ranks) -> RunFolder:
        """Train into a new folder."""
        return train(self.config(strategy, epochs), self.data, self.work / name, ranks=ranks)


def main() -> None:
    """Train, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--parts", type=int, default=80)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3, help="0: no speed, as on a machine that is not idle")
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--strategies", default="S1,S6,S9")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        spec = SyntheticSpec(size=options.size, parts={"train": options.parts, "test": 4}, views=1)
        generate(spec, place / "data")
        case = Case(options, load_manifest(place / "data"), place)
        weights = markdown(list(differences(case)))
        print(weights)
        speed = markdown(list(speeds(case))) if options.rounds else ""
        print(speed)
    of = f"{options.backbone}, {options.size} px, batch {options.batch_size}"
    title = f"{options.ranks} ranks against one: {of}"
    print("Saved:", save("ranks", title, f"{__doc__}\n{weights}\n{speed}"))


def differences(case: Case) -> Iterator[dict[str, object]]:
    """Of each strategy, how far weights of ranks and of one process are apart, statistics being frozen."""
    for strategy in case.options.strategies.split(","):
        for arithmetic in _ARITHMETIC:
            follower = (sys.executable, str(Path(__file__)), _FOLLOW, arithmetic)
            with frozen(arithmetic), together(case.options.ranks, 1, follower) as ranks:
                name = f"{strategy}-{arithmetic}"
                one = case.run(f"{name}-one", strategy, case.options.epochs, Ranks())
                several = case.run(f"{name}-several", strategy, case.options.epochs, ranks)
                begun = initial(one)
            apart, mean = difference(weights_of(one), weights_of(several))
            moved, _ = difference(weights_of(one), begun)
            yield {
                "strategy": strategy,
                "arithmetic": arithmetic,
                "steps": int(load_state(one.last_checkpoint)["global_step"]),
                "largest difference": f"{apart:.1e}",
                "mean difference": f"{mean:.1e}",
                "a weight moved at most": f"{moved:.1e}",
            }


def speeds(case: Case) -> Iterator[dict[str, object]]:
    """How many images a second ranks train, for each that one process does."""
    seconds: dict[str, list[float]] = {"one process": [], f"{case.options.ranks} ranks": []}
    for turn in range(case.options.rounds):
        for name, devices in zip(seconds, (1, case.options.ranks), strict=True):
            with training_ranks(devices, 1, None) as ranks:
                run = case.run(f"{name} {turn}", "S9", case.options.epochs, ranks)
            seconds[name].append(statistics.median(epoch_seconds(run)[1:]))
    base = seconds["one process"]
    for name, measured in seconds.items():
        ratios = [first / own for first, own in zip(base, measured, strict=True)]
        yield {
            "S9": name,
            "median s an epoch": statistics.median(measured),
            "images/s, ratio to one process (median)": statistics.median(ratios),
            "min ratio": min(ratios),
            "max ratio": max(ratios),
        }


@contextmanager
def frozen(arithmetic: str) -> Iterator[None]:
    """BatchNorm is in evaluation mode, also in training; with float64, all that would be float32 is that."""
    before = torch.get_default_dtype(), torch.Tensor.float, pl.Trainer
    _BatchNorm.training = _NEVER  # type: ignore[assignment]
    if arithmetic == "float64":
        torch.set_default_dtype(torch.float64)
        torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
        pl.Trainer = lambda **settings: before[2](**settings | {"precision": "64-true"})  # type: ignore[misc]
    try:
        yield
    finally:
        del _BatchNorm.training
        torch.set_default_dtype(before[0])
        torch.Tensor.float, pl.Trainer = before[1:]  # type: ignore[method-assign, misc]


def initial(run: RunFolder) -> dict[str, torch.Tensor]:
    """The network before the first step."""
    model = initial_model(run.config())
    load_weights(model.backbone, run.config().model.backbone, run.config().model.weights)
    return model.state_dict()


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    """The network after the last step."""
    state = load_state(run.last_checkpoint)["state_dict"]
    return {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> tuple[float, float]:
    """The largest and the mean, between values of the same name and place."""
    apart = torch.cat([(one[name].double() - other[name].double()).abs().flatten() for name in one])
    return float(apart.max()), float(apart.mean())


def epoch_seconds(run: RunFolder) -> list[float]:
    """How long each epoch took, with its validation."""
    with run.log_file.open(encoding="utf-8") as file:
        return [float(row["seconds"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    if sys.argv[1:2] == [_FOLLOW]:
        with frozen(sys.argv[2]):
            follow()
    else:
        main()
