"""What a network takes over from an earlier one, module by module."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from gainspect.models.gain_mtl import GainMTL

_IN_WORDS = {
    "backbone": "backbone",
    "classification": "classification head",
    "attention": "guided attention",
    "adapter": "adapter",
    "attended": "attended head",
    "pyramid": "pyramid",
    "localization": "localization head",
    "suppression": "suppression",
    "verdict": "evidence head",
}
"""The modules of `GainMTL`."""


@dataclass(frozen=True)
class TakenOver:
    """The modules of a network, in words, by where their weights come from."""

    taken: tuple[str, ...]
    """Those with the weights of the earlier network."""
    missing: tuple[str, ...]
    """Those that begin anew because the earlier network has none."""
    other: tuple[str, ...]
    """Those that begin anew because the earlier network's is of another shape."""
    unused: tuple[str, ...]
    """What the earlier network has and this one does not."""

    def sentences(self) -> list[str]:
        """The same as sentences."""
        told = [f"Taken over: {', '.join(self.taken) or 'nothing'}."]
        anew = [f"{', '.join(names)} ({why})" for names, why in self._anew() if names]
        told += [f"Begins anew: {'; '.join(anew)}."] if anew else []
        return [*told, f"Not needed: {', '.join(self.unused)}."] if self.unused else told

    def _anew(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        return (self.missing, "not in the earlier network"), (self.other, "of another shape")


def take_over(model: GainMTL, state: Mapping[str, Tensor]) -> TakenOver:
    """Load those modules of which an earlier network has every tensor, in the same shape.

    A module is taken whole or not at all: half of a head is no head.

    Args:
        model: is changed.
        state: the tensors of the earlier `GainMTL` by name.
    """
    taken: list[str] = []
    missing: list[str] = []
    other: list[str] = []
    for name, module in model.named_children():
        own = module.state_dict()
        earlier = _of(state, name)
        if not earlier:
            missing.append(_IN_WORDS[name])
        elif own.keys() == earlier.keys() and all(own[key].shape == earlier[key].shape for key in own):
            module.load_state_dict(earlier)
            taken.append(_IN_WORDS[name])
        else:
            other.append(_IN_WORDS[name])
    children = dict(model.named_children())
    unused = dict.fromkeys(key.partition(".")[0] for key in state if key.partition(".")[0] not in children)
    return TakenOver(*map(tuple, (taken, missing, other, [_IN_WORDS.get(name, name) for name in unused])))


def _of(state: Mapping[str, Tensor], module: str) -> dict[str, Tensor]:
    prefix = f"{module}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
