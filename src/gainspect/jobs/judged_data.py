"""The data that a bundle is to judge."""

from dataclasses import replace
from pathlib import Path

from gainspect.config import DataConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.mask_values import MaskValues
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
        GainspectError: no data are given, or they cannot be read.
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
    return manifest if mask_values is None else with_named_types(manifest)
