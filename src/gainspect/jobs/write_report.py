"""From a run or a bundle to its report."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, require_both_classes
from gainspect.errors import GainspectError
from gainspect.evaluation.reliance import examine
from gainspect.evaluation.saved_verdicts import PREDICTIONS, read_verdicts
from gainspect.inspection.bundle import is_bundle, read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.report.html.comparison_report import write_comparison
from gainspect.report.html.inspection_report import Album, write_report
from gainspect.report.texts import Wording
from gainspect.training.run_folder import RunFolder


def report(
    target: Path,
    *,
    data: Path | None,
    out: Path,
    language: str = "en",
    doubtful: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Judge the test part, check every reason, and write the report.

    Args:
        target: a run folder (its bundle is made if it has none), or a bundle.
        data: the data folder or manifest; for a run only if it has moved. Without a test part all is judged.
        out: HTML file to write.
        language: "en" or "ko".
        doubtful: images with doubtful labels, by name or by file name.
        progress: told how many images are done, of how many.

    Raises:
        GainspectError: the run has not ended, the data are not there, or lack OK or NG images.
    """
    wording = Wording(language)
    bundle_path, manifest = _bundle_and_parts(target, data)
    require_both_classes(manifest, what="what is to be judged")
    bundle = read_bundle(bundle_path)
    inspector = Inspector.load(bundle)
    album = Album(bundle)
    done = 0

    def seen(*image: object) -> None:
        nonlocal done
        album(*image)  # type: ignore[arg-type]
        done += 1
        progress(done, len(manifest.parts))

    examined = examine(inspector, manifest, seen)
    write_report(out, inspector, manifest, examined, album, wording, doubtful)


def _bundle_and_parts(target: Path, data: Path | None) -> tuple[Path, Manifest]:
    if not is_bundle(target):
        run = RunFolder(target)
        run.result()  # says so if this is no run folder, or one that has not ended
        if not run.bundle_file.exists():
            from gainspect.jobs.run_export import bundle_of

            bundle_of(run, data)
        return run.bundle_file, run.manifest(data).split("test")
    if data is None:
        raise GainspectError(
            "a bundle does not hold the parts to judge", where=target, hint="Name them with --data DIR."
        )
    manifest = load_manifest(data)
    tested = manifest.split("test")
    return target, tested if tested.parts else manifest


def report_comparison(runs: Mapping[str, Path], out: Path, language: str = "en") -> None:
    """Write the comparison of judged runs on the same parts.

    Args:
        runs: run folder of each strategy, the base first.
        out: HTML file to write.
        language: "en" or "ko".

    Raises:
        GainspectError: a run was not judged yet, or the runs judged different images.
    """
    wording = Wording(language)
    tables = {name: read_verdicts(run / "evaluation" / "test" / PREDICTIONS) for name, run in runs.items()}
    write_comparison(out, tables, wording)
