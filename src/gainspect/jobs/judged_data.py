"""The data that a bundle is to judge."""

from dataclasses import replace
from pathlib import Path

from gainspect.config import DataConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.mask_values import MaskValues
from gainspect.data.masks import require_one_meaning
from gainspect.data.reading import Reading
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle
from gainspect.training.settle import with_named_types


def data_for(bundle: Bundle, data: Path | None, mask_values: MaskValues | None = None) -> Manifest:
    """All parts of a data set, read as the bundle was trained.

    Args:
        bundle: the bundle.
        data: folder or manifest.
        mask_values: what the values of the masks mean; None: what they meant in the training.

    Raises:
        GainspectError: no data are given, they cannot be read, or their masks mark defects with different
            values.
    """
    if data is None:
        raise GainspectError(
            "a bundle does not know where its data are", where=bundle.path, hint="Add --data DIR."
        )
    description = bundle.description
    if mask_values is None:
        settings = description.training.get("config", {}).get("data", {})
        mask_values = DataConfig(mask_values=settings.get("mask_values")).meanings
    reading = Reading(description.preprocessing.depth, mask_values)
    manifest = replace(load_manifest(data), reading=reading)
    if mask_values is not None:
        return with_named_types(manifest)
    require_one_meaning(part.mask for part in manifest.parts if part.mask is not None)
    return manifest
