"""Worker processes by the room that there is in shared memory."""

from typing import Any

import pytest
import torch

from gainspect.config import RunConfig
from gainspect.training.workers import loading_workers, out_of_shared_memory

MIB = 2**20


def config(workers: int | None, batch_size: int = 16, size: int = 512) -> RunConfig:
    training: dict[str, Any] = {"workers": workers, "batch_size": batch_size}
    return RunConfig.model_validate({"data": {"size": size}, "training": training})


def test_with_room_there_are_as_many_as_wanted() -> None:
    # A batch is 16 × 512 × 512 × 4 bytes = 16 MiB; four processes hold 4 × 2 + 2, with a fifth to spare.
    assert loading_workers(config(4), 201 * MIB) == (4, "")
    assert loading_workers(config(0), 0) == (0, "")


@pytest.mark.parametrize(("free", "count"), [(199, 3), (125, 2), (64, 0), (1, 0), (0, 0)])
def test_without_room_there_are_fewer_and_it_is_said(free: int, count: int) -> None:
    found, sentence = loading_workers(config(4), free * MIB)
    assert found == count
    # What is used fits: ahead, in training and on the way.
    assert count == 0 or (2 * count + 2) * 16 <= 0.8 * free
    assert f"/dev/shm has {free} MiB free, 4 need 200 MiB" in sentence and "\n" not in sentence


def test_ranks_share_batches_and_the_memory_of_their_machine() -> None:
    """Two of four ranks lie on this machine: each has half of its memory, and a quarter of each batch."""
    assert loading_workers(config(4), 101 * MIB, devices=2, ranks=4) == (4, "")
    alone = loading_workers(config(4, batch_size=4), 24 * MIB)
    assert loading_workers(config(4), 48 * MIB, devices=2, ranks=4) == alone
    assert alone[0] < 4


def test_small_batches_fit_into_the_64_mb_of_a_container() -> None:
    assert loading_workers(config(4, batch_size=8, size=256), 64 * MIB)[0] == 4


@pytest.mark.parametrize(("threads", "count"), [(1, 0), (2, 0), (4, 3), (64, 8)])
def test_by_default_by_the_cores(monkeypatch: pytest.MonkeyPatch, threads: int, count: int) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert loading_workers(config(None), 2**40) == (count, "")


@pytest.mark.parametrize(
    "text",
    [
        "unable to write to file </torch_81_2>: No space left on device (28)",
        "DataLoader worker (pid 81) is killed by signal: Bus error. It is possible that dataloader's workers "
        "are out of shared memory.",
        "DataLoader worker (pid(s) 81) exited unexpectedly",
    ],
)
def test_what_pytorch_says_of_it_is_one_sentence(text: str) -> None:
    error = RuntimeError("Caught RuntimeError")
    error.__cause__ = RuntimeError(text)
    found = out_of_shared_memory(error)
    assert found is not None and "--resume" in str(found) and "\n" not in str(found)
    assert out_of_shared_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
