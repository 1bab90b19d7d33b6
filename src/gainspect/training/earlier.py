"""The network that a training begins with: an earlier run, or a bundle. No torch."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest, Part, Split
from gainspect.data.seen import SeenImages
from gainspect.data.tables import read_rows
from gainspect.errors import GainspectError, first_fault
from gainspect.inspection.bundle import Bundle, is_bundle, read_bundle, seen_of
from gainspect.names import escaped
from gainspect.training.run_folder import RunFolder
from gainspect.wording import plural

_SHOWN = 5
"""Names in a message."""
_FIRST: tuple[Split, ...] = ("train", "val", "test")
"""Of a group with images in several, the first counts."""


@dataclass(frozen=True)
class Earlier:
    """An earlier network."""

    path: Path
    source: RunFolder | Bundle
    config: RunConfig
    seen: SeenImages
    tested: frozenset[str] = frozenset()
    """SHA-256 of the files of its test part, which it has not seen; empty: they are not known."""

    def __str__(self) -> str:
        kind = "run" if isinstance(self.source, RunFolder) else "bundle"
        return f"the {kind} {self.path.name} ({self.config.strategy})"

    def require_backbone(self, config: RunConfig) -> None:
        """Refuse a training of another backbone: there would be nothing to take over.

        Raises:
            GainspectError: it is another one.
        """
        own, asked = self.config.model.backbone, config.model.backbone
        if own != asked:
            raise GainspectError(
                f"its backbone is {own}, and this training is of {asked}",
                where=self.path,
                hint=f"Add `--backbone {own}`.",
            )


def earlier_of(path: Path) -> Earlier:
    """Read what is known of an earlier network.

    Args:
        path: the folder of a run that has ended, or a bundle.

    Raises:
        GainspectError: it is neither, or it does not say on which images it was trained.
    """
    if is_bundle(path):
        bundle = read_bundle(path)
        seen = seen_of(bundle)
        if seen is None:
            raise GainspectError(
                "it does not say which images it was trained on",
                where=path,
                hint="Give its run folder, or export the bundle from it again.",
            )
        try:
            config = RunConfig.model_validate(bundle.description.training.get("config")).with_older_defaults()
        except ValidationError as error:
            raise GainspectError(
                f"its configuration cannot be read ({first_fault(error)})", where=path
            ) from error
        return Earlier(path, bundle, config, seen)
    run = RunFolder(path)
    run.result()  # raises unless it has ended
    seen = run.seen() or SeenImages.of(run.manifest())
    return Earlier(path, run, run.config(), seen, _tested(run))


def _tested(run: RunFolder) -> frozenset[str]:
    """The files of a run's test part, which need not be there any more."""
    files = run.data_record().files
    rows = read_rows(run.split_file, known=("image", "split"), required=["image", "split"])
    names = (row.values["image"] for row in rows if row.text("split") == "test")
    return frozenset(files[name] for name in names if name in files)


def seen_in(manifest: Manifest, config: RunConfig) -> SeenImages:
    """The images that a run's network has seen, those of the network that it began with among them.

    Raises:
        GainspectError: an image cannot be read, or the earlier network is no longer there.
    """
    seen = SeenImages.of(manifest)
    return seen if config.model.init is None else seen | earlier_of(Path(config.model.init)).seen


def divided_with(
    manifest: Manifest, earlier: Earlier, divide: Callable[[Manifest], Manifest], *, folds: bool
) -> Manifest:
    """Divide parts so that what the earlier network has seen stays where it was.

    Otherwise this training would be validated and tested on images that its first weights were learned from.
    A group goes where its images were; of one that was in several parts, the training counts. All further
    groups are divided by themselves, if that can be done, so that they are validated and tested on as well.

    Args:
        manifest: the parts; a split that the data name stays.
        earlier: the earlier network.
        divide: completes the split of a manifest (`data.splits.assign_splits`).
        folds: whether the parts are then divided into folds.

    Raises:
        GainspectError: images that were trained on would be for validation, or be judged out of fold, or seen
            ones would be for the test; an image cannot be read; or see `divide`.
    """
    seen = earlier.seen.among(manifest)
    groups = _splits_of_groups(manifest, seen, earlier.tested)
    named = {part.split for part in manifest.parts}
    # Out of the training part `divide` would draw them, and so it takes those that were drawn before.
    drawn = ({"val"} if None in named else {"val", "test"}) - named

    def known(part: Part) -> Part:
        split = groups.get(part.group)
        return replace(part, split=split) if part.split is None or split in drawn else part

    before = tuple(known(part) for part in manifest.parts if part.group in groups)
    further = replace(manifest, parts=tuple(part for part in manifest.parts if part.group not in groups))
    try:
        parts = (*before, *(divide(further).parts if further.parts else ()))
        divided = divide(replace(manifest, parts=parts))
    except GainspectError:
        divided = divide(replace(manifest, parts=(*before, *further.parts)))
    place = {part.image: index for index, part in enumerate(manifest.parts)}
    divided = replace(divided, parts=tuple(sorted(divided.parts, key=lambda part: place[part.image])))
    _refuse_known(divided, seen, earlier.path)
    if folds:
        _refuse_folds(divided, seen, earlier.path)
    return divided


def _splits_of_groups(
    manifest: Manifest, seen: Mapping[str, Split], tested: Collection[str]
) -> dict[str, Split]:
    """The split that each group had which the earlier network knows."""
    groups: dict[str, Split] = {}
    for part in manifest.parts:
        split = seen.get(manifest.key(part))
        if split is None and tested and hashlib.sha256(part.image.read_bytes()).hexdigest() in tested:
            split = "test"
        if split is not None:
            groups[part.group] = min(split, groups.get(part.group, split), key=_FIRST.index)
    return groups


def _refuse_folds(manifest: Manifest, seen: Mapping[str, Split], where: Path) -> None:
    known = sum(part.split != "test" for part in manifest.parts)
    trained_on = sum(split == "train" for split in seen.values())
    if trained_on:
        raise GainspectError(
            f"the network to begin with was trained on {trained_on} of {plural(known, 'image')}, so no fold "
            "could judge them as new",
            where=where,
            hint="Leave out --folds: a validation part is then taken from the images that it has not seen.",
        )


def _refuse_known(manifest: Manifest, seen: Mapping[str, Split], where: Path) -> None:
    wrong = [
        (manifest.key(part), part.split)
        for part in manifest.parts
        if (split := seen.get(manifest.key(part))) is not None
        and (part.split == "test" or (part.split == "val" and split == "train"))
    ]
    if wrong:
        shown = ", ".join(f"{escaped(name)} ({split})" for name, split in wrong[:_SHOWN])
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise GainspectError(
            f"the network to begin with has seen {plural(len(wrong), 'image')} that the data keep for "
            f"validation or test: {shown}{more}",
            where=where,
            hint="Name them train (what it trained on), or leave their split empty: they then go where they "
            "were.",
        )
