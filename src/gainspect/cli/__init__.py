"""The command line: one thin file per command or command group; heavy imports happen inside the commands."""

import sys
from collections.abc import Sequence

import typer
from rich.text import Text

from gainspect import __version__
from gainspect.cli import (
    bundle_commands,
    calibrate,
    compare,
    data_commands,
    demo,
    evaluate,
    explain,
    export,
    inspect,
    ledger_commands,
    msa,
    report,
    serve,
    train,
    watch,
)
from gainspect.cli.console import errors, print_on_any_terminal
from gainspect.errors import GainspectError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="A visual inspector for manufacturing that has to show its reason.\n\n"
    "Start with `gainspect demo`; then `gainspect data check DIR`, `gainspect train --data DIR --out RUN`.",
)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("calibrate")(calibrate.calibrate)
app.command("inspect")(inspect.inspect)
app.command("watch")(watch.watch)
app.command("explain")(explain.explain)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.add_typer(data_commands.app, name="data")
app.add_typer(bundle_commands.app, name="bundle")
app.add_typer(msa.app, name="msa")
app.add_typer(ledger_commands.app, name="ledger")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"gainspect {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    del version


def main() -> None:
    """Run a command; an error that the user can fix is printed without a traceback, with exit code 2."""
    print_on_any_terminal()
    try:
        app()
    except GainspectError as error:
        _say(str(error))
        sys.exit(2)
    except ModuleNotFoundError as error:
        extra = _extra_of(error.name or "", sys.argv[1:2])
        if extra is None:
            raise
        _say(f"this command needs {error.name}. Install it with: pip install 'gainspect[{extra}]'")
        sys.exit(2)


def _say(sentence: str) -> None:
    errors.print(Text.assemble(("Error", "bold red"), f" {sentence}"), highlight=False, soft_wrap=True)


def _extra_of(module: str, command: Sequence[str]) -> str | None:
    """The optional-dependency group that contains a missing module, and all else that a command needs."""
    package = module.split(".")[0]
    if package in {
        "torch",
        "torchvision",
        "timm",
        "lightning",
        "safetensors",
        "onnx",
        "onnxscript",
    }:
        return "train"
    if package in {"openvino", "nncf"}:
        return "openvino"
    if package in {"fastapi", "starlette", "uvicorn", "argon2", "prometheus_client", "python_multipart"}:
        return "serve"
    if package in {"rfc8785", "cryptography", "alembic", "sqlalchemy", "psycopg", "segno"}:
        return "serve" if command == ["serve"] else "ledger"
    if package in {"sklearn", "scipy", "matplotlib", "jinja2"}:
        return "serve" if command == ["serve"] else "report"
    return None
