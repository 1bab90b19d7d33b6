"""The processes of a training job; run as a module, this is one that gainspect started itself."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from gainspect.jobs.memory import keep_freed_memory
from gainspect.training.fitting import follow
from gainspect.training.own_processes import joined
from gainspect.training.ranks import Ranks
from gainspect.training.together import together


@contextmanager
def training_ranks(devices: int, nodes: int, console: Console | None) -> Iterator[Ranks]:
    """Bring the processes of a job together (see `together`); rank 0 goes on with the block.

    The others, if a launcher started them with the same command, do nothing but follow, and end here.

    Args:
        devices: processes on each machine.
        nodes: machines.
        console: where the job prints; it becomes silent in the others.

    Raises:
        GainspectError: they cannot be brought together, or one of the others failed.
        SystemExit: this process is one of the others, and the trainings have ended.
    """
    keep_freed_memory()
    with together(devices, nodes, _FOLLOWER) as ranks:
        if ranks.leads:
            yield ranks
            return
        if console is not None:
            console.quiet = True
        follow(ranks)
    raise SystemExit(0)


def main() -> None:
    """Follow rank 0, as one of so many processes that meet in a folder: the last three arguments."""
    keep_freed_memory()
    folder, rank, devices = sys.argv[-3:]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with joined(Path(folder), int(rank), int(devices)) as ranks:
        follow(ranks)


def _end_with_parent() -> None:
    """End this process when the one that started it has ended and its pipe closes."""
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin: its lock would be held where processes are forked
    os._exit(1)


_FOLLOWER = (sys.executable, "-P", "-m", __spec__.name)

if __name__ == "__main__":
    main()
