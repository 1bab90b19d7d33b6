"""How many processes load images: as many as the machine and its shared memory have room for."""

import os
import shutil
from pathlib import Path

import torch
from torch.utils.data._utils import signal_handling

from gainspect.config import RunConfig
from gainspect.errors import GainspectError

_SHARED = Path("/dev/shm")
"""Where the processes put their batches; in containers it often has 64 MB."""
_AHEAD = 2
"""Batches that each process prepares ahead (PyTorch's own default)."""
_BYTES_PER_PIXEL = 4
"""Of a batch: three channels, and the mask."""
_ROOM = 0.8
"""Share of the free shared memory that is used."""


def loading_workers(
    config: RunConfig, free: int | None = None, *, devices: int = 1, ranks: int = 1
) -> tuple[int, str]:
    """Number of worker processes of a rank, and a sentence if there are fewer than wanted.

    Wanted are the configuration's, else 0 on one or two cores (no gain) and otherwise cores − 1, at most 8.

    Args:
        config: the configuration of the run, with an image size.
        free: free bytes of shared memory; None: those of this machine.
        devices: how many ranks share the memory of this machine.
        ranks: how many share each batch.
    """
    wanted = config.training.workers
    if wanted is None:
        cores = torch.get_num_threads()
        wanted = 0 if cores <= 2 else min(8, cores - 1)
    free = _free_shared_memory() if free is None else free
    if free is None or not wanted:
        return wanted, ""
    free //= devices
    batch = config.training.batch_size // ranks * config.data.input_size**2 * _BYTES_PER_PIXEL
    # One batch is being trained on, and one more is on its way.
    possible = int((free * _ROOM / batch - 2) // _AHEAD)
    if possible >= wanted:
        return wanted, ""
    count = max(0, possible)
    needed = (wanted * _AHEAD + 2) * batch / _ROOM
    return count, (
        f"Images are loaded by {count or 'no'} worker processes instead of {wanted}: /dev/shm has "
        f"{free / 2**20:.0f} MiB free, {wanted} need {needed / 2**20:.0f} MiB (docker run --shm-size)."
    )


def handle_no_child_signals() -> None:
    """Keep PyTorch from handling SIGCHLD when it starts worker processes.

    A process that does so can die when a child ends while it holds state of AMX, as arithmetic in BF16 and
    INT8 leaves it. PyTorch then notices a worker that died within 5 s, when it looks, instead of at once.
    """
    signal_handling._SIGCHLD_handler_set = True


def out_of_shared_memory(error: BaseException) -> GainspectError | None:
    """One sentence for an error of PyTorch that says that worker processes have no room; else None."""
    text = " ".join(str(link) for link in _chain(error))
    if not any(sign in text for sign in ("Bus error", "shared memory", "/torch_", "DataLoader worker")):
        return None
    free = _free_shared_memory()
    left = "" if free is None else f" (/dev/shm has {free / 2**20:.0f} MiB free)"
    return GainspectError(
        f"a process that loads images died or had no room for its batches{left}",
        hint="Continue with --resume, which starts as many as there is room for, or enlarge it "
        "(docker run --shm-size).",
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _free_shared_memory() -> int | None:
    if os.name != "posix" or not _SHARED.is_dir():
        return None
    try:
        return shutil.disk_usage(_SHARED).free
    except OSError:
        return None
