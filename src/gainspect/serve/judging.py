"""One thread that judges, and the images that wait for it: so many and no more."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from gainspect.inspection.sources.contents import GivenContents
from gainspect.inspection.stream import Inspected, inspect_files
from gainspect.serve.bundles import Loaded


class QueueFull(Exception):
    """There is no room for the images of a part.

    Args:
        seconds: after which there is likely to be.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("too many images are waiting")
        self.seconds = seconds


@dataclass(eq=False)
class _Job:
    by: Loaded
    names: Sequence[str]
    contents: Sequence[bytes]
    done: Future[list[Inspected]] = field(default_factory=Future)


class Judging:
    """Judges the images of parts, in the order of their arrival, those of several parts together.

    Args:
        waiting: images that may wait.
        at_once: images that are judged together.
    """

    def __init__(self, waiting: int, at_once: int) -> None:
        self._most_waiting, self._at_once = waiting, at_once
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._images = 0
        """That wait, or are being judged."""
        self._ends = False
        self._seconds_an_image = 0.05
        """Lately; a first guess."""
        self._thread = threading.Thread(target=self._work, name="judging", daemon=True)
        self._thread.start()

    @property
    def images(self) -> int:
        """That wait or are being judged."""
        return self._images

    def submit(self, by: Loaded, names: Sequence[str], contents: Sequence[bytes]) -> Future[list[Inspected]]:
        """Let images be judged together, in the order given.

        A part with more images than may wait is taken if nothing else waits.

        Args:
            by: what judges.
            names: of the images.
            contents: of their files.

        Returns:
            What was found of each, without its pixels; an image that cannot be read or judged has an error.
            If the future is cancelled before its turn, they are not judged, and there is room for others.

        Raises:
            QueueFull: there is no room.
        """
        with self._changed:
            if self._ends or (self._images and self._images + len(contents) > self._most_waiting):
                raise QueueFull(self._seconds_an_image * max(1, self._images))
            job = _Job(by, names, contents)
            self._jobs.append(job)
            self._images += len(contents)
            self._changed.notify()
        job.done.add_done_callback(lambda done: self._leave(job) if done.cancelled() else None)
        return job.done

    def stop(self) -> None:
        """Judge what waits, take no more, and end."""
        with self._changed:
            self._ends = True
            self._changed.notify()
        self._thread.join()

    def _leave(self, job: _Job) -> None:
        """Take a part that nobody waits for out of the queue, if it is still there."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                self._images -= len(job.contents)

    def _work(self) -> None:
        while jobs := self._next():
            began = time.perf_counter()
            taken = [job for job in jobs if job.done.set_running_or_notify_cancel()]
            if taken:
                self._judge(taken)
            images = sum(len(job.contents) for job in jobs)
            with self._changed:
                self._images -= images
                if taken:
                    latest = (time.perf_counter() - began) / images
                    self._seconds_an_image = 0.8 * self._seconds_an_image + 0.2 * latest

    def _next(self) -> list[_Job]:
        """The parts that are judged next, by one bundle; none: it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._ends)
            taken, images = list[_Job](), 0
            while self._jobs:
                job = self._jobs[0]
                if taken and (job.by is not taken[0].by or images + len(job.contents) > self._at_once):
                    break
                taken.append(self._jobs.popleft())
                images += len(job.contents)
            return taken

    @staticmethod
    def _judge(jobs: Sequence[_Job]) -> None:
        inspector = jobs[0].by.inspector
        names = [name for job in jobs for name in job.names]
        contents = [content for job in jobs for content in job.contents]
        try:
            given = GivenContents(inspector.max_mpx, contents)
            # Without their pixels: many large images may wait to be recorded.
            found = [replace(one, image=None) for one in inspect_files(inspector, names, contents=given)]
        except Exception as error:  # runtimes raise errors of many kinds; whoever waits must know
            for job in jobs:
                job.done.set_exception(error)
            return
        for job in jobs:
            own, found = found[: len(job.names)], found[len(job.names) :]
            job.done.set_result(own)
