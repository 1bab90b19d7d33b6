"""Evaluate a run or a bundle on one part of a data set, and save verdicts and figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from gainspect.data.importers.choices import Choices
from gainspect.data.importers.imported_folder import Imported
from gainspect.data.manifest import SPLITS, Manifest
from gainspect.data.mask_values import MaskValues
from gainspect.data.seen import SeenChoice, SeenImages, require_unseen
from gainspect.data.splits import divided_anew
from gainspect.data.taken import not_taken_sentence
from gainspect.errors import GainspectError
from gainspect.evaluation.accepted import accepted
from gainspect.evaluation.assessment import MAP_THRESHOLDS, Assessment, assess
from gainspect.evaluation.doubtful import require_known, resolve
from gainspect.evaluation.goals import LeastCost, OperatingPoint, point_of
from gainspect.evaluation.saved_verdicts import (
    ALL_LABELS,
    WITHOUT_DOUBTFUL,
    judged_by,
    save_decisions,
    save_verdicts,
)
from gainspect.evaluation.summary import decision_figures, part_decisions, summarize
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.bundle import Bundle, is_bundle, read_bundle, seen_of
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.judged_data import prepared_for
from gainspect.jobs.labeled_data import data_of_run
from gainspect.policy import Policy
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.training.run_folder import LABELS, RunFolder
from gainspect.types import Label

ALL = "all"
"""In place of a split: every part of the data."""


def run_evaluation(
    target: Path,
    *,
    out: Path,
    split: str = "test",
    data: Path | None = None,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    maps: Path | None = None,
    doubtful: frozenset[str] | None = None,
    seen: SeenChoice = "refuse",
    mask_values: MaskValues | None = None,
    choices: Choices | None = None,
    check: bool = False,
    batch_size: int = USUAL_BATCH,
    threads: int | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Evaluate on one part of the data with the policy's thresholds; write predictions.csv and metrics.json.

    The figures count verdicts by the score alone, except those of decisions.

    Args:
        target: a run folder (its bundle is evaluated, and created if there is none), or a bundle.
        out: folder for the files.
        split: the part of the data to evaluate on; "all": all of them, whatever the model has seen.
        data: folder, manifest, or the labels of a tool. A run needs it only if the data have moved. A bundle
            always needs it, and it must define the split, because a bundle does not contain one; labels are
            imported into labels/ in `out`, or again into a run that was trained on them.
        runtime: see `Inspector.load`; "torch" evaluates a run's own checkpoint and needs no bundle.
        precision: see `Inspector.load`.
        maps: folder to write the maps to as floats (see `assess`).
        doubtful: images to leave out in a second summary, by path or by a file name that only one has.
        seen: whether to judge a test part with images that the model has seen in training or validation. The
            others are judged in either case.
        mask_values: what the values of masks mean, of the data given with a bundle; None: as in its training.
        choices: what the labels of a tool do not say; None: nothing.
        check: whether to check reasons as the policy defines, to count decisions, and to write decisions.csv.
        batch_size: see `Inspector.load`.
        threads: see `Inspector.load`.
        console: where progress is shown; None: no progress is shown.

    Returns:
        Summaries by title: with all labels and, if doubtful images are given, without them. Under "seen" each
        names the images that the model has seen, by their part; null: the bundle does not say. Under
        "judged_by" each has the runtime, its precision, and the network: "bundle" or "checkpoint". Of data
        with another split than they came with, "divided_anew" is true. With `check`, "decisions" has
        `decision_figures`, at the costs that the policy was chosen for. With rules on regions, "accepted" has
        the counts of `evaluation.accepted`.

    Raises:
        GainspectError: the run has not ended, no data are given, they have no such part, the bundle is
            refused, the model has seen images of the test part, an image or mask cannot be read, a doubtful
            image is not in the data, or a doubtful file name fits several images.
    """
    manifest, opened = _parts_and_inspector(
        target, data, runtime, precision, threads, mask_values, choices, out / LABELS, console
    )
    chosen = part_of_data(manifest, split, data)
    require_known(doubtful or (), manifest)
    left_out = None if doubtful is None else resolve(doubtful, map(manifest.key, manifest.parts))
    say(console, not_taken_sentence(manifest.not_taken))
    inspector, policy, known, point = opened()
    inspector.batch_size = batch_size
    if check:
        inspector.reason = policy.reason
    found = None if known is None else known.among(chosen)
    if found and split == "test" and seen == "refuse":
        require_unseen(found, len(chosen.parts), what="the test part", where=manifest.root)
    with image_bar(f"judge {split}", len(chosen.parts), console) as advance:
        assessment = assess(inspector, chosen, on_image=advance, maps_dir=maps)
    thresholds = policy.map_thresholds
    summaries = {ALL_LABELS: summarize(assessment, map_thresholds=thresholds)}
    if left_out is not None:
        summaries[WITHOUT_DOUBTFUL] = summarize(assessment, exclude=left_out, map_thresholds=thresholds)
    for title, summary in summaries.items():
        summary["seen"] = found
        summary["judged_by"] = judged_by(inspector)
        if divided_anew(manifest):
            summary["divided_anew"] = True
        if check:
            left = (left_out or frozenset()) if title == WITHOUT_DOUBTFUL else frozenset()
            summary["decisions"] = _decisions(inspector, point, assessment.without(left))
        if inspector.regions is not None and inspector.regions.rules is not None:
            left = (left_out or frozenset()) if title == WITHOUT_DOUBTFUL else frozenset()
            counted = assessment.without(left).images
            told = ((one.accepted, one.ok_by_rules, one.label is Label.NG) for one in counted)
            summary["accepted"] = accepted(told)._asdict()
    save_verdicts(assessment, out, summaries)
    if check:
        save_decisions(part_decisions(assessment, inspector.rules), out, inspector.rules)
    return summaries


def _parts_and_inspector(
    target: Path,
    data: Path | None,
    runtime: RuntimeName,
    precision: Precision,
    threads: int | None,
    mask_values: MaskValues | None,
    choices: Choices | None,
    place: Path,
    console: Console | None,
) -> tuple[Manifest, Callable[[], "_Opened"]]:
    """The data, and a function that opens the Inspector once the data have been checked.

    Labels given with a bundle are imported into `place`.
    """
    if is_bundle(target):
        bundle = _measured(read_bundle(target))
        manifest = prepared_for(bundle, data, choices, place, mask_values, console=console)
        return manifest, lambda: _loaded(bundle, runtime, precision, threads)
    run = RunFolder(target)
    run.result()  # raises if this is not a run folder, or the run has not ended
    data = data_of_run(run, data, choices, console=console)
    manifest = run.manifest(data)
    if runtime == "torch" and precision == "f32":
        from gainspect.training.trained import seen_by, trained_inspector

        return manifest, lambda: _Opened(
            trained_inspector(run), run.policy(), seen_by(run, data), run.operating_point()
        )

    def of_run() -> "_Opened":
        from gainspect.jobs.run_export import bundle_of

        return _loaded(_measured(read_bundle(bundle_of(run, data, console))), runtime, precision, threads)

    return manifest, of_run


def _decisions(inspector: Inspector, point: OperatingPoint | None, assessment: Assessment) -> dict[str, Any]:
    """Figures of decisions at the costs, and the prevalence, that the policy was chosen for."""
    goal = point.goal if point is not None and isinstance(point.goal, LeastCost) else LeastCost()
    return decision_figures(assessment, inspector.rules, goal.costs, goal.prevalence)


class _Opened(NamedTuple):
    inspector: Inspector
    policy: Policy
    seen: SeenImages | None
    point: OperatingPoint | None


def _loaded(bundle: Bundle, runtime: RuntimeName, precision: Precision, threads: int | None) -> _Opened:
    inspector = Inspector.load(bundle, runtime, precision, threads=threads, check=False)
    return _Opened(inspector, bundle.description.policy, seen_of(bundle), point_of(bundle))


def _measured(bundle: Bundle) -> Bundle:
    """Refuse a bundle with a map threshold that is not in `MAP_THRESHOLDS`."""
    if foreign := set(bundle.description.policy.map_thresholds.values()) - set(MAP_THRESHOLDS):
        raise GainspectError(
            f"its policy has a map threshold, {min(foreign)}, that this gainspect does not measure",
            where=bundle.path,
            hint="Export it again with this version.",
        )
    return bundle


def part_of_data(manifest: Manifest, split: str, given: Path | None) -> Manifest:
    """The parts of one split, or all of them.

    Args:
        manifest: the data.
        split: the part of them; "all": all.
        given: what the command was given, for errors; None: nothing.

    Raises:
        GainspectError: there is no such part.
    """
    chosen = manifest if split == ALL else manifest.split(split)
    if chosen.parts:
        return chosen
    there = [name for name in SPLITS if manifest.split(name).parts]
    if there:
        raise GainspectError(
            f"the data has no {split} part (it has {', '.join(there)})",
            where=given or manifest.root,
            hint=f"Choose --split {' or '.join((*there, ALL))}.",
        )
    imported = Imported.of(manifest.root) is not None  # and would not be again with another manifest
    raise GainspectError(
        "the data has no train, val or test part: its manifest does not define a split",
        where=given or manifest.root,
        hint=f"Choose --split {ALL}."
        if imported
        else f"Fill in its column `split`, or choose --split {ALL}.",
    )
