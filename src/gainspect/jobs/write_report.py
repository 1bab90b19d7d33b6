"""Write the report of a run or a bundle, or of several runs side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import Manifest, require_both_classes
from gainspect.data.mask_values import MaskValues
from gainspect.data.seen import SeenChoice, SeenImages, require_unseen
from gainspect.data.stratified_sample import stratified_sample
from gainspect.data.taken import not_taken_sentence
from gainspect.evaluation.chosen_on import ChosenOn, chosen_on, chosen_on_of
from gainspect.evaluation.doubtful import require_known, resolve
from gainspect.evaluation.examined_parts import parts_with, parts_with_small_defects, viewed_image
from gainspect.evaluation.goals import point_of
from gainspect.evaluation.judged_parts import judged_parts
from gainspect.evaluation.operating_facts import OperatingFacts
from gainspect.evaluation.reliance import assessment_of, examine
from gainspect.evaluation.saved_verdicts import (
    METRICS,
    PREDICTIONS,
    predictions_csv,
    read_divided_anew,
    read_judged_by,
    read_verdicts,
)
from gainspect.evaluation.validation_verdicts import read_validation_verdicts
from gainspect.files import write_text
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.bundle import Bundle, is_bundle, read_bundle, seen_of
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.judged_data import prepared_for
from gainspect.jobs.labeled_data import data_of_run
from gainspect.jobs.run_evaluation import ALL, part_of_data
from gainspect.report.html.comparison_report import write_comparison
from gainspect.report.html.inspection_report import Album, verdict_table_of, write_report
from gainspect.report.html.operating_panel import MOST_BLIND
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.report.texts import Wording
from gainspect.training.run_folder import LABELS, RunFolder
from gainspect.types import Label

_VIEWS_SHOWN = 3
"""Of a blind part, at most so many images are shown."""


def write_inspection_report(
    target: Path,
    *,
    data: Path | None,
    out: Path,
    language: str = "en",
    split: str = "test",
    limit: int | None = None,
    doubtful: frozenset[str] = frozenset(),
    seen: SeenChoice = "refuse",
    mask_values: MaskValues | None = None,
    choices: Choices | None = None,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    batch_size: int = USUAL_BATCH,
    threads: int | None = None,
    console: Console | None = None,
) -> None:
    """Judge the test part (or another), check every reason, and write the report, and a CSV of all verdicts.

    Args:
        target: a run folder (its bundle is created if it has none), or a bundle.
        data: the data folder or manifest, or the labels of a tool; a run needs it only if the data have
            moved. If the data given with a bundle name no splits, all images are judged; labels are imported
            into a folder beside `out`, NAME-labels/.
        out: HTML file to write.
        language: "en" or "ko".
        split: the part of the data to judge; "all": all of them, whatever the model has seen.
        limit: judge a `stratified_sample` of at most so many images; None: all of them.
        doubtful: images with doubtful labels, by path or by a file name that only one has.
        seen: whether to judge images that the model has seen in training or validation; the report names
            them.
        mask_values: what the values of masks mean, of the data given with a bundle; None: as in its training.
        choices: what the labels of a tool do not say; None: nothing.
        runtime: see `Inspector.load`; the report names it.
        precision: see `Inspector.load`.
        batch_size: see `Inspector.load`.
        threads: see `Inspector.load`.
        console: where progress is shown; None: no progress is shown.

    Raises:
        GainspectError: the run has not ended, the data are missing or have no OK or no NG images, the limit
            leaves no room for both, a doubtful image is none of them, a doubtful file name fits several
            images, or the model has seen some of them.
    """
    wording = Wording(language)
    place = out.with_name(f"{out.stem}-{LABELS}")
    bundle_path, everything = _bundle_and_data(target, data, mask_values, choices, place, console)
    require_known(doubtful, everything)
    left_out = resolve(doubtful, map(everything.key, everything.parts))
    say(console, not_taken_sentence(everything.not_taken))
    undivided = is_bundle(target) and not any(part.split for part in everything.parts)
    manifest = part_of_data(everything, ALL if undivided else split, data)
    require_both_classes(manifest, what="what is to be judged")
    whole = len(manifest.parts)
    if limit is not None and limit < whole:
        manifest = stratified_sample(manifest, limit)
        say(console, f"A sample of {len(manifest.parts)} of {whole} images is judged.")
    bundle = read_bundle(bundle_path)
    known = seen_of(bundle)
    found = None if known is None else known.among(manifest)
    if found and seen == "refuse" and split != ALL:
        require_unseen(found, len(manifest.parts), what="what is to be judged", where=manifest.root)
    inspector = Inspector.load(bundle, runtime, precision, batch_size=batch_size, threads=threads)
    album, examined, judged = Album(bundle, inspector.good), [], []
    with image_bar("judge and check", len(manifest.parts), console) as advance:
        for image in examine(inspector, manifest):
            album.add(image)
            examined.append(image.examined)
            judged.append(viewed_image(image, inspector, manifest))
            advance()
    # Saved before anything is drawn: judging takes long.
    write_text(verdict_table_of(out), predictions_csv(assessment_of(inspector, examined)))
    policy = bundle.description.policy
    operating = OperatingFacts(
        policy,
        point_of(bundle),
        ChosenOn(split=ALL if undivided else split, parts=judged_parts(judged, policy.views)),
        _chosen_on(bundle, target),
        parts_with(judged, left_out),
        parts_with_small_defects(judged, examined),
        _made_by(target),
    )
    for name, shown in _blind_parts(operating, everything, manifest, known):
        for image in examine(inspector, shown):
            album.add_blind(name, image)
    sample_of = whole if len(manifest.parts) < whole else None
    write_report(out, inspector, manifest, examined, album, wording, operating, left_out, found, sample_of)


def _chosen_on(bundle: Bundle, target: Path) -> ChosenOn | None:
    """The parts that the policy was chosen on: those that the bundle stores, or those of its run."""
    stored = chosen_on_of(bundle)
    if stored is not None or is_bundle(target) or not RunFolder(target).validation_file.is_file():
        return stored
    return chosen_on(read_validation_verdicts(RunFolder(target).validation_file), bundle.description.policy)


def _made_by(target: Path) -> tuple[str, ...]:
    """The command line that makes another policy; paths from the folder that the target lies in."""
    if is_bundle(target):
        return "gainspect", "calibrate", target.name, "--data", "DIR"
    name = target.resolve().name
    return "gainspect", "calibrate", f"{name}/{RunFolder(target).bundle_file.name}", "--run", name


def _blind_parts(
    operating: OperatingFacts, everything: Manifest, tested: Manifest, known: SeenImages | None
) -> Iterator[tuple[str, Manifest]]:
    """The first blind parts, by name, each with those of its images that are at hand.

    Images that were not tested are only shown if they are the very files that the model was validated on.
    """
    names = operating.blind[:MOST_BLIND]
    there = set(map(tested.key, tested.parts))
    wanted = [part for part in everything.parts if everything.decided(part) in names]
    others = replace(everything, parts=tuple(one for one in wanted if everything.key(one) not in there))
    seen = known.among(others) if known is not None and others.parts else {}
    for name in names:
        parts = tuple(
            part
            for part in wanted
            if everything.decided(part) == name
            and part.label is Label.NG
            and (everything.key(part) in there or seen.get(everything.key(part)) == "val")
        )
        if parts:
            yield name, replace(everything, parts=parts[:_VIEWS_SHOWN])


def _bundle_and_data(
    target: Path,
    data: Path | None,
    mask_values: MaskValues | None,
    choices: Choices | None,
    place: Path,
    console: Console | None,
) -> tuple[Path, Manifest]:
    """The bundle, and all parts of the data; labels given with a bundle are imported into `place`."""
    if not is_bundle(target):
        run = RunFolder(target)
        run.result()  # raises if this is not a run folder, or the run has not ended
        data = data_of_run(run, data, choices, console=console)
        if not run.bundle_file.exists():
            from gainspect.jobs.run_export import bundle_of

            bundle_of(run, data, console)
        return run.bundle_file, run.manifest(data)
    bundle = read_bundle(target)
    return target, prepared_for(bundle, data, choices, place, mask_values, console=console)


def write_comparison_report(runs: Mapping[str, Path], out: Path, language: str = "en") -> None:
    """Write the comparison of several runs evaluated on the same parts.

    Args:
        runs: run folder of each strategy; the first is the base of the comparison.
        out: HTML file to write.
        language: "en" or "ko".

    Raises:
        GainspectError: a run has not been evaluated yet, or the runs were evaluated on different images.
    """
    wording = Wording(language)
    folders = {name: RunFolder(run).evaluation_folder() for name, run in runs.items()}
    tables = {name: read_verdicts(folder / PREDICTIONS) for name, folder in folders.items()}
    judged = {name: read_judged_by(folder / METRICS) for name, folder in folders.items()}
    anew = any(read_divided_anew(folder / METRICS) for folder in folders.values())
    write_comparison(out, tables, wording, judged, divided_anew=anew)
