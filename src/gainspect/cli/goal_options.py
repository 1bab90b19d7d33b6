"""The options that say what a policy is chosen for; `export` and `calibrate` share them."""

from typing import Annotated

import typer

_PANEL = "What the policy is chosen for"

Cost = Annotated[
    str | None,
    typer.Option(
        metavar="miss=…,false_alarm=…,review=…",
        help="The least cost; these are the costs of one part.  [default: miss=20,false_alarm=1,review=0.5]",
        rich_help_panel=_PANEL,
    ),
]
Prevalence = Annotated[
    float | None,
    typer.Option(
        help="Share of NG parts on the line, for the costs.  [default: as in the data]",
        rich_help_panel=_PANEL,
    ),
]
Escape = Annotated[
    float | None,
    typer.Option(help="An escape rate proven to be below this.", rich_help_panel=_PANEL),
]
Confidence = Annotated[
    float | None, typer.Option(help="Confidence of that proof.  [default: 0.95]", rich_help_panel=_PANEL)
]
TargetRecall = Annotated[
    float | None,
    typer.Option(help="This recall by the score, whatever it costs.", rich_help_panel=_PANEL),
]
FalseAlarmRate = Annotated[
    float | None,
    typer.Option("--false-alarms", help="At most this share of false alarms.", rich_help_panel=_PANEL),
]
Threshold = Annotated[
    float | None, typer.Option(help="This threshold on P(NG), set by hand.", rich_help_panel=_PANEL)
]
ReviewFrom = Annotated[
    float | None,
    typer.Option(
        help="With --threshold: REVIEW from this P(NG) on.  [default: no such band]", rich_help_panel=_PANEL
    ),
]
