"""Settles what a configuration leaves open until the data are known: split, depth, size, epochs. No torch."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gainspect.config import RunConfig
from gainspect.data.defect_size import SizeChoice, choose_size
from gainspect.data.depth import DepthFinder
from gainspect.data.manifest import SPLITS, Manifest, Part
from gainspect.data.marked import Marking, marking_of
from gainspect.data.masks import require_one_meaning
from gainspect.data.reading import Reading, find_depth
from gainspect.data.splits import assign_splits
from gainspect.training.earlier import divided_with, earlier_of
from gainspect.training.untaught import inexact, untaught
from gainspect.types import Label


class Settled(NamedTuple):
    """A configuration and its data, ready to be trained on."""

    config: RunConfig
    """The configuration, with an image size, epochs, and the depth of 16-bit images."""
    manifest: Manifest
    """The parts, each with a split, and how their files are read."""
    choice: SizeChoice | None
    """How the image size was chosen; None: the configuration sets it."""
    split: str
    """A sentence: how the split came about."""
    depth: str | None
    """A sentence: how 16-bit images are read; None: there are none."""
    train: Marking
    validation: Marking
    """How many images of these parts have a marked defect."""

    def sentences(self, strategies: Iterable[str]) -> list[str]:
        """What a user should know before these strategies are trained on the data."""
        chosen = [str(found) for found in (self.depth, self.choice) if found is not None]
        tiles = self.config.data.tiling is not None
        names = tuple(strategies)
        lacking = untaught(self.train, self.validation, names, tiles=tiles)
        return [self.split, *chosen, *lacking, *inexact(self.manifest.split("train"), names)]


def settle(config: RunConfig, manifest: Manifest) -> Settled:
    """Complete the split, find the depth of 16-bit images, then choose epochs and image size that are "auto".

    Values that are already set stay. This is the only place that does so, for `gainspect train`, `compare`,
    the Python API and the benchmarks.

    Raises:
        GainspectError: train, val or test would lack OK or NG images, an image or mask cannot be read, 16-bit
            images are of more than one depth, the masks mark defects with different values, or the network to
            begin with has seen what it is to be judged by (`training.earlier`).
    """
    named, manifest = manifest, complete_split(config, manifest)
    split = split_sentence(config, named, manifest)
    known = [part for part in manifest.parts if part.split != "test"]
    bits = config.data.bits
    found = find_depth((part.image for part in known), DepthFinder(bits if isinstance(bits, int) else None))
    found.require_one_depth()
    depth = found.depth
    manifest = replace(manifest, reading=Reading(depth, config.data.meanings))
    config = config.with_data(bits=None if depth is None else depth.bits)
    config = config.with_epochs(len(manifest.split("train").parts))
    if config.model.init is not None and config.model.finest_stride is None:
        # Of another stride its decoder and localization could not be taken over.
        config = config.with_finest_stride(earlier_of(Path(config.model.init)).config.model.finest_stride)
    if config.data.meanings is None:
        shares = require_one_meaning(part.mask for part in manifest.parts if part.mask is not None)
    else:
        manifest = with_named_types(manifest)
        masks = ((part.mask, manifest.mask(part)) for part in known)
        shares = {file: float(mask.mean()) for file, mask in masks if file is not None and mask is not None}
    marking = [marking_of(manifest.split(name), shares) for name in ("train", "val")]
    told = None if depth is None else str(found)
    if config.data.size != "auto":
        return Settled(config, manifest, None, split, told, *marking)
    choice = choose_size(manifest, tiling=config.data.tiling)
    config = config.with_data(size=choice.size, tile=choice.tile)
    return Settled(config, manifest, choice, split, told, *marking)


def with_named_types(manifest: Manifest) -> Manifest:
    """The parts with the type of defect that most of their marked pixels name, where they have none.

    Raises:
        GainspectError: a mask cannot be read.
    """

    def typed(part: Part) -> Part:
        if part.label is not Label.NG or part.defect_type is not None:
            return part
        marks = manifest.marks(part)
        named = Counter(marks.types if marks is not None else {}).most_common(1)
        return replace(part, defect_type=named[0][0]) if named else part

    return replace(manifest, parts=tuple(map(typed, manifest.parts)))


def complete_split(config: RunConfig, manifest: Manifest) -> Manifest:
    """Assign a split to the parts that have none: by group, stratified, determined by the seed.

    If the training begins with an earlier network, what that has seen stays where it was.

    Raises:
        GainspectError: train, val or test would lack OK or NG images, or the network to begin with has seen
            what it is to be judged by.
    """

    def divide(parts: Manifest) -> Manifest:
        return assign_splits(
            parts,
            val_fraction=config.data.val_fraction,
            test_fraction=config.data.test_fraction,
            seed=config.training.seed,
        )

    if config.model.init is None:
        return divide(manifest)
    earlier = earlier_of(Path(config.model.init))
    earlier.require_backbone(config)
    return divided_with(manifest, earlier, divide, folds=config.training.folds is not None)


def split_sentence(config: RunConfig, named: Manifest, settled: Manifest) -> str:
    """How a split came about, with the number of images in each of its parts.

    Args:
        config: the configuration of the training.
        named: the data as they are, with splits or without.
        settled: the same with a split for every image (`complete_split`).
    """
    before = {part.split for part in named.parts}
    count = Counter(part.split for part in settled.parts)
    sizes = ", ".join(f"{count[split]} {split}" for split in SPLITS)
    drawn = [split for split in ("val", "test") if split not in before]
    folds = "" if config.training.folds is None else "; the folds divide train and val anew"
    if not drawn:
        return f"Split, as named: {sizes}{folds}."
    source = " from the images without a split" if None in before else " from the training part"
    told = "by part" + ("" if before == {None} else source) + f", with seed {config.training.seed}"
    if config.model.init is not None:
        told += "; images that the earlier network knows stay where they were"
    verb = "is" if len(drawn) == 1 else "are"
    return f"Split: {sizes}; {' and '.join(drawn)} {verb} drawn {told}{folds}."
