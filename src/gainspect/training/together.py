"""Brings the processes of a training together: those of a launcher, or others that are started here."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
import torch.distributed as dist
from lightning.fabric.plugins import ClusterEnvironment
from lightning.fabric.plugins.environments.lsf import LSFEnvironment
from lightning.fabric.plugins.environments.mpi import MPIEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from gainspect.errors import GainspectError
from gainspect.training.own_processes import started_here
from gainspect.training.ranks import ALONE, Ranks, group
from gainspect.wording import plural

_LAUNCHERS = (TorchElasticEnvironment, SLURMEnvironment, LSFEnvironment, MPIEnvironment)
"""Whose processes are recognized, in Lightning's order."""
_TORCHRUN = "torchrun --no-python --nnodes M --nproc-per-node N … gainspect train --nodes M --devices N …"


@contextmanager
def together(devices: int, nodes: int, follower: Sequence[str]) -> Iterator[Ranks]:
    """Bring `devices` processes on each of `nodes` machines together, for one or several trainings.

    Where a launcher (torchrun, srun, …) started this process with others, they are the ranks: each of them
    must call this, and those that do not lead must follow. Otherwise `devices` − 1 processes are started on
    this machine, which end with the block, however it ends, or with this process. With 1 and 1 nothing is
    done.

    Args:
        devices: processes on each machine; one for each GPU, or on the CPU as many as are to share it.
        nodes: machines.
        follower: a command that joins with the further arguments it is given, and follows (`started_here`).

    Yields:
        The ranks, of which this process is one.

    Raises:
        GainspectError: there are fewer GPUs, machines need a launcher, it started another number of
            processes, or a process cannot be started.
    """
    environment = next((kind() for kind in _LAUNCHERS if kind.detect()), None)
    launched = 1 if environment is None else environment.world_size()
    if launched not in (1, devices * nodes) or (launched == 1 and nodes > 1):
        raise _other_number(devices, nodes, launched)
    gpus = torch.cuda.device_count()
    if devices > 1 and 0 < gpus < devices:
        raise GainspectError(
            f"this machine has {plural(gpus, 'GPU')}",
            where=f"--devices {devices}",
            hint="Choose as many as there are.",
        )
    if devices * nodes == 1:
        yield ALONE
        return
    if dist.is_initialized():
        raise GainspectError(
            "this process belongs to a group of torch.distributed already",
            where=f"--devices {devices}",
            hint="Call this before the group is made, or after it was destroyed.",
        )
    if environment is not None and launched > 1:
        gathered = _launched(environment, devices, nodes)
    else:
        gathered = started_here(devices, follower)
    with gathered as ranks:
        yield ranks
        if ranks.leads:  # not after an error: the others may be somewhere else, or gone
            with suppress(RuntimeError):
                ranks.told(None)


def _other_number(devices: int, nodes: int, launched: int) -> GainspectError:
    asked = f"--devices {devices} --nodes {nodes}"
    if launched > 1:
        return GainspectError(
            f"a launcher started {launched} processes, and these would be {devices * nodes}",
            where=asked,
            hint="Give both numbers as the launcher has them.",
        )
    return GainspectError(
        "several machines need a launcher that starts the processes on each of them",
        where=asked,
        hint=f"Use srun or: {_TORCHRUN}.",
    )


@contextmanager
def _launched(environment: ClusterEnvironment, devices: int, nodes: int) -> Iterator[Ranks]:
    """The ranks that a launcher started."""
    rank, count = environment.global_rank(), environment.world_size()
    os.environ["MASTER_ADDR"] = environment.main_address
    os.environ["MASTER_PORT"] = str(environment.main_port)
    store, *_ = next(iter(rendezvous("env://", rank=rank, world_size=count)))
    with group(PrefixStore("gainspect", store), rank, count, environment.local_rank()) as objects:
        yield Ranks(rank, environment.local_rank(), devices, nodes, environment, store, objects)
