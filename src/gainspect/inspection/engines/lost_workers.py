"""What happens to a batch whose worker dies: it is tried again, and then image by image."""

from collections.abc import Iterator
from dataclasses import replace

from gainspect.inspection.engines.judge import Outcome
from gainspect.inspection.records.resume import Batch
from gainspect.inspection.stream import Inspected, unjudged_record

MOST_DEATHS = 2
"""A batch is not tried whole again once it has cost so many workers; a kill from outside costs one."""


def one_by_one(batch: Batch) -> Iterator[Batch]:
    """The images of a batch as batches of one: which of them takes its worker with it is then seen."""
    for place, source in enumerate(batch.sources, start=batch.first):
        known = {source: batch.known[source]} if source in batch.known else {}
        yield replace(batch, first=place, sources=(source,), known=known, failed=batch.failed & {source})


def fatal(batch: Batch) -> Outcome:
    """What is written of an image, alone in its batch, that costs each worker that judges it."""
    (source,) = batch.sources
    error = (
        "its worker process ended each time it judged this image. A decoder or the runtime crashes on it, or "
        "there is too little memory for it."
    )
    return Outcome(batch.first, unjudged_record(Inspected(source, None, None, None, error)), failed=True)
