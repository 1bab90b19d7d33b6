"""What is taken over of an earlier network: whole modules, tensor by tensor, and nothing else."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gainspect.models.gain_mtl import GainMTL
from gainspect.models.taken_over import take_over

Build = Callable[..., GainMTL]


def _other(model: GainMTL) -> dict[str, Tensor]:
    """Its tensors, each another."""
    return {key: value + 1 for key, value in model.state_dict().items()}


def test_of_a_network_of_the_same_kind_all_is_taken_over(build: Build) -> None:
    model = build("S6")
    state = _other(model)
    taken = take_over(model, state)
    torch.testing.assert_close(dict(model.state_dict()), state, rtol=0, atol=0)
    assert (taken.missing, taken.other, taken.unused) == ((), (), ())
    assert len(taken.sentences()) == 1


ATTENDED = {"adapter", "attended head"}
LOCALIZES = {"pyramid", "localization head"}
NAMES = {
    "guided attention": "attention",
    "adapter": "adapter",
    "attended head": "attended",
    "pyramid": "pyramid",
    "localization head": "localization",
    "evidence head": "verdict",
}


@pytest.mark.parametrize(
    ("earlier", "now", "missing", "other", "unused"),
    [
        ("S1", "S4", {"guided attention"} | ATTENDED | LOCALIZES, set(), set()),
        ("S6", "S1", set(), set(), {"guided attention", "suppression"} | ATTENDED | LOCALIZES),
        # S9 reads attention from a U-Net's level and S4 from the deepest features.
        ("S4", "S9", {"evidence head"}, {"guided attention"} | LOCALIZES, ATTENDED),
    ],
)
def test_a_module_is_taken_whole_or_begins_anew(
    build: Build, earlier: str, now: str, missing: set[str], other: set[str], unused: set[str]
) -> None:
    state = _other(build(earlier))
    model = build(now)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    taken = take_over(model, state)
    assert (set(taken.missing), set(taken.other), set(taken.unused)) == (missing, other, unused)
    begin = {NAMES[name] for name in missing | other}
    for key, value in model.state_dict().items():
        expected = before[key] if key.partition(".")[0] in begin else state[key]
        torch.testing.assert_close(value, expected, rtol=0, atol=0)
    told = " ".join(taken.sentences())
    assert all(name in told for name in (*missing, *other, *unused, *taken.taken))
