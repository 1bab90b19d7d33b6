"""What a training leaves open until it has seen its data: the split. No torch."""

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.data.splits import assign_splits


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
