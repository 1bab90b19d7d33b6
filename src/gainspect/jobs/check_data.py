"""Check a data set as a training would meet it: with its split, and at its image size. No torch."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.checks import Report, check
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import SPLITS, Manifest, Part
from gainspect.errors import GainspectError
from gainspect.report.terminal.image_bar import image_bar
from gainspect.training.settle import complete_split


def check_data(config: RunConfig, data: Path, *, console: Console | None = None) -> Report:
    """Check the data that a training with this configuration would use.

    Where the training would refuse to make a split, that is a finding; the data are then checked with the
    split that they name.

    Args:
        config: the configuration of the training; its split, size and tiles count.
        data: folder or manifest.
        console: where progress is shown; None: nowhere.

    Raises:
        GainspectError: folder or manifest cannot be read.
    """
    named = load_manifest(data)
    refusal = None
    try:
        manifest = complete_split(config, named)
    except GainspectError as error:
        manifest, refusal = named, error
    # Each image is read, and compared with others.
    with image_bar("Checking", 2 * len(manifest.parts), console) as on_step:
        report = check(
            manifest,
            size=config.data.size,
            tiling=config.data.tiling,
            refusal=refusal,
            on_step=on_step,
        )
    if refusal is not None:
        return report
    split = split_sentence(named, manifest, config.training.seed)
    return replace(report, settled=(split, *report.settled))


def split_sentence(named: Manifest, settled: Manifest, seed: int) -> str:
    """How a split came about, with the number of images in each of its parts.

    Args:
        named: the data as they are, with splits or without.
        settled: the same with a split for every image.
        seed: what decided where it was drawn.
    """
    before = {part.split for part in named.parts}
    drawn = [split for split in ("val", "test") if split not in before]
    sizes = ", ".join(f"{_count(settled.parts, split)} {split}" for split in SPLITS)
    if not drawn:
        return f"Split, as named: {sizes}."
    source = "from the images without a split" if None in before else "from the training part"
    where = "by part" if before == {None} else f"by part {source}"
    return f"Split: {sizes}; `gainspect train` draws {' and '.join(drawn)} {where}, with seed {seed}."


def _count(parts: Sequence[Part], split: str) -> int:
    return sum(part.split == split for part in parts)
