"""What ranks share and tell each other, without a second process."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gainspect.errors import GainspectError
from gainspect.training import ranks as module
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.together import together


@given(items=st.lists(st.integers(), max_size=12), count=st.integers(1, 5))
def test_shares_are_gathered_in_the_order_of_the_list(items: list[int], count: int) -> None:
    everyone = [Ranks(rank, devices=count) for rank in range(count)]
    shares = [one.share(items) for one in everyone]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1

    def all_gather(found: list[Any], own: list[int], group: object) -> None:
        assert own in shares
        found[:] = shares

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dist, "all_gather_object", all_gather)
        for one, share in zip(everyone, shares, strict=True):
            assert one.gathered(share) == items


def test_alone_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("all_reduce", "all_gather_object", "broadcast", "broadcast_object_list"):
        monkeypatch.setattr(dist, name, None)
    values = torch.arange(3)
    assert ALONE.summed(values) is values
    assert ALONE.gathered(ALONE.share([1, 2])) == [1, 2]
    assert ALONE.told("order") == "order"
    ALONE.equalize_buffers(nn.BatchNorm2d(2))


@pytest.mark.parametrize(("batch", "count", "near"), [(16, 3, 15), (7, 2, 8), (2, 4, 4)])
def test_a_batch_that_cannot_be_shared_evenly_is_refused(batch: int, count: int, near: int) -> None:
    with pytest.raises(GainspectError, match=rf"batch_size: a batch of {batch} images .* such as {near}, or"):
        Ranks(devices=count).require_shares(batch)
    Ranks(devices=count).require_shares(near)


def test_fewer_images_than_ranks_are_refused() -> None:
    Ranks(devices=3).require_images(3)
    with pytest.raises(GainspectError, match="--devices: 2 training images for 3 processes"):
        Ranks(devices=3).require_images(2)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GainspectError("it is empty", where="a.png", hint="Export it."), "a.png: it is empty. Export it."),
        (
            RuntimeError("out of memory\nand more"),
            "process 1 of the training ended (RuntimeError: out of memory). Continue with --resume.",
        ),
    ],
)
def test_of_the_ranks_that_fail_the_first_is_heard(error: Exception, said: str) -> None:
    store = dist.HashStore()  # type: ignore[attr-defined]
    first, second = (Ranks(rank, devices=3, store=store) for rank in (1, 2))
    assert str(first.report(error)) == said
    second.report(RuntimeError("connection closed"))
    assert str(Ranks(0, devices=3, store=store).reported()) == said


def test_a_process_that_was_killed_is_heard_before_those_that_lost_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost, store = GainspectError("it was killed"), dist.HashStore()  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "_NOTICE_SECONDS", 0.2)
    assert Ranks(0, devices=3, store=store).reported() is None
    Ranks(1, devices=3, store=store).report(RuntimeError("connection closed"))
    assert Ranks(0, devices=3, store=store, killed=lambda: lost).reported() is lost


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Why processes cannot be brought together; none is started."""
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)

    def refused(devices: int, nodes: int, **environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(GainspectError) as caught, together(devices, nodes, ("no such command",)):
            pass
        return str(caught.value)

    return refused


def test_processes_that_do_not_fit_the_launcher_are_refused(refusal: Callable[..., str]) -> None:
    assert refusal(2, 2).startswith("--devices 2 --nodes 2: several machines need a launcher")
    assert "cannot be started" in refusal(2, 1)
    launched = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "RANK": "0", "LOCAL_RANK": "0"}
    assert refusal(1, 1, **launched).startswith(
        "--devices 1 --nodes 1: a launcher started 4 processes, and these would be 1."
    )


def test_more_processes_than_gpus_are_refused(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert refusal(2, 1) == "--devices 2: this machine has 1 GPU. Choose as many as there are."


def test_one_process_is_alone() -> None:
    with together(1, 1, ("no such command",)) as ranks:
        assert ranks is ALONE
        assert not dist.is_initialized()
