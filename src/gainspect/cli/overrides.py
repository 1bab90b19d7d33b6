"""Command-line options that override settings of the configuration."""

from typing import Any

import yaml

from gainspect.errors import GainspectError

_PLACES = {
    "strategy": "strategy",
    "backbone": "model.backbone",
    "weights": "model.weights",
    "init": "model.init",
    "size": "data.size",
    "tile": "data.tile",
    "mask_values": "data.mask_values",
    "effort": "training.effort",
    "epochs": "training.epochs",
    "seed": "training.seed",
    "folds": "training.folds",
    "workers": "training.workers",
}


def overrides_of(*, set_: list[str] | None = None, **options: Any) -> dict[str, Any]:
    """The given options as configuration overrides.

    Raises:
        GainspectError: a `--set` argument is not KEY=VALUE.
    """
    overrides = {_PLACES[name]: value for name, value in options.items() if value is not None}
    for item in set_ or []:
        key, sign, value = item.partition("=")
        if not sign:
            raise GainspectError(
                f"--set {item!r} is not KEY=VALUE", hint="Write for example training.lr=0.0001."
            )
        overrides[key] = yaml.safe_load(value)
    return overrides
