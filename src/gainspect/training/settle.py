"""What a configuration leaves open until it meets its data: the split, and the image size. No torch."""

from typing import NamedTuple

from gainspect.config import RunConfig
from gainspect.data.defect_size import SizeChoice, choose_size
from gainspect.data.manifest import Manifest
from gainspect.data.splits import assign_splits


class Settled(NamedTuple):
    """A configuration and its data, ready to be trained on."""

    config: RunConfig
    """With an image size."""
    manifest: Manifest
    """With a split."""
    choice: SizeChoice | None
    """How the image size was chosen; None = the configuration names it."""


def settle(config: RunConfig, manifest: Manifest) -> Settled:
    """Complete the split, then choose the image size if it is "auto". What is settled already stays.

    The one place that does so: for `gainspect train`, `compare`, the Python functions and the benchmarks.

    Raises:
        GainspectError: train, val or test would lack OK or NG images, or an image or mask cannot be read.
    """
    manifest = complete_split(config, manifest)
    if config.data.size != "auto":
        return Settled(config, manifest, None)
    choice = choose_size(manifest, tiling=config.data.tiling)
    return Settled(config.at_size(choice.size, choice.tile), manifest, choice)


def complete_split(config: RunConfig, manifest: Manifest) -> Manifest:
    """Give parts without a split one: by group, stratified, fixed by the seed.

    Raises:
        GainspectError: train, val or test would lack OK or NG images.
    """
    return assign_splits(
        manifest,
        val_fraction=config.data.val_fraction,
        test_fraction=config.data.test_fraction,
        seed=config.training.seed,
    )
