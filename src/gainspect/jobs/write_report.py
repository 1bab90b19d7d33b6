"""Write the report of a run or a bundle, or of several runs side by side."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from gainspect.data.manifest import Manifest, require_both_classes
from gainspect.data.mask_values import MaskValues
from gainspect.data.seen import SeenChoice, require_unseen
from gainspect.data.taken import not_taken_sentence
from gainspect.evaluation.doubtful import require_known, resolve
from gainspect.evaluation.reliance import examine
from gainspect.evaluation.saved_verdicts import PREDICTIONS, read_verdicts
from gainspect.inspection.bundle import is_bundle, read_bundle, seen_of
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.judged_data import data_for
from gainspect.jobs.run_evaluation import ALL, part_of_data
from gainspect.report.html.comparison_report import write_comparison
from gainspect.report.html.inspection_report import Album, write_report
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.report.texts import Wording
from gainspect.training.run_folder import RunFolder


def write_inspection_report(
    target: Path,
    *,
    data: Path | None,
    out: Path,
    language: str = "en",
    split: str = "test",
    doubtful: frozenset[str] = frozenset(),
    seen: SeenChoice = "refuse",
    mask_values: MaskValues | None = None,
    console: Console | None = None,
) -> None:
    """Judge the test part (or another), check every reason, and write the report.

    Args:
        target: a run folder (its bundle is created if it has none), or a bundle.
        data: the data folder or manifest; a run needs it only if the data have moved. If the data given with
            a bundle name no splits, all images are judged.
        out: HTML file to write.
        language: "en" or "ko".
        split: the part of the data to judge; "all": all of them, whatever the model has seen.
        doubtful: images with doubtful labels, by path or by a file name that only one has.
        seen: whether to judge images that the model has seen in training or validation; the report names
            them.
        mask_values: what the values of masks mean, of the data given with a bundle; None: as in its training.
        console: where progress is shown; None: no progress is shown.

    Raises:
        GainspectError: the run has not ended, the data are missing or have no OK or no NG images, a
            doubtful image is none of them, a doubtful file name fits several images, or the model has seen
            some of them.
    """
    wording = Wording(language)
    bundle_path, everything = _bundle_and_data(target, data, mask_values, console)
    require_known(doubtful, everything)
    left_out = resolve(doubtful, map(everything.key, everything.parts))
    say(console, not_taken_sentence(everything.not_taken))
    undivided = is_bundle(target) and not any(part.split for part in everything.parts)
    manifest = part_of_data(everything, ALL if undivided else split)
    require_both_classes(manifest, what="what is to be judged")
    bundle = read_bundle(bundle_path)
    known = seen_of(bundle)
    found = None if known is None else known.among(manifest)
    if found and seen == "refuse" and split != ALL:
        require_unseen(found, len(manifest.parts), what="what is to be judged", where=manifest.root)
    inspector = Inspector.load(bundle)
    album, examined = Album(bundle), []
    with image_bar("judge and check", len(manifest.parts), console) as advance:
        for image in examine(inspector, manifest):
            album.add(image)
            examined.append(image.examined)
            advance()
    write_report(out, inspector, manifest, examined, album, wording, left_out, found)


def _bundle_and_data(
    target: Path, data: Path | None, mask_values: MaskValues | None, console: Console | None
) -> tuple[Path, Manifest]:
    """The bundle, and all parts of the data."""
    if not is_bundle(target):
        run = RunFolder(target)
        run.result()  # raises if this is not a run folder, or the run has not ended
        if not run.bundle_file.exists():
            from gainspect.jobs.run_export import bundle_of

            bundle_of(run, data, console)
        return run.bundle_file, run.manifest(data)
    return target, data_for(read_bundle(target), data, mask_values)


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
    tables = {
        name: read_verdicts(RunFolder(run).evaluation_folder() / PREDICTIONS) for name, run in runs.items()
    }
    write_comparison(out, tables, wording)
