"""The data that a bundle is to judge."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.config import DataConfig
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.imported_folder import Imported
from gainspect.data.manifest import Manifest
from gainspect.data.mask_values import MaskValues
from gainspect.data.masks import require_one_meaning
from gainspect.data.reading import Reading
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle
from gainspect.jobs.labeled_data import prepared
from gainspect.ledger.loop_account import RECORD
from gainspect.training.settle import with_named_types


def prepared_for(
    bundle: Bundle,
    data: Path | None,
    choices: Choices | None,
    place: Path,
    mask_values: MaskValues | None = None,
    *,
    console: Console | None = None,
) -> Manifest:
    """What a command was given for a bundle to judge; labels of a tool are imported into `place`.

    Args:
        bundle: the bundle.
        data: folder or manifest; or the labels of a tool.
        choices: see `prepared`.
        place: see `prepared`.
        mask_values: see `data_for`.
        console: see `prepared`.

    Raises:
        GainspectError: no data are given; or see `prepared` and `data_for`.
    """
    if data is None:
        raise GainspectError(
            "a bundle does not know where its data are", where=bundle.path, hint="Add --data DIR."
        )
    return data_for(bundle, prepared(data, choices, place, console=console), mask_values)


def data_for(bundle: Bundle, data: Path, mask_values: MaskValues | None = None) -> Manifest:
    """All parts of a data set, read as the bundle was trained.

    Args:
        bundle: the bundle.
        data: folder or manifest.
        mask_values: what the values of the masks mean; None: what they meant in the training, unless
            `data from-ledger` or an import drew the masks, or it knows the set that they were published with.

    Raises:
        GainspectError: the data cannot be read, or their masks mark defects with different values.
    """
    description = bundle.description
    if mask_values is None and _own_masks(data):
        settings = description.training.get("config", {}).get("data", {})
        mask_values = DataConfig(mask_values=settings.get("mask_values")).meanings
    reading = Reading(description.preprocessing.depth, mask_values)
    manifest = replace(load_manifest(data), reading=reading)
    if mask_values is not None:
        return with_named_types(manifest)
    require_one_meaning(part.mask for part in manifest.parts if part.mask is not None)
    return manifest


def _own_masks(data: Path) -> bool:
    """Whether the masks have the values that their user gave them."""
    if ((data.parent if data.is_file() else data) / RECORD).is_file():
        return False  # drawn out of a ledger
    imported = Imported.of(data)
    return imported is None or imported.masks_as_found
