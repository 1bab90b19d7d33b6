"""Figures of a network and of the one that it began with, on old and on new parts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Parts = Literal["old", "new"]
Network = Literal["earlier", "this"]


class OnParts(BaseModel):
    """Figures of one network on some parts; those that are undefined are absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parts: Parts
    """"old": validation parts of the earlier network; "new": those of this one. Neither network was trained
    on them."""
    network: Network
    ng: int
    """Number of images."""
    ok: int
    figures: dict[str, float]
    """See `validation_figures`."""


class OldAndNew(BaseModel):
    """What a training that begins with an earlier network stores of both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    earlier: str
    """The earlier network, in words."""
    rows: tuple[OnParts, ...]
    sentences: tuple[str, ...] = ()
    """What could not be judged, and why."""
