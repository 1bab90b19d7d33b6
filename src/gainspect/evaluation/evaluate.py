"""Judge every part of a manifest through the Inspector, and save what was found."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from gainspect.data.manifest import SPLITS, Manifest, Part
from gainspect.data.preprocess import read_mask
from gainspect.errors import GainspectError
from gainspect.evaluation.judgement import Judgement, judged
from gainspect.evaluation.progress import progress_bar
from gainspect.evaluation.summary import summarize
from gainspect.files import atomic_path, write_json, write_text
from gainspect.runtime.inspector import Inspector
from gainspect.types import Evidence, Label, MapName

__all__ = ["evaluate", "judge", "read_doubtful", "save", "summarize"]

PREDICTIONS = "predictions.csv"
METRICS = "metrics.json"
ALL_LABELS = "all labels"
WITHOUT_DOUBTFUL = "without doubtful labels"


def evaluate(
    inspector: Inspector,
    manifest: Manifest,
    split: str,
    *,
    out: Path,
    map_thresholds: Mapping[MapName, float],
    maps: Path | None = None,
    doubtful: frozenset[str] | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Judge one part of a data set and save predictions.csv and metrics.json.

    Args:
        inspector: of a run or a bundle, at its own threshold.
        manifest: with a split.
        split: the part to judge.
        out: folder for the two files.
        map_thresholds: for each map the fixed threshold that was chosen on validation.
        maps: where to write the float maps, as `judge` does.
        doubtful: images to leave out in a second summary.
        console: where progress is shown; none: silent.

    Returns:
        Summaries by title: all labels, and without the doubtful ones if any are named.

    Raises:
        GainspectError: the part is empty, or an image or mask cannot be read.
    """
    chosen = manifest.split(split)
    if not chosen.parts:
        there = [name for name in SPLITS if manifest.split(name).parts]
        raise GainspectError(
            f"the data has no {split} part (it has {', '.join(there)})"
            if there
            else "the data has no train, val or test part: its manifest names no split",
            where=manifest.root,
            mend=f"Choose --split {' or '.join(there)}." if there else "Fill in its column `split`.",
        )
    with progress_bar(f"judge {split}", len(chosen.parts), console) as advance:
        judgement = judge(inspector, chosen, progress=advance, maps_dir=maps)
    summaries = {ALL_LABELS: summarize(judgement, map_thresholds=map_thresholds)}
    if doubtful is not None:
        summaries[WITHOUT_DOUBTFUL] = summarize(judgement, exclude=doubtful, map_thresholds=map_thresholds)
    save(judgement, out, summaries)
    return summaries


def judge(
    inspector: Inspector,
    manifest: Manifest,
    *,
    progress: Callable[[], None] | None = None,
    maps_dir: Path | None = None,
) -> Judgement:
    """Judge all parts; images are streamed, one batch in memory.

    An OK part has no defect, so its mask counts as empty. An NG part without a mask, or with an empty one,
    counts for the classification only.

    Args:
        inspector: judges the images.
        manifest: what they are.
        progress: called after each image.
        maps_dir: where to write `<image stem>.npz` for each image: float32 maps (H, W) in the image's own
            geometry, under the keys cam, attention, localization and evidence as far as they exist.

    Raises:
        GainspectError: an image or mask cannot be read, or two images would write the same maps file.
    """
    if maps_dir is not None:
        _require_different_stems(manifest)
    images = []
    verdicts = inspector.inspect_many(part.image for part in manifest.parts)
    for part, verdict in zip(manifest.parts, verdicts, strict=True):
        images.append(
            judged(
                verdict,
                image=manifest.key(part),
                label=part.label,
                group=part.group,
                defect_type=part.defect_type,
                mask=_mask(part, verdict.evidence.evidence.shape),
            )
        )
        if maps_dir is not None:
            _save_maps(verdict.evidence, maps_dir / f"{part.image.stem}.npz")
        if progress is not None:
            progress()
    return Judgement(inspector.threshold, tuple(images))


def save(judgement: Judgement, out: Path, summaries: dict[str, dict[str, Any]] | None = None) -> None:
    """Write predictions.csv (one row an image) and metrics.json (the summaries by title) into a folder."""
    figures = sorted({name for image in judgement.images for name in image.figures})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["image", "label", "score", "group", "defect_type", "verdict", "threshold", "right_reason", *figures]
    )
    for image in judgement.images:
        reason = "" if image.right_reason is None else int(image.right_reason)
        known = [image.image, image.label, image.score, image.group, image.defect_type or "", image.verdict]
        values = [image.figures.get(name, "") for name in figures]
        writer.writerow([*known, judgement.threshold, reason, *values])
    write_text(out / PREDICTIONS, text.getvalue())
    write_json(out / METRICS, {"all": summarize(judgement)} if summaries is None else summaries)


def read_doubtful(path: Path) -> frozenset[str]:
    """Read the names of images with doubtful labels: the column `file` (or `image`) of a CSV.

    Raises:
        GainspectError: not readable, or without such a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            column = next((name for name in ("file", "image") if name in columns), None)
            names = frozenset(row[column] for row in reader if row[column]) if column else frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise GainspectError(f"cannot read the list of doubtful images ({error})", where=path) from error
    if column is None:
        raise GainspectError(
            "column 'file' is missing", where=path, mend="Name one image a row in a column `file`."
        )
    return names


def _mask(part: Part, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if part.label is Label.OK:
        return np.zeros(shape, np.bool_)
    mask = None if part.mask is None else read_mask(part.mask, shape).astype(np.bool_)
    return mask if mask is not None and mask.any() else None


def _save_maps(evidence: Evidence, path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **evidence.maps())


def _require_different_stems(manifest: Manifest) -> None:
    stem, times = Counter(part.image.stem for part in manifest.parts).most_common(1)[0]
    if times > 1:
        raise GainspectError(
            f"{times} images are called {stem!r}: their maps would overwrite each other",
            where=manifest.root,
            mend="Rename them, or judge without writing maps.",
        )
