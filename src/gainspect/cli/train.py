"""`gainspect train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from gainspect.cli.console import console
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import mask_values_option
from gainspect.cli.overrides import overrides_of
from gainspect.cli.speed_options import Devices, Nodes
from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from gainspect.config import Effort

_SETTINGS = "Settings"


def train(
    data: Annotated[
        Path | None, typer.Option(help="Data folder (images/, masks/), manifest, or labels of a tool.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to create.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Run folder of a training that was stopped, to continue it.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file; the options below override it.")] = None,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print every setting with its value (YAML) and stop.")
    ] = False,
    strategy: Annotated[str | None, typer.Option(help="S1 … S9.", rich_help_panel=_SETTINGS)] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Any timm model name.", rich_help_panel=_SETTINGS)
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="auto, none (random), or a weights file.", rich_help_panel=_SETTINGS)
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            help="Run folder or bundle of an earlier network to begin with: for a changed line, a new "
            "product, or more parts.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Input side, pixels.  [default: chosen from the defect sizes]", rich_help_panel=_SETTINGS
        ),
    ] = None,
    mask_values: Annotated[str | None, mask_values_option(rich_help_panel=_SETTINGS)] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Train a quarter as long as usual: a first look.", rich_help_panel=_SETTINGS
        ),
    ] = False,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Train three times as long as usual.", rich_help_panel=_SETTINGS),
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the data, instead.  [default: chosen from the number of images]",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Determines the split, the initial weights and the order of the images.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Choose the policy on all training parts, each judged by a network that was trained without "
            "it: so many trainings, and one more on all parts.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that load images.  [default: chosen for the machine]",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    devices: Devices = 1,
    nodes: Nodes = 1,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, e.g. training.lr=1e-4.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    import_: Import = None,
    bundle: Annotated[
        bool, typer.Option(help="At the end, write RUN/model.gain, which inspects without torch.")
    ] = True,
) -> None:
    """Train one inspector.

    Ctrl-C (or a kill) loses at most the current epoch; continue with `--resume RUN`, with any --devices.
    """
    from gainspect.config import load_config, to_yaml

    overrides = overrides_of(
        strategy=strategy,
        backbone=backbone,
        weights=weights,
        init=None if init is None else str(init.absolute()),
        size=size,
        mask_values=mask_values,
        effort=_effort(quick=quick, thorough=thorough, epochs=epochs),
        epochs=epochs,
        seed=seed,
        folds=folds,
        workers=workers,
        set_=set_,
    )
    if show_config:
        typer.echo(to_yaml(load_config(config, overrides)), nl=False)
        return
    if resume is None and (data is None or out is None):
        raise GainspectError(
            "train needs --data and --out (or --resume)", hint="`gainspect train --help` explains."
        )
    from gainspect.jobs.run_training import resume_training, run_training

    choices = choices_of(import_, data)
    try:
        if resume is not None:
            run = resume_training(
                resume,
                console=console,
                data=data,
                bundle=bundle,
                folds=folds,
                devices=devices,
                nodes=nodes,
                choices=choices,
            )
        else:
            assert data is not None and out is not None
            run = run_training(
                load_config(config, overrides),
                data,
                out,
                console=console,
                bundle=bundle,
                devices=devices,
                nodes=nodes,
                choices=choices,
            )
    except KeyboardInterrupt:
        console.print(f"Stopped. Continue with: gainspect train --resume {resume or out}", soft_wrap=True)
        raise typer.Exit(130) from None
    console.print(Text.assemble("Next: ", (f"gainspect evaluate {run.path}", "bold")), soft_wrap=True)


def _effort(*, quick: bool, thorough: bool, epochs: int | None) -> "Effort | None":
    """The effort that is asked for; None: what the configuration says."""
    given = {"--quick": quick, "--thorough": thorough, "--epochs": epochs is not None}
    asked = [option for option, is_given in given.items() if is_given]
    if len(asked) > 1:
        raise GainspectError(
            f"{' and '.join(asked)} say how long to train, each in its own way", hint="Give one of them."
        )
    if quick or thorough:
        return "quick" if quick else "thorough"
    return None
