"""Train one inspector: from a data folder to a run folder with its bundle."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.taken import not_taken_sentence
from gainspect.errors import GainspectError
from gainspect.evaluation.goals import OperatingPoint
from gainspect.inspection.bundle import read_bundle
from gainspect.inspection.regions.defect_types import types_of
from gainspect.jobs.labeled_data import data_of_run, prepared
from gainspect.report.operating_sentences import unusable_sentences
from gainspect.report.terminal.bundle_tables import input_sentence, policy_sentence
from gainspect.report.terminal.earlier_table import earlier_table
from gainspect.report.terminal.policy_sentences import counted_sentence, known_of
from gainspect.report.terminal.region_sentences import types_sentence
from gainspect.report.terminal.sentences import say
from gainspect.report.texts import Wording
from gainspect.training.run_folder import RunFolder, require_new_run
from gainspect.wording import in_words, plural

if TYPE_CHECKING:
    from gainspect.training.ranks import Ranks


def run_training(
    config: RunConfig,
    data: Path,
    out: Path,
    *,
    console: Console,
    bundle: bool = True,
    devices: int = 1,
    nodes: int = 1,
    choices: Choices | None = None,
) -> RunFolder:
    """Train into a new run folder, in one process or in several that share each batch.

    Args:
        config: the configuration of the run.
        data: folder or manifest; or the labels of a tool, which are imported into the run.
        out: the run folder to create.
        console: where progress and result are shown.
        bundle: whether to export a bundle at the end.
        devices: processes on each machine: one for each GPU, or on the CPU as many as are to share it.
        nodes: machines; with more than one, a launcher such as torchrun calls this in every process.
        choices: what the labels of a tool do not say; None: nothing.

    Raises:
        GainspectError: the folder is in use, the data cannot be trained on, weights are missing, or there are
            not so many devices.
        KeyboardInterrupt: the training was stopped; `resume_training` continues it.
        SystemExit: a launcher started this process beside rank 0, and the training has ended.
    """
    with ExitStack() as stack:
        ranks = None
        if devices * nodes > 1:  # first: only rank 0 reads the data
            ranks = _together(stack, devices, nodes, console)
        require_new_run(out, folds=config.training.folds is not None)
        data = prepared(data, choices, RunFolder(out).labels_folder, console=console)
        manifest = load_manifest(data)
        if ranks is None:  # mistakes first: torch takes seconds to import
            ranks = _together(stack, devices, nodes, console)
        from gainspect.training import folds, launch

        say(console, not_taken_sentence(manifest.not_taken))
        train = launch.train if config.training.folds is None else folds.train
        run = train(config, manifest, out, console=console, ranks=ranks)
    return _ended(run, data, console, bundle)


def _together(stack: ExitStack, devices: int, nodes: int, console: Console) -> "Ranks":
    """The ranks of the job, until the stack is left."""
    from gainspect.jobs.training_ranks import training_ranks

    return stack.enter_context(training_ranks(devices, nodes, console))


def resume_training(
    path: Path,
    *,
    console: Console,
    data: Path | None = None,
    bundle: bool = True,
    folds: int | None = None,
    devices: int = 1,
    nodes: int = 1,
    choices: Choices | None = None,
) -> RunFolder:
    """Continue a run that was stopped, in as many processes as it had or in others.

    Args:
        path: its run folder.
        console: where progress and result are shown.
        data: the data folder, or the labels of a tool that the run was trained on, if they have moved.
        bundle: whether to export a bundle at the end.
        folds: the number of folds that the run must have; None: any, or none.
        devices: as in `run_training`.
        nodes: as in `run_training`.
        choices: see `data_of_run`.

    Raises:
        GainspectError: this is not a run folder, its data no longer exist or have changed, or it has another
            number of folds.
        KeyboardInterrupt: the training was stopped again.
        SystemExit: a launcher started this process beside rank 0, and the training has ended.
    """
    run = RunFolder(path)
    own = run.config().training.folds
    if folds is not None and folds != own:
        has = "no folds" if own is None else plural(own, "fold")
        raise GainspectError(
            f"--folds {folds} with --resume of a run that has {has}",
            where=path,
            hint="Leave out --folds: a run keeps what it began with.",
        )
    from gainspect.jobs.training_ranks import training_ranks
    from gainspect.training import folds as with_folds
    from gainspect.training import launch

    with training_ranks(devices, nodes, console) as ranks:
        data = data_of_run(run, data, choices, console=console)
        resume = launch.resume if own is None else with_folds.resume
        run = resume(path, data=data, console=console, ranks=ranks)
    return _ended(run, data, console, bundle)


def _ended(run: RunFolder, data: Path | None, console: Console, bundle: bool) -> RunFolder:
    point = _say(run, console)
    if bundle and not run.bundle_file.exists():
        from gainspect.jobs.run_export import bundle_of

        made = bundle_of(run, data, console)
        say(console, types_sentence(types_of(read_bundle(made))))
        console.print(f"Bundle, equal to what was trained: {made}", soft_wrap=True)
    if run.config().model.init is not None:
        from gainspect.jobs.old_and_new_parts import old_and_new_parts

        console.print(earlier_table(figures := old_and_new_parts(run, data, console)))
        say(console, *figures.sentences)
    if point is not None:
        say(console, counted_sentence(point), *unusable_sentences(point, Wording("en")))
    return run


def _say(run: RunFolder, console: Console) -> OperatingPoint | None:
    """Print how long the training took, which epoch was kept, and what is known of the policy.

    What it gives by part, and a warning if it is not usable, comes last (`_ended`).
    """
    result, policy = run.result(), run.policy()
    announced = result.get("announced")
    if announced:
        taken, expected = in_words(announced["taken"]), in_words(announced["seconds"])
        console.print(f"{plural(announced['epochs'], 'epoch')} took {taken}; estimated: {expected}.")
    point = run.operating_point()
    say(console, f"Kept epoch {result['epoch']}. {policy_sentence(policy, point)}")
    if point is not None:
        say(console, *known_of(point))
    say(console, input_sentence(policy))
    return point
