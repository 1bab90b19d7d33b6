"""Long work in several processes beside each other, each with one thread, and stopped before a time limit."""

import multiprocessing
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2
import torch

from stop_in_time import in_time

Job = TypeVar("Job")


def in_processes(work: Callable[[Job], None], jobs: Iterable[Job], processes: int, minutes: float) -> int:
    """Do all jobs, and return how many of them failed; what went wrong is printed, and the others go on.

    With one process they are done in this one, with all its threads, and a failure is raised.

    Args:
        work: does one job; importable by name, as its jobs are picklable.
        jobs: taken in this order.
        processes: how many jobs are done at a time.
        minutes: none begins that might, as long as the longest so far, exceed this time.
    """
    if processes == 1:
        for job in in_time(jobs, minutes):
            work(job)
        return 0
    started, longest, failed = time.monotonic(), 0.0, 0
    begun: dict[Future[None], float] = {}
    waiting = deque(jobs)
    context = multiprocessing.get_context("spawn")  # CUDA cannot be used after a fork
    with ProcessPoolExecutor(processes, context, initializer=_one_thread) as pool:
        while waiting or begun:
            while waiting and len(begun) < processes and time.monotonic() - started + longest < 60 * minutes:
                try:
                    begun[pool.submit(work, waiting[0])] = time.monotonic()
                except BrokenProcessPool:  # a process was killed
                    return failed + len(waiting) + len(begun)
                waiting.popleft()
            if not begun:
                print(f"Time is over before {waiting[0]!r}: run the same command again to continue.")
                break
            for done in wait(begun, return_when=FIRST_COMPLETED).done:
                longest = max(longest, time.monotonic() - begun.pop(done))
                if (error := done.exception()) is not None:
                    failed += 1
                    print("".join(traceback.format_exception(error)), flush=True)
    return failed


def _one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
