"""`gainspect compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gainspect.cli.console import console
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import MaskValues
from gainspect.cli.overrides import overrides_of
from gainspect.cli.speed_options import BatchSize, Devices, Nodes, Threads
from gainspect.errors import GainspectError
from gainspect.inspection.batches import USUAL_BATCH

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import RuntimeName


def compare(
    data: Annotated[Path, typer.Option(help="Data folder (images/, masks/), manifest, or labels of a tool.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder for the runs and the comparison; run again to continue."),
    ],
    strategies: Annotated[str, typer.Option(help="Strategies to compare, comma-separated.")] = "S1,S3,S6",
    seeds: Annotated[str, typer.Option(help="Seeds to train with, comma-separated.")] = "1",
    config: Annotated[Path | None, typer.Option(help="YAML file with the settings of all runs.")] = None,
    backbone: Annotated[str | None, typer.Option(help="Any timm model name.")] = None,
    weights: Annotated[str | None, typer.Option(help="auto, none (random), or a weights file.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Input side, pixels.  [default: chosen from the defect sizes]")
    ] = None,
    mask_values: MaskValues = None,
    import_: Import = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    devices: Devices = 1,
    nodes: Nodes = 1,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other setting.")
    ] = None,
    doubtful: Annotated[
        Path | None, typer.Option(help="CSV with a column `file`; also compare without these images.")
    ] = None,
    report: Annotated[
        bool,
        typer.Option("--report", help="Also write OUT/compare.html: paired differences, changed verdicts."),
    ] = False,
    lang: Annotated[str, typer.Option(help="Language of the report: en or ko.")] = "en",
    seen: Annotated[
        str,
        typer.Option(
            help="Test images that also lie in the training part or validation part: refuse or allow."
        ),
    ] = "refuse",
    runtime: Annotated[
        str,
        typer.Option(
            help="auto, onnxruntime or openvino run the bundle of each run, which is exported where there is "
            "none; torch runs the trained models."
        ),
    ] = "auto",
    batch_size: BatchSize = USUAL_BATCH,
    threads: Threads = None,
) -> None:
    """Train and evaluate several strategies on the same data: one table, and a picture of their evidence."""
    from gainspect.config import load_config
    from gainspect.data.seen import require_seen_choice
    from gainspect.evaluation.doubtful import read_doubtful
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.jobs.run_comparison import compare_strategies, run_path
    from gainspect.jobs.write_report import write_comparison_report
    from gainspect.report.terminal.evaluation_tables import comparison_table
    from gainspect.report.texts import Wording
    from gainspect.report.texts.judged_by import judged_by_words

    names = [name.strip() for name in strategies.split(",") if name.strip()]
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise GainspectError(
            f"--seeds {seeds!r} is not a list of whole numbers", hint="Write for example 1,2,3."
        ) from None
    require_choice(runtime, "f32")
    Wording(lang)  # refuses an unknown language now, not after hours of training
    overrides = overrides_of(
        backbone=backbone, weights=weights, size=size, mask_values=mask_values, epochs=epochs, set_=set_
    )
    left_out = None if doubtful is None else read_doubtful(doubtful)
    try:
        comparisons = compare_strategies(
            load_config(config, overrides),
            data,
            names,
            numbers,
            out,
            doubtful=left_out,
            seen=require_seen_choice(seen),
            choices=choices_of(import_, data),
            devices=devices,
            nodes=nodes,
            runtime=cast("RuntimeName", runtime),
            batch_size=batch_size,
            threads=threads,
            console=console,
        )
    except KeyboardInterrupt:
        console.print("Stopped. Run the same command again to continue where it stopped.")
        raise typer.Exit(130) from None
    for title, comparison in comparisons.items():
        console.print(comparison_table(comparison, title=title))
    console.print(judged_by_words(next(iter(comparisons.values()))[0].judged_by, Wording("en")))
    console.print(
        f"Saved: {out / 'compare.csv'}, {out / 'compare.json'}, {out / 'compare.png'}", soft_wrap=True
    )
    if report:
        runs = {name.upper(): run_path(out, name.upper(), numbers[0]) for name in names}
        write_comparison_report(runs, out / "compare.html", lang)
        console.print(f"Report (seed {numbers[0]}): {out / 'compare.html'}", soft_wrap=True)
