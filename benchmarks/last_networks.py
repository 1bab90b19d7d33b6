"""Networks that are trained on all they are given: without a validation part the last weight average is kept.

What they say is kept beside them, so that a stopped benchmark goes on where it was.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.evaluation.assessment import THRESHOLDS, assess
from gainspect.evaluation.reliance import assessment_of, examine
from gainspect.evaluation.saved_verdicts import METRICS, save_verdicts
from gainspect.evaluation.validation_verdicts import map_thresholds
from gainspect.files import write_json
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.memory import keep_freed_memory
from gainspect.policy import ReasonPolicy
from gainspect.training.checkpoint import load_state, save_state
from gainspect.training.device import device_at_hand
from gainspect.training.fitting import Fit, fit
from gainspect.training.launch import begun_model, start
from gainspect.training.run_folder import RunFolder
from gainspect.training.settle import settle
from gainspect.training.trained import good_parts_for, last_average
from gainspect.types import Label
from patchcore import PATCHCORE, PatchCore
from peer_networks import PEERS, PeerBackend
from peers import train
from reliance_table import RELIANCE, keep_reliance

REPAIRED = "repaired.json"
PEER = "peer.safetensors"


def last_network(config: RunConfig, manifest: Manifest, path: Path) -> TorchBackend:
    """Train on the training part; a run that was stopped there goes on."""
    keep_freed_memory()  # as `gainspect train` and the peers do
    settled = settle(config, manifest)
    taught = _without_validation(settled.manifest)
    run = RunFolder(path)
    if run.config_file.is_file():
        model = begun_model(run)
    else:
        run, model = start(settled._replace(manifest=taught), run.path)
    order = Fit(run.path, run.config(), taught, resumes=run.last_checkpoint.exists())
    fit(order, model, console=Console())
    return last_average(run, device=device_at_hand())


def last_peer(kind: str, config: RunConfig, manifest: Manifest, path: Path) -> Backend:
    """The same of PatchCore, or of a network of `PEERS`, which is kept; if it was stopped it begins anew."""
    settled = settle(config, manifest)
    if kind == PATCHCORE:
        return PatchCore(settled.config).learn(settled.manifest)
    torch.manual_seed(config.training.seed)
    model, kept = PEERS[kind](settled.config), path / PEER
    told = _taught_as(settled.config.model_dump(mode="json"))
    state = load_state(kept) if kept.is_file() else {"config": {}}
    if _taught_as(state["config"]) == told:
        model.load_state_dict(state["weights"])
        model.to(device_at_hand())
    else:
        model, _ = train(model, settled.config, _without_validation(settled.manifest))
        path.mkdir(parents=True, exist_ok=True)
        save_state({"config": told, "weights": dict(model.state_dict())}, kept)
    return PeerBackend(model, settled.config.data.input_size, next(iter(model.scores)))


def _taught_as(config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration a training depends on: in how many positions it is judged is another matter."""
    model = {name: value for name, value in config.get("model", {}).items() if name != "tta"}
    return config | {"model": model}


def _without_validation(manifest: Manifest) -> Manifest:
    return replace(manifest, parts=manifest.split("train").parts)


def is_judged(path: Path, *, checks: bool = False) -> bool:
    """Whether what a network says is kept there, and if asked, what it says of its reasons."""
    return (path / METRICS).is_file() and (not checks or (path / RELIANCE).is_file())


def judge(
    backend: Backend,
    parts: Manifest,
    config: RunConfig,
    path: Path,
    taught: Manifest,
    *,
    checks: bool = False,
) -> None:
    """Keep there what a network says of parts, as they are and repaired; verdicts are at threshold 0.5.

    Args:
        backend: runs the network.
        parts: what it judges.
        config: that of its training.
        path: the folder.
        taught: what it was trained on; repairs come from its good parts too.
        checks: whether reasons are checked, and what verdicts rely on is kept too. Of the marked defects it
            was trained on it is learned from which value on the evidence outlines them best, which is
            repaired.
    """
    good = good_parts_for(config, taught)
    inspector = Inspector(backend, threshold=0.5, tiling=config.data.tiling, good=good)
    if checks:
        marked = replace(taught, parts=tuple(part for part in taught.parts if part.label is Label.NG))
        outlining = map_thresholds(assess(inspector, marked, scope=THRESHOLDS)).get("evidence")
        inspector = Inspector(
            backend,
            threshold=0.5,
            tiling=config.data.tiling,
            region_threshold=outlining,
            reason=None if outlining is None else ReasonPolicy(fill="matched", good_parts=True),
            good=good,
        )
    examined = [seen.examined for seen in examine(inspector, parts)]
    repaired = [
        [e.assessed.label.value, e.assessed.score, e.mask_repaired, e.random_repaired] for e in examined
    ]
    write_json(path / REPAIRED, repaired)
    if checks:
        keep_reliance(examined, path)
    save_verdicts(assessment_of(inspector, examined), path)  # its presence shows that all is there


def under_repair(folders: Sequence[Path]) -> dict[str, str]:
    """Columns of a table: what repairs change in the scores of the images that several networks judged.

    Of NG images that are caught their marked defect is repaired, of OK images any place.
    """
    kept = [folder / REPAIRED for folder in folders]
    rows = [row for file in kept if file.is_file() for row in json.loads(file.read_text())]
    caught = [mask for label, score, mask, _ in rows if label == "ng" and score >= 0.5 and mask is not None]
    good = [(score, moved) for label, score, _, moved in rows if label == "ok" and moved is not None]
    return {
        "defect repaired: OK": _share(mask < 0.5 for mask in caught),
        "OK repaired: P(NG) rises": _share(moved - score for score, moved in good),
        "OK repaired: verdicts change": _share((moved >= 0.5) != (score >= 0.5) for score, moved in good),
    }


def _share(values: Iterable[float]) -> str:
    found = list(values)
    return f"{sum(found) / len(found):.3f}" if found else "–"
