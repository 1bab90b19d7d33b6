"""The processes (ranks) that train one network together, and what they tell each other.

Each has its own copy of the network and its share of each batch. Rank 0 leads: it alone writes files, prints,
and does what comes before and after a training. The others follow: they wait for its orders.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning.fabric.plugins import ClusterEnvironment
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store

from gainspect.errors import GainspectError
from gainspect.wording import plural

Item = TypeVar("Item")

_FAILED = "failed"
_PATIENCE = timedelta(days=30)
"""How long a rank waits for an order: rank 0 may judge or export in between."""
_NOTICE_SECONDS = 10.0
"""How long is waited for what the rank that failed first says of it, after its connection has broken."""


@dataclass(frozen=True)
class Ranks:
    """The ranks of a training; without arguments this process alone.

    Where not said otherwise, all ranks call its methods, in the same order.
    """

    rank: int = 0
    local_rank: int = 0
    """Its number on its machine; also that of its GPU."""
    devices: int = 1
    """Ranks on each machine."""
    nodes: int = 1
    """Machines."""
    environment: ClusterEnvironment | None = None
    """Who started the processes, for Lightning; None: this process is alone."""
    store: Store | None = None
    """Keys and values that all ranks see, whatever becomes of their connections."""
    objects: dist.ProcessGroup | None = None
    """A group for objects, over the CPU, in which a rank waits as long as rank 0 has other things to do."""
    killed: Callable[[], GainspectError | None] = lambda: None
    """Says of a process that was killed and could not leave word, as far as rank 0 knows of it."""

    @property
    def count(self) -> int:
        """How many there are."""
        return self.devices * self.nodes

    @property
    def alone(self) -> bool:
        """Whether there is only this one."""
        return self.count == 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def share(self, items: list[Item]) -> list[Item]:
        """What this rank takes of a list; `gathered` puts the shares together again (not collective)."""
        return items[self.rank :: self.count]

    def gathered(self, share: list[Item]) -> list[Item]:
        """The whole list on every rank, in its order, from what each made of its `share`."""
        if self.alone:
            return share
        shares: list[Any] = [None] * self.count
        dist.all_gather_object(shares, share, group=self.objects)
        whole: list[Any] = [None] * sum(map(len, shares))
        for rank, part in enumerate(shares):
            whole[rank :: self.count] = part
        return whole

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all ranks of a tensor, which is not changed."""
        if self.alone:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def equalize_buffers(self, module: nn.Module) -> None:
        """Give all ranks the buffers (statistics of BatchNorm) of rank 0."""
        if not self.alone:
            for buffer in module.buffers():
                dist.broadcast(buffer, src=0)

    def told(self, order: Any = None) -> Any:
        """What rank 0 gives the others as their next order; None: there are no more."""
        orders = [order]
        if not self.alone:
            dist.broadcast_object_list(orders, src=0, group=self.objects)
        return orders[0]

    def require_shares(self, batch_size: int) -> None:
        """Refuse a batch of which not every rank would have the same number of images (not collective).

        Raises:
            GainspectError: the size of the batch is no multiple of the number of ranks.
        """
        if batch_size % self.count:
            near = self.count * max(1, round(batch_size / self.count))
            raise GainspectError(
                f"a batch of {plural(batch_size, 'image')} cannot be shared evenly by {self.count} processes",
                where="training.batch_size",
                hint=f"It is the batch of all of them: choose a multiple of {self.count}, such as {near}, or "
                "other --devices.",
            )

    def require_images(self, count: int) -> None:
        """Refuse a batch of fewer images than there are ranks (not collective).

        Raises:
            GainspectError: some rank would have none.
        """
        if count < self.count:
            raise GainspectError(
                f"{plural(count, 'training image')} for {self.count} processes",
                where="--devices",
                hint="Choose fewer.",
            )

    def report(self, error: Exception) -> GainspectError:
        """Leave word for rank 0 of what ended this rank; only the first to fail is heard (not collective).

        Returns:
            What was left.
        """
        told = error
        if not isinstance(told, GainspectError):
            line = next(iter(str(error).splitlines()), "")
            told = GainspectError(
                f"process {self.rank} of the training ended ({type(error).__name__}: {line})",
                hint="Continue with --resume.",
            )
        if self.store is not None:
            said = json.dumps({"what": told.what, "where": told.where, "hint": told.hint})
            with suppress(RuntimeError):  # rank 0 is no more
                self.store.compare_set(_FAILED, "", said)
        return told

    def reported(self) -> GainspectError | None:
        """What ended the rank that failed first; waits a little for it; None: not known (not collective)."""
        end = time.monotonic() + _NOTICE_SECONDS
        while self.store is not None and time.monotonic() < end:
            if error := self.killed():
                return error
            if self.store.check([_FAILED]):
                return GainspectError(**json.loads(self.store.get(_FAILED)))
            time.sleep(0.1)
        return None


ALONE = Ranks()


@contextmanager
def group(store: Store, rank: int, count: int, local_rank: int) -> Iterator[dist.ProcessGroup]:
    """The group of all ranks while the block lasts, over NCCL between GPUs, otherwise over gloo.

    Yields:
        A second group, for objects.
    """
    gpus = torch.cuda.is_available()
    tells_errors = sys.excepthook  # torch wraps it, and leaves it so
    dist.init_process_group(
        "nccl" if gpus else "gloo",
        store=store,
        rank=rank,
        world_size=count,
        device_id=torch.device("cuda", local_rank) if gpus else None,
    )
    try:
        objects = dist.new_group(backend="gloo", timeout=_PATIENCE)
        assert isinstance(objects, dist.ProcessGroup)  # all ranks are members
        yield objects
    finally:
        dist.destroy_process_group()
        sys.excepthook = tells_errors
