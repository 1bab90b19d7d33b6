"""Parts that are known already: trained on, kept for tests, or put in as a challenge."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gainspect.data.held_out import HeldOut, stem_of
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.seen import SeenImages, file_content, picture_sha256
from gainspect.data.taken import files_below
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import is_bundle, read_bundle, seen_of
from gainspect.jobs.labeled_data import briefly_prepared
from gainspect.training.run_folder import run_at
from gainspect.types import Label

_NONE = SeenImages({}, {})


@dataclass(frozen=True)
class KnownParts:
    """What new parts are held against."""

    tested: HeldOut = field(default_factory=HeldOut)
    """Kept for tests."""
    challenged: HeldOut = field(default_factory=HeldOut)
    seen: SeenImages = _NONE
    """Trained on, or validated on."""
    labels: dict[str, Label] = field(default_factory=dict)
    """What the data that are added to say of images, by the SHA-256 of their pixels."""
    groups: frozenset[str] = frozenset()
    """Groups of these data."""


def manifest_of(place: Path) -> Manifest:
    """All parts of a run, as it divided them, or of data.

    Args:
        place: a run folder; or a data folder or manifest.

    Raises:
        GainspectError: they cannot be read.
    """
    run = run_at(place)
    return load_manifest(place) if run is None else run.manifest()


def tested_parts(manifest: Manifest) -> Manifest:
    """Those kept for tests; all of them, where no split is named."""
    divided = any(part.split for part in manifest.parts)
    return manifest.split("test") if divided else manifest


def known_parts(not_in: Sequence[Path], challenges: Sequence[Path], base: Manifest | None) -> KnownParts:
    """What new parts are held against.

    Args:
        not_in: run folders, bundles, data folders, manifests, or labels of a tool. A bundle knows what it was
            trained on, and not its test part.
        challenges: folders or manifests of pictures that lines are challenged with; of a folder all pictures
            in it and below it.
        base: the data that new parts are added to, divided; None: none.

    Raises:
        GainspectError: one of them cannot be read, or says nothing.
    """
    known = KnownParts() if base is None else _of_base(base)
    for place in not_in:
        if is_bundle(place):
            known = replace(known, seen=known.seen | _seen_by_bundle(place))
            continue
        run = run_at(place)
        if run is not None:
            manifest = run.manifest()
            seen = run.seen() or SeenImages.of(manifest)
        else:
            with briefly_prepared(place, None) as folder:
                manifest = load_manifest(folder)
                seen = SeenImages.of(manifest)
        tested = HeldOut.of(tested_parts(manifest))
        known = replace(known, tested=known.tested | tested, seen=known.seen | seen)
    for place in challenges:
        known = replace(known, challenged=known.challenged | _challenge(place))
    return known


def _of_base(base: Manifest) -> KnownParts:
    labels = dict[str, Label]()
    for part in base.parts:
        labels[picture_sha256(file_content(part.image), part.image)] = part.label
    groups = frozenset(part.group for part in base.parts if part.split != "test")
    return KnownParts(HeldOut.of(base.split("test")), HeldOut(), SeenImages.of(base), labels, groups)


def _seen_by_bundle(path: Path) -> SeenImages:
    seen = seen_of(read_bundle(path))
    if seen is None:
        raise GainspectError(
            "it does not say which images it was trained on",
            where=path,
            hint="Give its run folder, or export the bundle from it again.",
        )
    return seen


def _challenge(place: Path) -> HeldOut:
    """The pictures of a challenge; each is a part by itself, unless a manifest says otherwise."""
    if not place.is_dir():
        return HeldOut.of(load_manifest(place))
    images = sorted(files_below(place).images)
    if not images:
        raise GainspectError("there are no pictures of a challenge", where=place)
    return HeldOut.of_files(images, {stem_of(image.name) for image in images})
