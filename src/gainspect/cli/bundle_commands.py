"""`gainspect bundle`: show a bundle, verify it, repeat its parity test, compare it with the next one."""

from pathlib import Path
from typing import Annotated, cast

import typer

from gainspect.cli import bundle_compare
from gainspect.cli.console import console, print_json

app = typer.Typer(
    no_args_is_help=True, help="Show a bundle, verify it, test it on this machine, or compare two."
)
app.command("compare")(bundle_compare.compare)

_Bundle = Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")]


@app.command("show")
def show(
    bundle: _Bundle,
    as_json: Annotated[bool, typer.Option("--json", help="Print its description as JSON.")] = False,
) -> None:
    """Print what a bundle is, where it comes from, and when it says NG."""
    from gainspect.evaluation.goals import point_of
    from gainspect.inspection.bundle import read_bundle
    from gainspect.inspection.regions.defect_types import types_of
    from gainspect.report.terminal.bundle_tables import (
        bundle_table,
        input_sentence,
        policy_sentence,
        reason_sentence,
    )
    from gainspect.report.terminal.policy_sentences import policy_sentences
    from gainspect.report.terminal.region_sentences import confusion_table, rules_sentences, types_sentence
    from gainspect.report.terminal.sentences import say

    read = read_bundle(bundle)
    if as_json:
        print_json(read.description.model_dump(mode="json"), indent=2)
        return
    console.print(bundle_table(read))
    point = point_of(read)
    console.print(policy_sentence(read.description.policy, point))
    console.print(reason_sentence(read.description.policy))
    console.print(input_sentence(read.description.policy))
    say(console, *([] if point is None else policy_sentences(point)))
    say(console, *rules_sentences(read.description.policy.region_rules))
    types = types_of(read)
    if types is not None and types.tried:
        console.print(confusion_table(types))
    say(console, types_sentence(types))


@app.command("verify")
def verify(bundle: _Bundle) -> None:
    """Check every byte of a bundle against its hashes; exit code 2 if one differs."""
    from gainspect.inspection.bundle import read_bundle

    read = read_bundle(bundle)
    console.print(f"All {len(read.contents)} files are unchanged. SHA-256 {read.sha256}")


@app.command("parity")
def parity(
    bundle: _Bundle,
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime, openvino or torch.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
) -> None:
    """Compare this machine with the predictions stored in the bundle; exit code 1 if a verdict differs."""
    from gainspect.inspection.backends.backend import Precision, RuntimeName
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.bundle import read_bundle
    from gainspect.inspection.parity import golden_parity
    from gainspect.report.terminal.bundle_tables import golden_table

    require_choice(runtime, precision)
    found = golden_parity(read_bundle(bundle), cast(RuntimeName, runtime), cast(Precision, precision))
    console.print(golden_table(found))
    raise typer.Exit(1 if found["flips"] else 0)
