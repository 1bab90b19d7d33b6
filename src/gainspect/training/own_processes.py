"""The processes of a training that gainspect starts itself, on this machine."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from lightning.fabric.plugins import ClusterEnvironment
from torch.distributed.distributed_c10d import PrefixStore

from gainspect.errors import GainspectError
from gainspect.training.ranks import Ranks, group

_LOOPBACK = {"linux": "lo", "darwin": "lo0"}
"""The network interface that does not leave the machine, by platform."""
_LEAVING_SECONDS = 30.0
"""How long the others may take to leave after the last training."""


@contextmanager
def started_here(devices: int, command: Sequence[str]) -> Iterator[Ranks]:
    """This process as rank 0, and others that it starts on this machine.

    Args:
        devices: how many in all.
        command: calls `joined` with the three further arguments it is given, and follows.

    Raises:
        GainspectError: a process cannot be started, or ended before all had come.
    """
    threads = torch.get_num_threads()
    each = threads if "OMP_NUM_THREADS" in os.environ else max(1, threads // devices)
    with (
        TemporaryDirectory(prefix="gainspect-", ignore_cleanup_errors=True) as folder,
        _environment(OMP_NUM_THREADS=str(each), **_on_loopback()),
        _followers(devices, command, Path(folder)) as followers,
    ):
        torch.set_num_threads(each)
        try:
            with joined(Path(folder), 0, devices, followers) as ranks:
                yield ranks
        finally:
            torch.set_num_threads(threads)


@contextmanager
def joined(folder: Path, rank: int, devices: int, followers: "Sequence[_Follower]" = ()) -> Iterator[Ranks]:
    """Rank `rank` of `devices` on this machine, which meet in a folder.

    Raises:
        GainspectError: one of the `followers` ended before all had come.
    """

    def killed() -> GainspectError | None:
        codes = [follower.process.poll() for follower in followers]
        gone = [one for one, code in zip(followers, codes, strict=True) if code is not None and code < 0]
        return gone[0].error() if gone else None

    store = dist.FileStore(str(folder / "store"), devices)  # type: ignore[attr-defined]
    store.set(f"here/{rank}", "")
    while not store.check([f"here/{one}" for one in range(devices)]):
        if ended := [follower for follower in followers if follower.process.poll() is not None]:
            raise ended[0].error()
        time.sleep(0.05)
    environment = OnThisMachine(rank, devices)
    with group(PrefixStore("group", store), rank, devices, rank) as objects:
        yield Ranks(rank, rank, devices, 1, environment, store, objects, killed)


class OnThisMachine(ClusterEnvironment):
    """Tells Lightning of processes that gainspect started itself on one machine."""

    def __init__(self, rank: int, count: int) -> None:
        super().__init__()
        self._rank, self._count = rank, count

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning starts none."""
        return True

    @property
    def main_address(self) -> str:
        """Not used: the group exists already."""
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        """Not used."""
        return 0

    @staticmethod
    def detect() -> bool:
        """It is always given."""
        return False

    def world_size(self) -> int:
        """How many ranks there are."""
        return self._count

    def set_world_size(self, size: int) -> None:
        """It does not change."""

    def global_rank(self) -> int:
        """Which this is."""
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """It does not change."""

    def local_rank(self) -> int:
        """The same."""
        return self._rank

    def node_rank(self) -> int:
        """The only one."""
        return 0


class _Follower:
    """A process that was started as rank `rank`.

    Its standard input is a pipe from this process: it ends when this process does, however that happens.
    """

    def __init__(self, command: Sequence[str], folder: Path, rank: int, devices: int) -> None:
        self.rank = rank
        self._output = folder / f"output{rank}.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, str(folder), str(rank), str(devices)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for rank 0, which then ends the others
            )

    def error(self) -> GainspectError:
        """What it left behind when it ended."""
        lines = self._output.read_text(errors="backslashreplace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        return GainspectError(
            f"process {self.rank} of the training ended with code {self.process.returncode}{last}",
            hint="Continue with --resume, with fewer --devices if memory was short.",
        )

    def end(self, within: float) -> None:
        """Wait so many seconds for it to end by itself, then end it."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        self.process.kill()
        self.process.wait()
        with suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]  # it is a pipe


@contextmanager
def _followers(devices: int, command: Sequence[str], folder: Path) -> Iterator[list[_Follower]]:
    """Ranks 1 … `devices` − 1 while the block lasts."""
    started: list[_Follower] = []
    within, over = 0.0, threading.Event()
    try:
        for rank in range(1, devices):
            started.append(_start(command, folder, rank, devices))  # noqa: PERF401 (ended if the next fails)
        threading.Thread(target=_watch, args=(started, over), daemon=True).start()
        yield started
        within = _LEAVING_SECONDS
    finally:
        over.set()
        for follower in started:
            follower.end(within)


def _start(command: Sequence[str], folder: Path, rank: int, devices: int) -> _Follower:
    try:
        return _Follower(command, folder, rank, devices)
    except OSError as error:
        raise GainspectError(f"a process cannot be started ({error.strerror or error})") from error


def _watch(followers: list[_Follower], over: threading.Event) -> None:
    """End what GPUs wait for when a process was lost: gloo notices that by itself, NCCL does not."""
    while not over.wait(0.5):
        if dist.is_initialized() and any(follower.process.poll() for follower in followers):
            if dist.get_backend() == "nccl" and dist.group.WORLD is not None:
                dist.group.WORLD.abort()
            return


def _on_loopback() -> dict[str, str]:
    own = _LOOPBACK.get(sys.platform)
    given = os.environ.get("GLOO_SOCKET_IFNAME", own)
    return {} if given is None else {"GLOO_SOCKET_IFNAME": given}


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Environment variables while the block lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
