"""`gainspect calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console
from gainspect.cli.goal_options import (
    Confidence,
    Cost,
    Escape,
    FalseAlarmRate,
    Prevalence,
    TargetRecall,
    Threshold,
)


def calibrate(
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    run: Annotated[
        Path | None, typer.Option(help="Choose on the stored verdicts of the bundle's own run.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Choose on these labeled data instead; they count as seen afterwards."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Bundle to write; a new file.  [default: NAME-POLICY.gain]")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Only print what the policy gives; write nothing.")
    ] = False,
    cost: Cost = None,
    prevalence: Prevalence = None,
    escape: Escape = None,
    confidence: Confidence = None,
    target_recall: TargetRecall = None,
    false_alarms: FalseAlarmRate = None,
    threshold: Threshold = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Whether the bundle checks the reason of NG verdicts.")
    ] = True,
) -> None:
    """Choose a new policy for a bundle: when a part is OK, NG or REVIEW. Its network stays as it is.

    With `--show` alone, print what the bundle's own policy gives.
    """
    from gainspect.evaluation.goals import goal_of, point_of
    from gainspect.inspection.bundle import read_bundle
    from gainspect.report.terminal.bundle_tables import input_sentence, policy_sentence
    from gainspect.report.terminal.policy_sentences import policy_sentences
    from gainspect.report.terminal.sentences import say

    goal = goal_of(
        cost=cost,
        prevalence=prevalence,
        escape=escape,
        confidence=confidence,
        recall=target_recall,
        false_alarms=false_alarms,
        threshold=threshold,
    )
    if show and goal is None and run is None and data is None:
        read = read_bundle(bundle)
        point = point_of(read)
        unknown = ["What it gives is not stored in this bundle: give --run or --data."]
        say(console, policy_sentence(read.description.policy, point))
        say(console, *(unknown if point is None else policy_sentences(point)))
        return
    from gainspect.jobs.run_calibration import calibrate as choose
    from gainspect.jobs.run_calibration import write_calibrated

    chosen = choose(bundle, goal, run=run, data=data, check=check, console=console)
    say(console, policy_sentence(chosen.policy, chosen.point), *policy_sentences(chosen.point))
    say(console, input_sentence(chosen.policy))
    if show:
        return
    written = write_calibrated(
        chosen, out or bundle.with_name(f"{bundle.stem}-{chosen.policy.policy_id[:8]}.gain")
    )
    console.print(f"Saved: {written.path}. Policy {chosen.policy.policy_id}", soft_wrap=True)
