"""`gainspect report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gainspect.cli.console import console, errors
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import JudgedMaskValues
from gainspect.cli.speed_options import BatchSize, Threads
from gainspect.inspection.batches import USUAL_BATCH

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision, RuntimeName


def report(
    target: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", help="Run folder of `gainspect train`, or NAME.gain.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data folder, manifest, or labels of a tool. A run needs it only if the data have moved."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="HTML file.  [default: RUN/report.html, or NAME-report.html]")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language: en or ko.")] = "en",
    split: Annotated[str, typer.Option(help="Part of the data: test, val, train or all.")] = "test",
    limit: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Judge a sample of at most so many images: OK and each type of defect in their shares of "
            "the whole, the same images each time.  [default: all]",
            show_default=False,
        ),
    ] = None,
    doubtful: Annotated[
        Path | None, typer.Option(help="CSV with a column `file` that lists images with doubtful labels.")
    ] = None,
    seen: Annotated[
        str, typer.Option(help="Images that the model has seen in training or validation: refuse or allow.")
    ] = "refuse",
    mask_values: JudgedMaskValues = None,
    import_: Import = None,
    runtime: Annotated[
        str, typer.Option(help="auto, onnxruntime, openvino or torch; the report names it.")
    ] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
    batch_size: BatchSize = USUAL_BATCH,
    threads: Threads = None,
) -> None:
    """Write a report about an inspector, its verdicts and their reasons: one HTML file that opens offline."""
    from gainspect.data.mask_values import MaskValues
    from gainspect.data.seen import require_seen_choice
    from gainspect.evaluation.doubtful import read_doubtful
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.bundle import is_bundle
    from gainspect.jobs.write_report import write_inspection_report
    from gainspect.report.html.inspection_report import verdict_table_of

    require_choice(runtime, precision)
    of_bundle = target.with_name(f"{target.stem}-report.html")
    path = out or (of_bundle if is_bundle(target) else target / "report.html")
    left_out = frozenset() if doubtful is None else read_doubtful(doubtful)
    write_inspection_report(
        target,
        data=data,
        out=path,
        language=lang,
        split=split,
        limit=limit,
        doubtful=left_out,
        seen=require_seen_choice(seen),
        mask_values=None if mask_values is None else MaskValues.parse(mask_values),
        choices=choices_of(import_, data),
        runtime=cast("RuntimeName", runtime),
        precision=cast("Precision", precision),
        batch_size=batch_size,
        threads=threads,
        console=errors,
    )
    console.print(
        f"Saved: {path} ({path.stat().st_size / 2**20:.1f} MiB), which opens in any browser, offline; "
        f"{verdict_table_of(path)}, every verdict.",
        soft_wrap=True,
    )
