"""Judge old and new parts by a network and by the one that it began with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest, Split
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import SELECTION, assess
from gainspect.evaluation.old_and_new import Network, OldAndNew, OnParts, Parts
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.files import write_text
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.report.terminal.image_bar import image_bar
from gainspect.training.device import device_at_hand
from gainspect.training.earlier import Earlier, earlier_of
from gainspect.training.initial import backend_of
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import seen_by, trained_backend


def old_and_new_parts(run: RunFolder, data: Path | None, console: Console | None = None) -> OldAndNew:
    """Figures of both networks on the validation parts of both; stored, and read again where they are known.

    Old parts are the validation part of the earlier network, new ones that of this. Left out of each are
    images that the other network was trained on, and of the new ones those that are old.

    Args:
        run: a finished run that began with an earlier network.
        data: its data folder, if it has moved.
        console: where progress is shown.

    Raises:
        GainspectError: an image cannot be read, or the earlier network is no longer there.
    """
    if run.earlier_file.is_file():
        try:
            return OldAndNew.model_validate_json(run.earlier_file.read_bytes())
        except ValidationError:  # of another version
            pass
    config = run.config()
    assert config.model.init is not None
    earlier = earlier_of(Path(config.model.init))
    old, why = _old_parts(earlier)
    new = run.manifest(data).split("val")
    if old is not None:
        old = _without(old, seen_by(run, data).among(old), "train")
    new = _without(new, earlier.seen.among(new), "train", "val")
    networks: dict[Network, Inspector] = {
        "earlier": _inspector(backend_of(earlier, device_at_hand()), earlier.config),
        "this": _inspector(trained_backend(run, device_at_hand()), config),
    }
    asked: dict[Parts, Manifest] = {"new": new} if old is None else {"old": old, "new": new}
    total = len(networks) * sum(len(parts.parts) for parts in asked.values())
    with image_bar("old and new parts", total, console) as advance:
        rows = tuple(
            _judged(name, parts, network, inspector, config.training.monitor_recall, advance)
            for name, parts in asked.items()
            if parts.parts
            for network, inspector in networks.items()
        )
    found = OldAndNew(earlier=str(earlier), rows=rows, sentences=tuple(_said(asked, why)))
    write_text(run.earlier_file, found.model_dump_json(indent=1) + "\n")
    return found


def _inspector(backend: TorchBackend, config: RunConfig) -> Inspector:
    return Inspector(backend, threshold=0.5, tiling=config.data.tiling)


def _judged(
    name: Parts,
    parts: Manifest,
    network: Network,
    inspector: Inspector,
    recall: float,
    advance: Callable[[], None],
) -> OnParts:
    figures = validation_figures(assess(inspector, parts, on_image=advance, scope=SELECTION), recall)
    ng = int(parts.labels.sum())
    return OnParts(parts=name, network=network, ng=ng, ok=len(parts.parts) - ng, figures=figures)


def _old_parts(earlier: Earlier) -> tuple[Manifest | None, str | None]:
    """The validation part of the earlier network; None, and why it is not known."""
    if not isinstance(earlier.source, RunFolder):
        return None, "a bundle does not hold its parts: give the run folder for figures on old parts"
    try:
        return earlier.source.manifest().split("val"), None
    except GainspectError as error:
        return None, f"the parts of {earlier} cannot be read: {error.what}"


def _without(manifest: Manifest, seen: Mapping[str, Split], *splits: Split) -> Manifest:
    parts = (part for part in manifest.parts if seen.get(manifest.key(part)) not in splits)
    return replace(manifest, parts=tuple(parts))


def _said(asked: Mapping[Parts, Manifest], why: str | None) -> Iterator[str]:
    if why is not None:
        yield f"Old parts were not judged: {why}."
    for name, parts in asked.items():
        if not parts.parts:
            yield f"There are no {name} validation parts that neither network was trained on."
