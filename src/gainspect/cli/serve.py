"""`gainspect serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gainspect.cli.console import errors
from gainspect.cli.speed_options import Threads

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision, RuntimeName


def serve(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles that may judge, NAME.gain.")],
    db: Annotated[
        str, typer.Option(metavar="FILE|URL", help="Ledger; made if there is none.")
    ] = "gainspect.ledger",
    store: Annotated[
        str | None,
        typer.Option(metavar="DIR|URI", help="Where the ledger keeps pictures.  [default: FILE.pictures]"),
    ] = None,
    state: Annotated[Path, typer.Option(help="Folder of this service alone, on a local disk.")] = Path(
        "gainspect-service"
    ),
    settings: Annotated[
        Path | None, typer.Option(help="YAML file of the plant's settings (docs/service.md).")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime, openvino or torch.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
    threads: Threads = None,
) -> None:
    """Decide on parts over HTTP, and show it to people; a decision is answered when its record is durable."""
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.jobs.run_service import open_service, run_service

    require_choice(runtime, precision)
    service = open_service(
        bundles,
        db=db,
        store=store,
        state=state,
        settings=settings,
        runtime=cast("RuntimeName", runtime),
        precision=cast("Precision", precision),
        threads=threads,
    )
    errors.print(f"gainspect serves at http://{host}:{port}. Ctrl-C ends it.", highlight=False)
    run_service(service, host=host, port=port)
