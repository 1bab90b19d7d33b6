"""From the name of an engine to the engine."""

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Literal, Protocol, get_args

from gainspect.errors import GainspectError
from gainspect.inspection.cpus import available_cpus
from gainspect.inspection.engines.judge import Judge, Outcome, Recipe
from gainspect.inspection.engines.local import Local
from gainspect.inspection.inputs import require_count
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.resume import Batch

EngineName = Literal["local", "pool", "ray"]


class Engine(Protocol):
    """Judges batches, somewhere."""

    lost: int
    """Processes that died and were replaced."""

    def outcomes(self, batches: Iterable[Batch]) -> Generator[Outcome, None, None]:
        """What comes of each image, in any order; closing it ends the work.

        Raises:
            GainspectError: the work cannot go on.
        """


def require_engine(name: str, workers: int | None) -> EngineName:
    """Look up an engine by its name.

    Raises:
        GainspectError: there is no such engine, or it has no workers to be counted.
    """
    for engine in get_args(EngineName):
        if engine == name:
            if engine == "local" and workers is not None:
                raise GainspectError("--workers is for --engine pool and ray", hint="Add --engine pool.")
            chosen: EngineName = engine
            return chosen
    raise GainspectError(
        f"there is no engine {name!r}", hint=f"Choose from {', '.join(get_args(EngineName))}."
    )


def shares(engine: EngineName, workers: int | None, threads: int | None) -> tuple[int, int | None]:
    """How many processes judge, and with how many threads each.

    Args:
        engine: the name of the engine.
        workers: as they were asked for; None: one for each CPU that this process may use.
        threads: the same, of each process; None: the CPUs are shared among the processes.
    """
    if engine == "local":
        return 1, threads
    count = available_cpus() if workers is None else require_count("workers", workers)
    return count, threads or max(1, available_cpus() // count)


def open_engine(name: EngineName, inspector: Inspector, recipe: Recipe, workers: int) -> Engine:
    """Make an engine ready.

    Args:
        name: which.
        inspector: that of this process.
        recipe: how other processes make theirs.
        workers: how many processes there are, at most.

    Raises:
        GainspectError: a package is missing.
    """
    if name == "local":
        return Local(Judge(inspector, recipe.pictures))
    if name == "pool":
        from gainspect.inspection.engines.pool import Pool

        return Pool(recipe, workers)
    from gainspect.inspection.engines.ray import Ray

    bundle = inspector.bundle if inspector.bundle is not None else recipe.bundle
    return Ray(replace(recipe, bundle=bundle), workers)
