"""Compare a bundle with the one that is to follow it, on old test parts and on new reviewed parts."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from gainspect import __version__
from gainspect.data.manifest import Manifest, Split
from gainspect.data.reading import Reading
from gainspect.data.seen import SeenImages
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import SELECTION, assess
from gainspect.evaluation.bundle_comparison import (
    BundleComparison,
    Change,
    ComparedBundle,
    ComparedParts,
    MadeDecisions,
    changes_between,
    write_comparison_file,
)
from gainspect.evaluation.old_and_new import Parts
from gainspect.evaluation.summary import part_decisions
from gainspect.evaluation.truth import truth_of
from gainspect.files import new_folder, require_new
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.bundle import Bundle, read_bundle, seen_of
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.judged_data import data_for
from gainspect.jobs.known_parts import tested_parts
from gainspect.jobs.loop_files import CHOSEN_AS
from gainspect.report.html.comparison_report import write_bundle_comparison
from gainspect.report.html.pictures import Picture, pictures_before_and_after
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.texts import Wording
from gainspect.training.run_folder import run_at

PAGE = "comparison.html"
_MOST_SHOWN = 100
"""Of each set, the page shows at most so many changed parts: the worst ones."""
_VIEWS_SHOWN = 3
"""Of a changed part, at most so many images are shown."""


@dataclass(frozen=True)
class _Side:
    """One of the two bundles, ready to judge."""

    bundle: Bundle
    inspector: Inspector
    seen: SeenImages

    def told(self) -> ComparedBundle:
        backend = self.inspector.backend
        description = self.bundle.description
        return ComparedBundle(
            name=description.name,
            sha256=self.bundle.sha256,
            policy_id=description.policy.policy_id,
            runtime=backend.runtime,
            precision=backend.precision,
        )


@dataclass(frozen=True)
class _Shared:
    """Parts that neither of the two was trained on, as each of them reads them."""

    of_old: Manifest
    of_new: Manifest
    trained_on: int
    validated_on: int


def compare_bundles(
    old: Path,
    new: Path,
    old_parts: Path,
    new_parts: Path,
    out: Path,
    *,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    batch_size: int = USUAL_BATCH,
    threads: int | None = None,
    language: str = "en",
    console: Console | None = None,
) -> BundleComparison:
    """Judge both sets with both bundles, each by its whole policy, and write what changes.

    Groups of which one of the two has trained on an image are left out.

    Args:
        old: the bundle that is followed.
        new: the bundle that follows.
        old_parts: a run, whose test part counts; or a data folder or manifest: its test part or, where it
            names no split, all of it.
        new_parts: a data folder or manifest, of `gainspect data from-ledger`: the reviewed parts in it; all
            of other data.
        out: folder to make: comparison.html with pictures, and comparison.json.
        runtime: see `Inspector.load`.
        precision: see `Inspector.load`.
        batch_size: see `Inspector.load`.
        threads: see `Inspector.load`.
        language: of the page, "en" or "ko".
        console: where progress is shown; None: nowhere.

    Raises:
        GainspectError: a bundle is refused, or does not say what it was trained on; both are one; data cannot
            be read, or nothing is left of them; there is something at `out`, or it cannot be written.
    """
    wording = Wording(language)
    require_new(out)
    sides = [_opened(path, runtime, precision, batch_size, threads) for path in (old, new)]
    before, after = sides
    if before.bundle.sha256 == after.bundle.sha256:
        raise GainspectError("both are the same bundle", where=new)
    places: Mapping[Parts, Path] = {"old": old_parts, "new": new_parts}
    shared = {name: _shared(before, after, name, place) for name, place in places.items()}
    sets, pictures = list[ComparedParts](), dict[tuple[str, str], list[list[Picture]]]()
    for name, parts in shared.items():
        with image_bar(f"judge {name} parts", 2 * len(parts.of_old.parts), console) as advance:
            made = [
                _made(side.inspector, manifest, advance)
                for side, manifest in ((before, parts.of_old), (after, parts.of_new))
            ]
        compared = _compared(name, parts, *made)
        sets.append(compared)
        shown = compared.changes[:_MOST_SHOWN]
        with image_bar(f"draw {name} parts", len(shown), console) as advance:
            for change in shown:
                pictures[name, change.part] = [*_pictures(change, parts, before, after)]
                advance()
    with new_folder(out) as folder:
        write_bundle_comparison(folder / PAGE, before.told(), after.told(), sets, pictures, wording)
        comparison = BundleComparison(
            gainspect=__version__,
            old=before.told(),
            new=after.told(),
            sets=(sets[0], sets[1]),
            page_sha256=hashlib.sha256((folder / PAGE).read_bytes()).hexdigest(),
        )
        write_comparison_file(comparison, folder)
    return comparison


def _opened(
    path: Path, runtime: RuntimeName, precision: Precision, batch_size: int, threads: int | None
) -> _Side:
    bundle = read_bundle(path)
    seen = seen_of(bundle)
    if seen is None:
        raise GainspectError(
            "it does not say which images it was trained on",
            where=path,
            hint="Export the bundle from its run again.",
        )
    inspector = Inspector.load(bundle, runtime, precision, batch_size=batch_size, threads=threads)
    return _Side(bundle, inspector, seen)


def _shared(before: _Side, after: _Side, name: Parts, place: Path) -> _Shared:
    """The parts at a place that neither of the two was trained on.

    Raises:
        GainspectError: there is none.
    """
    of_old, of_new = (_read_by(side.bundle, place) for side in (before, after))
    asked = tested_parts(of_old) if name == "old" else _reviewed_parts(of_old)
    seen = [side.seen.among(asked) for side in (before, after)]
    groups = {part.group for part in asked.parts if "train" in _splits(seen, asked.key(part))}
    kept = {asked.key(part) for part in asked.parts if part.group not in groups}
    if not kept:
        raise GainspectError(
            f"of the {name} parts nothing is left: one of the two bundles was trained on every group"
            if asked.parts
            else f"there are no {name} parts: the data have no test part",
            where=place,
            hint="Give parts that neither was trained on, such as the validation part that "
            "`gainspect data from-ledger` makes.",
        )

    def left(manifest: Manifest) -> Manifest:
        return replace(manifest, parts=tuple(part for part in manifest.parts if manifest.key(part) in kept))

    validated_on = sum("val" in _splits(seen, key) for key in kept)
    return _Shared(left(of_old), left(of_new), len(asked.parts) - len(kept), validated_on)


def _reviewed_parts(manifest: Manifest) -> Manifest:
    """Those that people reviewed, where the data have others beside them; or else all."""
    reviewed = tuple(part for part in manifest.parts if part.extra.get(CHOSEN_AS))
    return replace(manifest, parts=reviewed) if reviewed else manifest


def _splits(seen: list[dict[str, Split]], key: str) -> set[Split]:
    return {found[key] for found in seen if key in found}


def _read_by(bundle: Bundle, place: Path) -> Manifest:
    """All parts at a place, read as a bundle was trained."""
    run = run_at(place)
    if run is None:
        return data_for(bundle, place)
    reading = Reading(bundle.description.preprocessing.depth, run.reading().mask_values)
    return replace(run.manifest(), reading=reading)


def _made(inspector: Inspector, manifest: Manifest, advance: Callable[[], None]) -> MadeDecisions:
    assessment = assess(inspector, manifest, on_image=advance, scope=SELECTION)
    return MadeDecisions(part_decisions(assessment, inspector.rules), inspector.rules)


def _compared(name: Parts, parts: _Shared, before: MadeDecisions, after: MadeDecisions) -> ComparedParts:
    return ComparedParts(
        parts=name,
        fingerprint=parts.of_old.fingerprint(),
        count=len(before.parts),
        images=len(parts.of_old.parts),
        trained_on=parts.trained_on,
        validated_on=parts.validated_on,
        before=before.outcome,
        after=after.outcome,
        changes=changes_between(before, after),
    )


def _pictures(change: Change, shared: _Shared, before: _Side, after: _Side) -> Iterator[list[Picture]]:
    """The images of a changed part, judged once more for their evidence."""
    manifests = shared.of_old, shared.of_new
    parts = [
        [part for part in manifest.parts if manifest.key(part) in change.images] for manifest in manifests
    ]
    scales = before.bundle.description.policy.heat_scale(), after.bundle.description.policy.heat_scale()
    for old, new in list(zip(*parts, strict=True))[:_VIEWS_SHOWN]:
        image = shared.of_new.image(new)
        (was,) = before.inspector.judge([shared.of_old.image(old)])
        (now,) = after.inspector.judge([image])
        truth = truth_of(shared.of_new, new, image.shape)
        yield pictures_before_and_after(image, None if truth is None else truth.marked, (was, now), scales)
