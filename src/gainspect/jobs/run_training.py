"""Train one inspector: from a data folder to a run folder with its bundle."""

from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.taken import not_taken_sentence
from gainspect.evaluation.goals import OperatingPoint
from gainspect.jobs.memory import keep_freed_memory
from gainspect.report.terminal.bundle_tables import input_sentence, policy_sentence
from gainspect.report.terminal.policy_sentences import policy_sentences
from gainspect.report.terminal.sentences import say
from gainspect.training.run_folder import RunFolder
from gainspect.wording import in_words, plural


def run_training(
    config: RunConfig, data: Path, out: Path, *, console: Console, bundle: bool = True
) -> RunFolder:
    """Train into a new run folder.

    Args:
        config: the configuration of the run.
        data: folder or manifest.
        out: the run folder to create.
        console: where progress and result are shown.
        bundle: whether to export a bundle at the end.

    Raises:
        GainspectError: the folder is in use, the data cannot be trained on, or weights are missing.
        KeyboardInterrupt: the training was stopped; `resume_training` continues it.
    """
    manifest = load_manifest(data)  # mistakes first: torch takes seconds to import
    say(console, not_taken_sentence(manifest.not_taken))
    from gainspect.training.launch import train

    keep_freed_memory()

    return _ended(train(config, manifest, out, console=console), data, console, bundle)


def resume_training(
    path: Path, *, console: Console, data: Path | None = None, bundle: bool = True
) -> RunFolder:
    """Continue a run that was stopped.

    Args:
        path: its run folder.
        console: where progress and result are shown.
        data: the data folder, if it has moved.
        bundle: whether to export a bundle at the end.

    Raises:
        GainspectError: this is not a run folder, or its data no longer exist.
        KeyboardInterrupt: the training was stopped again.
    """
    from gainspect.training.launch import resume

    keep_freed_memory()

    return _ended(resume(path, data=data, console=console), data, console, bundle)


def _ended(run: RunFolder, data: Path | None, console: Console, bundle: bool) -> RunFolder:
    _say(run, console)
    if bundle and not run.bundle_file.exists():
        from gainspect.jobs.run_export import bundle_of

        console.print(f"Bundle, equal to what was trained: {bundle_of(run, data, console)}", soft_wrap=True)
    return run


def _say(run: RunFolder, console: Console) -> None:
    """Print how long the training took, which epoch was kept, and what the policy gives."""
    result, policy = run.result(), run.policy()
    announced = result.get("announced")
    if announced:
        taken, expected = in_words(announced["taken"]), in_words(announced["seconds"])
        console.print(f"{plural(announced['epochs'], 'epoch')} took {taken}; estimated: {expected}.")
    stored = result.get("operating_point")  # runs of older versions have none, or thresholds only
    point = OperatingPoint.model_validate(stored) if stored and "goal" in stored else None
    say(console, f"Kept epoch {result['epoch']}. {policy_sentence(policy, point)}")
    say(console, *([] if point is None else policy_sentences(point)))
    say(console, input_sentence(policy))
