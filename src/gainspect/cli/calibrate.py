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
    ReviewFrom,
    TargetRecall,
    Threshold,
)
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.rule_options import Grid, MmPerPx, NoRules, Rules, ScaleFrom, SquareMm, rules_of
from gainspect.errors import GainspectError


def calibrate(
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    run: Annotated[
        Path | None, typer.Option(help="Choose on the stored verdicts of the bundle's own run.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Choose on these labeled data instead (folder, manifest, or labels of a tool); they count "
            "as seen afterwards."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Bundle to write; a new file.  [default: NAME-POLICY.gain]")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Only print what the policy gives; write nothing.")
    ] = False,
    lang: Annotated[str, typer.Option(help="Language of what --show prints: en or ko.")] = "en",
    cost: Cost = None,
    prevalence: Prevalence = None,
    escape: Escape = None,
    confidence: Confidence = None,
    target_recall: TargetRecall = None,
    false_alarms: FalseAlarmRate = None,
    threshold: Threshold = None,
    review_from: ReviewFrom = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Whether the bundle checks the reason of NG verdicts.")
    ] = True,
    rules: Rules = None,
    no_rules: NoRules = False,
    mm_per_px: MmPerPx = None,
    scale_from: ScaleFrom = None,
    grid: Grid = None,
    square_mm: SquareMm = None,
    import_: Import = None,
) -> None:
    """Choose a new policy for a bundle: when a part is OK, NG or REVIEW. Its network stays as it is.

    With `--rules` and neither `--run` nor `--data`, only its rules on regions change. With `--show` alone,
    print what the bundle's own policy gives.
    """
    from gainspect.evaluation.chosen_on import chosen_on_of
    from gainspect.evaluation.goals import goal_of, point_of
    from gainspect.inspection.bundle import read_bundle
    from gainspect.report.terminal.bundle_tables import input_sentence, policy_sentence
    from gainspect.report.terminal.operating_tables import operating_view
    from gainspect.report.terminal.policy_sentences import policy_sentences
    from gainspect.report.terminal.region_sentences import rules_sentences
    from gainspect.report.terminal.sentences import say
    from gainspect.report.texts import Wording

    wording = Wording(lang)
    goal = goal_of(
        cost=cost,
        prevalence=prevalence,
        escape=escape,
        confidence=confidence,
        recall=target_recall,
        false_alarms=false_alarms,
        threshold=threshold,
        review_from=review_from,
    )
    ruled = rules_of(rules, mm_per_px, scale_from, grid, square_mm)
    if ruled is not None and no_rules:
        raise GainspectError("--rules and --no-rules contradict", hint="Choose one.")
    choices = choices_of(import_, data)
    if show and goal is None and run is None and data is None and ruled is None and not no_rules:
        read = read_bundle(bundle)
        policy, point = read.description.policy, point_of(read)
        if point is None:
            say(console, policy_sentence(policy))
            say(console, "What it gives is not stored in this bundle: give --run or --data.")
        else:
            console.print(*operating_view(policy, point, chosen_on_of(read), wording), sep="\n")
        say(console, *rules_sentences(policy.region_rules))
        return
    from gainspect.jobs.run_calibration import calibrate as choose
    from gainspect.jobs.run_calibration import write_calibrated

    chosen = choose(
        bundle,
        goal,
        run=run,
        data=data,
        check=check,
        rules=ruled,
        without_rules=no_rules,
        choices=choices,
        console=console,
    )
    policy, point = chosen.policy, chosen.point
    if point is None:
        say(console, policy_sentence(policy))
    elif show:
        console.print(*operating_view(policy, point, chosen.parts, wording), sep="\n")
    else:
        say(console, policy_sentence(policy, point), *policy_sentences(point))
    say(console, *rules_sentences(policy.region_rules))
    say(console, input_sentence(policy))
    if show:
        return
    written = write_calibrated(
        chosen, out or bundle.with_name(f"{bundle.stem}-{chosen.policy.policy_id[:8]}.gain")
    )
    console.print(f"Saved: {written.path}. Policy {chosen.policy.policy_id}", soft_wrap=True)
