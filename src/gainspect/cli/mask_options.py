"""The option `--mask-values`, as the commands that train and those that judge data have it."""

from typing import Annotated, Any

import typer

_METAVAR = "VALUE=MEANING,…"


def mask_values_option(**settings: Any) -> Any:
    """The option of a command that trains, or looks at data as a training does.

    Args:
        **settings: further ones of `typer.Option`.
    """
    return typer.Option(
        metavar=_METAVAR,
        help="What mask values mean: background, defect, ignore, or a defect type, "
        "such as 1=scratch,255=ignore.",
        **settings,
    )


MaskValues = Annotated[str | None, mask_values_option()]
JudgedMaskValues = Annotated[
    str | None,
    typer.Option(
        metavar=_METAVAR,
        help="What mask values mean: background, defect, ignore, or a defect type. Of data given with a "
        "bundle; otherwise as in training.",
    ),
]
"""Of a command that judges data."""
