"""Settles what a configuration leaves open until the data are known: split and image size. No torch."""

from collections.abc import Iterable
from typing import NamedTuple

from gainspect.config import RunConfig
from gainspect.data.defect_size import SizeChoice, choose_size
from gainspect.data.manifest import Manifest
from gainspect.data.marked import Marking, marking_of
from gainspect.data.masks import require_one_meaning
from gainspect.data.splits import assign_splits
from gainspect.training.untaught import untaught


class Settled(NamedTuple):
    """A configuration and its data, ready to be trained on."""

    config: RunConfig
    """The configuration, with an image size."""
    manifest: Manifest
    """The parts, each with a split."""
    choice: SizeChoice | None
    """How the image size was chosen; None: the configuration sets it."""
    train: Marking
    validation: Marking
    """How many images of these parts have a marked defect."""

    def sentences(self, strategies: Iterable[str]) -> list[str]:
        """What a user should know before these strategies are trained on the data."""
        chosen = [] if self.choice is None else [str(self.choice)]
        tiles = self.config.data.tiling is not None
        return chosen + untaught(self.train, self.validation, strategies, tiles=tiles)


def settle(config: RunConfig, manifest: Manifest) -> Settled:
    """Complete the split, then choose the image size if it is "auto". Values that are already set stay.

    This is the only place that does so, for `gainspect train`, `compare`, the Python API and the benchmarks.

    Raises:
        GainspectError: train, val or test would lack OK or NG images, an image or mask cannot be read, or the
            masks mark defects with different values.
    """
    manifest = complete_split(config, manifest)
    known = [part for part in manifest.parts if part.split != "test"]
    marked = require_one_meaning(part.mask for part in known if part.mask is not None)
    marking = [marking_of(manifest.split(split), marked) for split in ("train", "val")]
    if config.data.size != "auto":
        return Settled(config, manifest, None, *marking)
    choice = choose_size(manifest, tiling=config.data.tiling)
    return Settled(config.at_size(choice.size, choice.tile), manifest, choice, *marking)


def complete_split(config: RunConfig, manifest: Manifest) -> Manifest:
    """Assign a split to the parts that have none: by group, stratified, determined by the seed.

    Raises:
        GainspectError: train, val or test would lack OK or NG images.
    """
    return assign_splits(
        manifest,
        val_fraction=config.data.val_fraction,
        test_fraction=config.data.test_fraction,
        seed=config.training.seed,
    )
