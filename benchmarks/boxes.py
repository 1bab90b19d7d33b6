r"""Is a box better trained as a box, and a stroke as a stroke, than as the outline of the defect?

    python benchmarks/boxes.py --work WORK
    python benchmarks/boxes.py --work WORK --seeds 1 --name strokes \
        --variants "strokes as outlines" "strokes as strokes" outlines

S9 is trained on synthetic parts whose defects are marked exactly, by boxes, or by strokes, once with what the
masks show told (`mask_kind`) and once not, so that they are taken for outlines. All are judged by the exact
outlines of the test parts, which are drawn anew for each seed. A run that is finished is taken as it is.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console

from gainspect.config import RunConfig, load_config
from gainspect.data.importers import load_manifest
from gainspect.data.loading.dataset import boxed
from gainspect.data.manifest import Manifest, Part
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.evaluation.assessment import THRESHOLDS, assess
from gainspect.evaluation.saved_verdicts import ALL_LABELS, METRICS, save_verdicts
from gainspect.evaluation.summary import summarize
from gainspect.evaluation.validation_verdicts import map_thresholds
from gainspect.jobs.run_comparison import train_or_resume
from gainspect.training.settle import complete_split
from gainspect.training.trained import trained_inspector
from gainspect.types import Label, Mask, MaskKind
from paired_table import against
from results_table import markdown, save

SIZE = 128
_BOXES, _STROKES = "boxes as outlines", "strokes as outlines"
_HALF_WIDTH = 0.3
"""Of a stroke, half its length, as a share of the defect's along its main axis."""


def stroke(mask: Mask) -> Mask:
    """(H, W) mask with a line, two pixels wide, along the main axis of each connected defect."""
    drawn = np.zeros_like(mask)
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    for defect in range(1, count):
        points = np.argwhere(labels == defect)[:, ::-1].astype(np.float64)
        middle = points[np.linalg.norm(points - points.mean(axis=0), axis=1).argmin()]
        _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
        along = _HALF_WIDTH * np.ptp(points @ axes[0]) * axes[0]
        ends = [tuple(int(value) for value in np.rint(middle + sign * along)) for sign in (-1, 1)]
        cv2.line(drawn, ends[0], ends[1], 1, 2)
        drawn[int(middle[1]), int(middle[0])] = 1
    return drawn & mask


VARIANTS: dict[str, tuple[Callable[[Mask], Mask] | None, MaskKind | None]] = {
    _BOXES: (boxed, None),
    "boxes as boxes": (boxed, "box"),
    _STROKES: (stroke, None),
    "strokes as strokes": (stroke, "scribble"),
    "outlines": (None, None),
}
"""How the masks of training and validation are drawn, and what is told of them."""
_DEFAULT = [name for name, (drawn, _) in VARIANTS.items() if drawn is not stroke]


def main() -> None:
    """Train, judge, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for parts and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=_DEFAULT)
    parser.add_argument("--name", default="boxes", help="of the file of results")
    options = parser.parse_args()
    judged: dict[str, list[Path]] = {name: [] for name in options.variants}
    for seed in options.seeds:
        parts = _parts(options.work / f"parts{seed}", seed)
        for name in options.variants:
            folder = options.work / f"{name.replace(' ', '_')}-{options.epochs}-seed{seed}"
            judged[name].append(_judged(_config(seed, options.epochs), parts, folder, *VARIANTS[name]))
    text = (
        f"Seeds {', '.join(map(str, options.seeds))}, {options.epochs} epochs at {SIZE} px, "
        f"{len(parts.split('train').parts)} parts for training, {len(parts.split('test').parts)} for the "
        f"test of each seed. Over all seeds:\n\n{_paired(judged)}\n"
        "Mean over seeds (least … largest). Fixed IoU: of the evidence, at the threshold that was chosen on "
        f"the validation part by its masks.\n\n{_by_seed(judged)}"
    )
    print(text)
    print("Saved:", save(options.name, "Boxes and strokes as what they are", text))


def _config(seed: int, epochs: int) -> RunConfig:
    return load_config(
        None,
        {
            "data.size": SIZE,
            "model.backbone": "tf_efficientnet_lite0",
            "training.epochs": epochs,
            "training.seed": seed,
            "training.workers": 0,
        },
    )


def _parts(folder: Path, seed: int) -> Manifest:
    spec = SyntheticSpec(seed=seed, size=SIZE, parts={"train": 120, "test": 100}, views=1)
    manifest = load_manifest(folder) if (folder / "split.csv").is_file() else generate(spec, folder)
    return complete_split(_config(seed, 1), manifest)


def _judged(
    config: RunConfig,
    parts: Manifest,
    folder: Path,
    drawn: Callable[[Mask], Mask] | None,
    kind: MaskKind | None,
) -> Path:
    """Train on masks that are drawn so, and judge by the outlines; the folder of what was found."""
    out = folder / "by_outlines"
    if not (out / METRICS).is_file():
        rows = (
            _marked(part, parts, folder.with_name(f"{folder.name}-masks"), drawn, kind)
            for part in parts.parts
        )
        run = train_or_resume(config, replace(parts, parts=tuple(rows)), folder, Console())
        inspector = trained_inspector(run)
        chosen = map_thresholds(assess(inspector, run.manifest().split("val"), scope=THRESHOLDS))
        found = assess(inspector, parts.split("test"))
        save_verdicts(found, out, {ALL_LABELS: summarize(found, map_thresholds=chosen)})
    return out


def _marked(
    part: Part, parts: Manifest, folder: Path, drawn: Callable[[Mask], Mask] | None, kind: MaskKind | None
) -> Part:
    """A part of training or validation with its mask drawn anew."""
    mask = parts.mask(part)
    if drawn is None or part.label is Label.OK or part.split == "test" or mask is None:
        return part
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / part.image.name
    cv2.imwrite(str(path), drawn(mask) * np.uint8(255))
    return replace(part, mask=path, mask_kind=kind)


def _paired(judged: dict[str, list[Path]]) -> str:
    """Boxes, and strokes, against those that are taken for outlines; outlines beside them."""
    tables = []
    for base in (_BOXES, _STROKES):
        if base in judged:
            drawn = (None, VARIANTS[base][0])
            alike = {name: found for name, found in judged.items() if VARIANTS[name][0] in drawn}
            tables.append(against(base, alike))
    return "\n".join(tables)


def _by_seed(judged: dict[str, list[Path]]) -> str:
    rows = []
    for name, folders in judged.items():
        found = [json.loads((folder / METRICS).read_text(encoding="utf-8"))[ALL_LABELS] for folder in folders]
        figures = {
            "PointGame": [one["maps"]["evidence"]["pointing_game"] for one in found],
            "Energy-Inside": [one["maps"]["evidence"]["energy_inside"] for one in found],
            "CAM-IoU": [one["maps"]["evidence"]["cam_iou"] for one in found],
            "fixed IoU": [one["maps"]["evidence"]["fixed_iou"] for one in found],
            "localization IoU": [one["localization"]["iou"] for one in found],
            "right reason": [one["right_reason_rate"] for one in found],
            "AUROC": [one["classification"]["ranking"]["auroc"] for one in found],
        }
        rows.append({"trained on": name} | {title: _spread(of) for title, of in figures.items()})
    return markdown(rows)


def _spread(figures: list[dict[str, Any]]) -> str:
    values = [figure["value"] for figure in figures]
    return f"{np.mean(values):.3f} ({min(values):.3f} … {max(values):.3f})"


if __name__ == "__main__":
    main()
