"""Do masks keep a network from a cue? Synthetic parts with a cue that says NG in training and OK in the test.

    python benchmarks/cues.py --work WORK

At correlation ρ a share (1 + ρ)/2 of the NG parts and (1 − ρ)/2 of the OK parts of the training carry the
cue; in the test every OK part carries it and no NG part does. The cues: a stamp away from the defect, a stamp
right beside it, and blur of the whole image, which no place can show.

The plain classifier is S1. DFR (Kirichenko et al., ICLR 2023) is the same network with its last layer fitted
anew to 80 further parts on which the cue says nothing, which no other network gets. The U-Net and S9 learn
from masks, and see transplants: marked defects on OK parts, without the cue. A plain classifier that sees
these too, and S9 without them, show what they alone are worth. Two controls learn as S9 does, from masks that
say nothing: those of other parts, and their own, shifted by half of the image. If they help as much, it is
not the masks that help. Nobody sees repairs but in the rows that say so: there a defect that is repaired is
OK, with the cue still beside it.

No network has a validation part, the last weight average is judged, and verdicts are at P(NG) = 0.5. Each
cell lists the correlations in order; with several seeds, of training and parts, it is their mean.
"""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from gainspect.config import RunConfig
from gainspect.data.decode import read_image
from gainspect.data.framing import letterbox
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import Cue, CueRates, SyntheticSpec, generate
from gainspect.evaluation.saved_verdicts import PREDICTIONS, SavedVerdicts, read_verdicts
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.jobs.run_comparison import variant
from gainspect.jobs.run_demo import CONFIG, SPEC
from gainspect.metrics.classification import auroc
from gainspect.models.gain_mtl import NG, GainMTL
from gainspect.types import Label, Mask
from in_processes import in_processes
from last_networks import is_judged, judge, last_network, last_peer
from results_table import markdown, save

CUES: dict[Cue, str] = {
    "stamp": "a stamp away from the defect",
    "touching_stamp": "a stamp right beside the defect",
    "blur": "blur of the whole image",
}
UNET = "U-Net"
FIGURES = ("AUROC", "recall", "false alarms", "right reason", "PointGame", "Energy-Inside")
BALANCED = 80
"""Parts that DFR fits its layer to."""

Redrawn = Callable[[int, list[Mask]], Mask]
"""(position, masks of all NG parts) → the mask that the part at the position gets."""


@dataclass(frozen=True)
class Method:
    """What a row trains."""

    folder: str
    strategy: str = "S9"
    transplants: float | None = None
    """None, here and of `repairs`: as the strategy has it."""
    repairs: float | None = 0.0
    redrawn: Redrawn | None = None
    """None: the masks are the true ones."""


class Case(NamedTuple):
    """What the rows of a table share."""

    options: argparse.Namespace
    cue: Cue
    correlation: float
    seed: int

    def __repr__(self) -> str:
        return f"{self.cue}, {self.correlation:g}, seed {self.seed}"


METHODS: dict[str, Method] = {
    "plain classifier": Method("plain", "S1"),
    "plain classifier, transplants": Method("plain-transplants", "S1", transplants=0.5),
    "DFR": Method("dfr", "S1"),
    "U-Net": Method("unet"),
    "U-Net, repairs": Method("unet-repairs", repairs=None),
    "S9": Method("s9"),
    "S9, repairs": Method("s9-repairs", repairs=None),
    "S9, no transplants": Method("s9-alone", transplants=0.0),
    "S9, masks of other parts": Method(
        "s9-others", redrawn=lambda own, masks: masks[(own + len(masks) // 2) % len(masks)]
    ),
    "S9, shifted masks": Method(
        "s9-shifted",
        redrawn=lambda own, masks: np.roll(masks[own], [n // 2 for n in masks[own].shape], (0, 1)),
    ),
}


def main() -> None:
    """Make the parts, train, judge, print and save."""
    options = _options()
    cases = [
        Case(options, cue, correlation, seed)
        for seed in options.seeds
        for cue in options.cues
        for correlation in options.correlations
    ]
    failed = in_processes(all_judged, cases, options.processes, options.minutes)
    text = "\n".join(f"## {CUES[cue]}\n\n{_table(options, cue)}" for cue in options.cues)
    print(text)
    about = "\n\n".join((__doc__ or "").split("\n\n")[2:]).strip()
    told = f"ρ = {', '.join(map(str, options.correlations))}; seeds {', '.join(map(str, options.seeds))}."
    print("Saved:", save("cues", "Masks against cues", f"{about}\n\n{told}\n\n{text}"))
    if failed:
        raise SystemExit(f"{failed} cases failed.")


def all_judged(case: Case) -> None:
    """Train and judge every row of a case, one after the other: they share its parts, and DFR a network."""
    for method in METHODS:
        print(f"{case!r}: {method}", flush=True)
        judged(*case, method)


def judged(options: argparse.Namespace, cue: Cue, correlation: float, seed: int, method: str) -> None:
    """Train one network on its parts, and judge the test part."""
    out = _folder(options, cue, correlation, seed, method)
    if is_judged(out):
        return
    case, how = out.parent, METHODS[method]
    data = parts_of(options.size, cue, correlation, seed, case / "data")
    config = _config(options, how, seed)
    if method.startswith(UNET):
        backend: Backend = last_peer(UNET, config, data, out / "run")
    elif method == "DFR":
        backend = last_network(config, data, case / METHODS["plain classifier"].folder / "run")
        balanced = parts_of(options.size, cue, 0.0, seed + 1000, case / "balanced", BALANCED)
        fit_last_layer(backend, balanced.split("train"))
    else:
        taught = data if how.redrawn is None else with_other_masks(data, how.redrawn, out / "data")
        backend = last_network(config, taught, out / "run")
    judge(backend, data.split("test"), config, out, data.split("train"))


def _folder(options: argparse.Namespace, cue: Cue, correlation: float, seed: int, method: str) -> Path:
    return Path(options.work) / f"{cue}-{correlation:g}-seed{seed}" / METHODS[method].folder


def parts_of(
    size: int, cue: Cue, correlation: float, seed: int, out: Path, train: int = SPEC.parts["train"]
) -> Manifest:
    """The parts of the demo with a cue of this correlation in training, and the opposite one in the test."""
    if (out / "split.csv").is_file():
        return load_manifest(out)
    rates = CueRates(ng=(1 + correlation) / 2, ok=(1 - correlation) / 2)
    spec = SPEC.model_dump() | {"seed": seed, "size": size, "cue": cue}
    spec["parts"] = {**SPEC.parts, "train": train}
    spec["cue_rates"] = {"train": rates, "test": CueRates(ng=0, ok=1)}
    return generate(SyntheticSpec.model_validate(spec), out)


def with_other_masks(manifest: Manifest, redrawn: Redrawn, out: Path) -> Manifest:
    """A copy of a folder of `parts_of` in which the NG parts of the training have other masks."""
    if not out.is_dir():
        shutil.copytree(manifest.root, out)
    marked = [part for part in manifest.split("train").parts if part.label is Label.NG]
    masks = [manifest.mask(part) for part in marked]
    known = [mask for mask in masks if mask is not None]
    assert len(known) == len(marked)  # synthetic parts have exact masks
    for position, part in enumerate(marked):
        assert part.mask is not None
        encoded = cv2.imencode(".png", redrawn(position, known) * np.uint8(255))[1]
        (out / part.mask.relative_to(manifest.root)).write_bytes(encoded.tobytes())
    return load_manifest(out)


def fit_last_layer(backend: TorchBackend, balanced: Manifest) -> None:
    """Fit the classification head of a network anew, as DFR does: on features that stay as they are."""
    model = backend.graph.model
    fitted = LogisticRegression(max_iter=10_000).fit(_pooled(model, backend.size, balanced), balanced.labels)
    with torch.no_grad():
        linear = model.classification.linear
        linear.weight.zero_()
        linear.bias.zero_()
        linear.weight[NG] = torch.from_numpy(fitted.coef_[0]).to(linear.weight)
        linear.bias[NG] = float(fitted.intercept_[0])


@torch.inference_mode()
def _pooled(model: GainMTL, size: int, manifest: Manifest) -> NDArray[np.float32]:
    """(N, C) means of the features F."""
    frames = (letterbox(read_image(part.image), size)[0] for part in manifest.parts)
    images = (torch.from_numpy(frame).unsqueeze(0) for frame in frames)
    return np.concatenate([model.backbone(image).deep.float().mean(dim=(2, 3)).numpy() for image in images])


def _table(options: argparse.Namespace, cue: Cue) -> str:
    rows: dict[str, dict[str, list[str]]] = {method: {} for method in METHODS}
    for method in METHODS:
        for correlation in options.correlations:
            seeds = [_figures(options, cue, correlation, seed, method) for seed in options.seeds]
            for name in FIGURES:
                known = [figures[name] for figures in seeds if figures is not None]
                rows[method].setdefault(name, []).append(f"{np.mean(known):.2f}" if known else "–")
    return markdown(
        [
            {"": method} | {name: " / ".join(values) for name, values in row.items()}
            for method, row in rows.items()
        ]
    )


def _figures(
    options: argparse.Namespace, cue: Cue, correlation: float, seed: int, method: str
) -> dict[str, float] | None:
    """None: this network has not judged yet."""
    folder = _folder(options, cue, correlation, seed, method)
    return figures_of(read_verdicts(folder / PREDICTIONS)) if is_judged(folder) else None


def figures_of(saved: SavedVerdicts) -> dict[str, float]:
    """The figures of a row, 0…1."""
    ng = saved.labels
    values = (
        auroc(saved.scores, ng) or 0.0,
        saved.called[ng].mean(),
        saved.called[~ng].mean(),
        saved.figures["right_reason_rate"].mean(),
        np.nanmean(saved.figures["pointing_game"]),
        np.nanmean(saved.figures["energy_inside"]),
    )
    return dict(zip(FIGURES, map(float, values), strict=True))


def _config(options: argparse.Namespace, how: Method, seed: int) -> RunConfig:
    told: dict[str, Any] = CONFIG.model_dump()
    told["data"]["size"] = options.size
    told["model"] |= {"backbone": options.backbone, "weights": options.weights}
    told["training"] |= {"epochs": options.epochs, "transplants": how.transplants, "repairs": how.repairs}
    return variant(RunConfig.model_validate(told), how.strategy, seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for parts and runs")
    parser.add_argument("--cues", nargs="+", choices=CUES, default=list(CUES))
    parser.add_argument("--correlations", type=float, nargs="+", default=[0.0, 0.8, 1.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--backbone", default=CONFIG.model.backbone)
    parser.add_argument("--weights", default=CONFIG.model.weights)
    parser.add_argument("--size", type=int, default=SPEC.size)
    parser.add_argument("--epochs", type=int, default=CONFIG.training.epochs)
    parser.add_argument("--processes", type=int, default=1, help="cases beside each other")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
