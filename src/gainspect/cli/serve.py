"""`gainspect serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gainspect.cli.console import errors
from gainspect.cli.speed_options import Threads
from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision, RuntimeName

_EVERY_S = 2.0
"""Seconds between parts of the demo."""


def serve(
    bundles: Annotated[
        list[Path] | None, typer.Argument(help="Bundles that may judge, NAME.gain.", show_default=False)
    ] = None,
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
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve the demo's inspector, with its parts coming in.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="With --demo: the demo's folder, in which ledger and pictures are too.")
    ] = Path("gainspect-demo"),
) -> None:
    """Decide on parts over HTTP, and show it to people; a decision is answered when its record is durable."""
    if demo:
        if bundles:
            raise GainspectError("--demo has a bundle of its own", hint="Leave the others out.")
        _serve_demo(out, host, port, threads)
        return
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.jobs.run_service import open_service, run_service

    require_choice(runtime, precision)
    service = open_service(
        bundles or [],
        db=db,
        store=store,
        state=state,
        settings=settings,
        runtime=cast("RuntimeName", runtime),
        precision=cast("Precision", precision),
        threads=threads,
    )
    run_service(service, host=host, port=port, tell=_tell)


def _serve_demo(out: Path, host: str, port: int, threads: int | None) -> None:
    from gainspect.jobs.run_service import address_of, run_service
    from gainspect.jobs.serve_demo import STATION, demo_parts, made_demo, open_demo, parts_coming

    try:
        bundle = made_demo(out, errors)
    except KeyboardInterrupt:
        errors.print("Stopped. Run the same command again to continue where it stopped.")
        raise typer.Exit(130) from None
    parts, url = demo_parts(out), address_of(host, port)
    service = open_demo(out, bundle, threads=threads)
    _tell(f"A part comes every {_EVERY_S:g} s: {url}/stations/{STATION}")
    with parts_coming(service, parts, url, every_s=_EVERY_S, tell=_tell):
        run_service(service, host=host, port=port, tell=_tell)


def _tell(said: str) -> None:
    errors.print(said, highlight=False, markup=False, soft_wrap=True)
