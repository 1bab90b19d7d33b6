"""A pool of processes on this machine, each with an Inspector of its own; one that dies is replaced.

Each has a pipe of its own, so that it is known which batch a dead one held, and the others go on with theirs
(the pool of `concurrent.futures` breaks as a whole). The processes are spawned, not forked: a fork copies the
locks of the threads of OpenVINO and ONNX Runtime, but not the threads. Each ends when its pipe does, however
the process at the other end ended. Ctrl-C is for the parent alone.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import cv2

from gainspect.errors import GainspectError
from gainspect.inspection.engines.judge import Judge, Outcome, Recipe
from gainspect.inspection.engines.lost_workers import MOST_DEATHS, fatal, one_by_one
from gainspect.inspection.records.resume import Batch
from gainspect.inspection.stream import why_failed

_MOST_STILLBORN = 3
"""If so many processes in a row die before they can judge, it is no accident."""
_PATIENCE_S = 5.0
"""How long a process may take to end by itself."""


@dataclass(frozen=True)
class _Task:
    batch: Batch
    deaths: int = 0
    """How many processes it has cost."""


class Pool:
    """Judges with several processes.

    Args:
        recipe: how each makes its Inspector.
        workers: how many there are, at most.
    """

    def __init__(self, recipe: Recipe, workers: int) -> None:
        self._recipe = recipe
        self._workers = workers
        self.lost = 0
        """Processes that died and were replaced."""

    def outcomes(self, batches: Iterable[Batch]) -> Generator[Outcome, None, None]:
        """What comes of each image, batch by batch, as they are done.

        An image that costs every process that judges it is recorded so; the batch that it is in is tried
        twice, and then image by image.

        Raises:
            GainspectError: the processes cannot start.
        """
        left, again = map(_Task, batches), deque[_Task]()
        workers = list[_Worker]()
        stillborn = 0
        try:
            while True:
                for place in range(self._workers):
                    if place < len(workers) and workers[place].task is not None:
                        continue
                    task = again.popleft() if again else next(left, None)
                    if task is None:
                        break
                    if place == len(workers):
                        workers.append(_Worker(self._recipe))
                    workers[place].give(task)
                busy = {worker.connection: worker for worker in workers if worker.task is not None}
                if not busy:
                    return
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]
                    task, answer = worker.answer()
                    if answer is not None:
                        stillborn = 0
                        yield from answer
                        continue
                    if task is None:  # it only said that it is there
                        continue
                    self.lost += 1
                    worker.end()
                    workers[workers.index(worker)] = _Worker(self._recipe)
                    if worker.ready:
                        yield from self._after_death(task, again)
                        continue
                    stillborn += 1
                    if stillborn == _MOST_STILLBORN:
                        raise GainspectError(
                            f"{stillborn} worker processes in a row ended before they could judge",
                            hint="Is there enough memory? Take fewer --workers, or --engine local.",
                        )
                    again.appendleft(task)
        finally:
            for worker in workers:
                worker.connection.close()  # of all, before one is waited for
            for worker in workers:
                worker.end()

    @staticmethod
    def _after_death(task: _Task, again: deque[_Task]) -> Iterator[Outcome]:
        deaths = task.deaths + 1
        if deaths < MOST_DEATHS:
            again.appendleft(_Task(task.batch, deaths))
        elif len(task.batch.sources) == 1:
            yield fatal(task.batch)
        else:  # the next death tells which image it is
            again.extendleft(_Task(alone, MOST_DEATHS - 1) for alone in reversed([*one_by_one(task.batch)]))


class _Worker:
    """A process and the pipe to it."""

    def __init__(self, recipe: Recipe) -> None:
        self.task: _Task | None = None
        """What it is judging."""
        self.ready = False
        """Whether it has an Inspector."""
        context = multiprocessing.get_context("spawn")
        self.connection, far_end = context.Pipe()
        self._process = context.Process(target=_work, args=(far_end, recipe), daemon=True)
        with far_end, _no_interrupt():
            self._process.start()

    def give(self, task: _Task) -> None:
        """Let it judge a batch."""
        self.task = task
        with suppress(OSError):  # it is dead, which is seen when its answer is waited for
            self.connection.send(task.batch)

    def answer(self) -> tuple[_Task | None, list[Outcome] | None]:
        """What it says: its task and what came of it; the task alone if it died; nothing if it is ready now.

        Raises:
            GainspectError: it cannot make its Inspector.
        """
        task = self.task
        try:
            said: Any = self.connection.recv()
        except (EOFError, OSError):
            return task, None
        if isinstance(said, GainspectError):
            raise said
        if not self.ready:
            self.ready = True
            return None, None
        self.task = None
        return task, said

    def end(self) -> None:
        """Close its pipe, and wait for it a while."""
        self.connection.close()
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _work(connection: Connection, recipe: Recipe) -> None:
    """What a process does until its pipe ends."""
    if recipe.threads is not None:  # before torch is loaded, which reads no other word for it
        os.environ["OMP_NUM_THREADS"] = str(recipe.threads)
        cv2.setNumThreads(recipe.threads)
    with suppress(EOFError, OSError):  # the pipe ended
        try:
            judge = Judge(recipe.load(), recipe.pictures)
            connection.send(None)
            while True:
                connection.send(_answer(judge, connection.recv()))
        except GainspectError as error:
            connection.send(error)


def _answer(judge: Judge, batch: Batch) -> list[Outcome]:
    try:
        return list(judge.outcomes(batch))
    except Exception as error:
        raise GainspectError(f"a worker process cannot go on: {why_failed(error)}") from error


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Processes that begin now never see Ctrl-C; for this one it only waits."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
