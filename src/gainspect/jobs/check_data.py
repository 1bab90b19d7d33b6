"""Check a data set as a training would meet it: with its split, and at its image size. No torch."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.checks import Report, check
from gainspect.data.depth import DepthFinder
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import Manifest
from gainspect.data.reading import Reading, find_depth
from gainspect.errors import GainspectError
from gainspect.jobs.labeled_data import briefly_prepared
from gainspect.report.terminal.image_bar import image_bar
from gainspect.training.settle import complete_split, split_sentence, with_named_types


def check_data(
    config: RunConfig, data: Path, *, console: Console | None = None, choices: Choices | None = None
) -> Report:
    """Check the data that a training with this configuration would use.

    Where the training would refuse to make a split, that is a finding; the data are then checked with the
    split that they name.

    Args:
        config: the configuration of the training; its split, size and tiles count.
        data: folder or manifest; or the labels of a tool, which are imported for the time of the check.
        console: where progress is shown; None: nowhere.
        choices: what the labels of a tool do not say; None: nothing.

    Raises:
        GainspectError: folder, manifest or labels cannot be read.
    """
    with briefly_prepared(data, choices, console=console) as folder:
        return _checked(config, folder, console)


def _checked(config: RunConfig, data: Path, console: Console | None) -> Report:
    named = load_manifest(data)
    refusal = None
    try:
        manifest = complete_split(config, named)
    except GainspectError as error:
        manifest, refusal = named, error
    found = depth_of(manifest, config.data.bits)
    try:
        found.require_one_depth()
    except GainspectError as error:
        refusal = refusal or error
    manifest = with_types(replace(manifest, reading=Reading(found.depth, config.data.meanings)))
    # Each image is read, and compared with others.
    with image_bar("Checking", 2 * len(manifest.parts), console) as on_step:
        report = check(
            manifest,
            size=config.data.size,
            tiling=config.data.tiling,
            refusal=refusal,
            on_step=on_step,
        )
    split = () if refusal is not None else (split_sentence(config, named, manifest),)
    depth = () if found.depth is None else (str(found),)
    return replace(report, settled=(*split, *depth, *report.settled))


def depth_of(manifest: Manifest, bits: int | str | None = None) -> DepthFinder:
    """The depth of 16-bit images outside the test part, of those that can be read.

    Args:
        manifest: the data set.
        bits: the bits that they use, if they were set.
    """
    finder = DepthFinder(bits if isinstance(bits, int) else None)
    for part in manifest.parts:
        if part.split != "test":
            with suppress(GainspectError):  # a finding, when it is read again
                find_depth([part.image], finder)
    return finder


def with_types(manifest: Manifest) -> Manifest:
    """With the types of defect that masks name, if all of them can be read."""
    if manifest.reading.mask_values is None:
        return manifest
    try:
        return with_named_types(manifest)
    except GainspectError:
        return manifest
