"""Ray Data: actors on one machine or many, each with an Inspector. The one module that imports ray.

Ray starts a dead actor again and hands it the blocks that it held. A ledger, one more actor, notes which
batch each actor is at, so that a batch that costs its actors is not tried for ever (`lost_workers`).
"""

import logging
import os
import pickle
import warnings
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gainspect.errors import GainspectError
from gainspect.inspection.engines.judge import Judge, Outcome, Recipe
from gainspect.inspection.engines.lost_workers import MOST_DEATHS, fatal, one_by_one
from gainspect.inspection.records.resume import Batch

_BATCHES = 8
"""In a block, at most: what Ray hands out at once, and starts again if its actor dies."""
_BLOCKS = 16
"""For each actor, at least, where there are so many batches: all of them then end at about the same time."""
_STORE_BYTES = 2**28
"""Of the object store of a Ray that is started here; only names and records pass through it."""
_LONGEST_WHY = 300


class Ray:
    """Judges with actors of Ray: of the cluster that RAY_ADDRESS names, or of one that is started here.

    Args:
        recipe: how each actor makes its Inspector; with the bundle's content, which other machines lack.
        workers: how many actors there are.

    Raises:
        GainspectError: Ray is not installed.
    """

    def __init__(self, recipe: Recipe, workers: int) -> None:
        self._recipe = recipe
        self._workers = workers
        self.lost = 0
        """Actors that died while they judged."""
        import_ray()

    def outcomes(self, batches: Iterable[Batch]) -> Generator[Outcome, None, None]:
        """What comes of each image, block by block, as they are done.

        Raises:
            GainspectError: the actors cannot start, or Ray ends the work.
        """
        given = [pickle.dumps(batch) for batch in batches]
        if not given:
            return
        ray = import_ray()
        with started(self._workers):
            ledger = ray.remote(num_cpus=0)(_Ledger).remote()
            try:
                for row in self._dataset(given, ledger).iter_rows():
                    yield from pickle.loads(row["outcomes"])
            except ray.exceptions.RayError as error:
                raise _ended(error) from error
            self.lost = ray.get(ledger.lost.remote())

    def _dataset(self, batches: Sequence[bytes], ledger: Any) -> Any:
        import ray.data

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Ray sets its own deprecated options
            context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        blocks = max(min(len(batches), _BLOCKS * self._workers), -(-len(batches) // _BATCHES))
        return ray.data.from_items(
            [{"batch": batch} for batch in batches], override_num_blocks=blocks
        ).map_batches(
            _Actor,
            fn_constructor_args=(ray.put(self._recipe), ledger),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=min(self._workers, len(batches))),
            num_cpus=self._recipe.threads or 1,
        )


class _Actor:
    """Holds a Judge, on some machine."""

    def __init__(self, recipe: Any, ledger: Any) -> None:
        ray = import_ray()
        given: Recipe = ray.get(recipe)
        if given.threads is not None:  # before torch is loaded, which reads no other word for it
            os.environ["OMP_NUM_THREADS"] = str(given.threads)
        self._judge = Judge(given.load())
        self._ledger = ledger
        self._get = ray.get

    def __call__(self, rows: dict[str, Sequence[bytes]]) -> dict[str, list[bytes]]:
        """Judge the batches of some rows."""
        return {"outcomes": [pickle.dumps(self._outcomes(pickle.loads(batch))) for batch in rows["batch"]]}

    def _outcomes(self, batch: Batch) -> list[Outcome]:
        return self._tried(batch, MOST_DEATHS) or [
            outcome for alone in one_by_one(batch) for outcome in self._tried(alone, 1) or [fatal(alone)]
        ]

    def _tried(self, batch: Batch, most: int) -> list[Outcome] | None:
        """What comes of a batch; None: it has cost too many actors."""
        key = (batch.first, len(batch.sources), most)
        if self._get(self._ledger.begin.remote(key)) >= most:
            return None
        outcomes = list(self._judge.outcomes(batch))
        self._get(self._ledger.end.remote(key))  # before the driver can ask how many died
        return outcomes


class _Ledger:
    """How often a batch was begun and not ended."""

    def __init__(self) -> None:
        self._open: Counter[tuple[int, int, int]] = Counter()
        self._lost = 0

    def begin(self, key: tuple[int, int, int]) -> int:
        """How often a batch was begun without an end; that it begins now is noted, unless it is too often.

        Args:
            key: its first place, its number of images, and from how many deaths on it is not begun.
        """
        deaths = self._open[key]
        self._open[key] += deaths < key[2]
        return deaths

    def end(self, key: tuple[int, int, int]) -> None:
        """Note that a batch is done."""
        self._lost += self._open.pop(key, 1) - 1

    def lost(self) -> int:
        """How many actors died while they judged; asked for when none is judging."""
        return self._lost + self._open.total()


@contextmanager
def started(workers: int) -> Iterator[None]:
    """Have Ray running: one that runs already, the cluster that RAY_ADDRESS names, or one on this machine.

    That one listens on the loopback address only, sends no usage statistics, shows no dashboard, and ends
    with the block.

    Args:
        workers: CPUs that it may think it has.

    Raises:
        GainspectError: it does not start, or the cluster cannot be reached.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    here: dict[str, Any] = {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        ray.init(address, **quiet) if address else ray.init("local", **quiet, **here)
    except Exception as error:  # Ray raises errors of many kinds
        raise GainspectError(f"Ray does not start ({_last_line(error)})", where=address) from error
    try:
        yield
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """The package ray, told before to send nothing and, where it starts by itself, to stay on this machine.

    Raises:
        GainspectError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_ADDRESS" not in os.environ:
        # Ray replaces the loopback address by that of the network card, unless it is told that there is no
        # cluster; it reads this once.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise GainspectError(
            f"--engine ray needs Ray ({error})",
            hint="pip install 'gainspect[ray]', or choose --engine pool.",
        ) from error
    return ray


def _ended(error: Exception) -> GainspectError:
    """The error for work that Ray ends; what an actor said itself is said as it is."""
    _, own, said = _last_line(error).rpartition(f"{GainspectError.__name__}: ")
    if own:
        return GainspectError(f"a worker cannot go on: {said}")
    return GainspectError(f"Ray ended the work ({_last_line(error)})", hint="What was written is kept.")


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:_LONGEST_WHY]
