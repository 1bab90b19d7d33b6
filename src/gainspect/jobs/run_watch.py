"""Judge the images that come into a folder, and move or mark each once its decision is recorded."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gainspect.errors import GainspectError
from gainspect.feeds.marks import Marks
from gainspect.feeds.placing import require_movable
from gainspect.feeds.stop import Stop
from gainspect.feeds.watch import Waits, WatchedFolder, require_apart, require_folder
from gainspect.files import locked
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.part_names import part_finder
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.jobs.watch_loop import LOCK, MARKS, STATE, Recorded, Watched, WatchLoop
from gainspect.jobs.watched_lines import RecordedLines
from gainspect.report.terminal.bundle_tables import input_gap


@dataclass(frozen=True)
class WatchPlace:
    """What is watched, and where its files and their decisions go."""

    folder: Path
    done: Path | None
    """Decided files are moved into its folders ok, ng, review and failed; None: they stay, and are marked."""
    ledger: LedgerPlace | None = None
    """Where decisions are recorded."""
    out: Path | None = None
    """Without a ledger: the folder of their lines; None: `done`."""


@dataclass(frozen=True)
class WatchPlan:
    """Which files are taken, and when."""

    parts: str | None = None
    """Pattern of the images that are decided together (`part_names.part_finder`); None: each is alone."""
    views: int | None = None
    """How many images a part has; None: that is not known."""
    recursive: bool = False
    waits: Waits = field(default_factory=Waits)
    poll_s: float = 0.5
    """Seconds between two looks at the folder."""
    once: bool = False
    """Whether to end when all that was there is decided."""


def run_watch(
    load: Callable[[], Inspector],
    place: WatchPlace,
    plan: WatchPlan = WatchPlan(),
    *,
    stop: Stop,
    on_decision: Callable[[dict[str, Any]], None] = lambda record: None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Watched:
    """Watch a folder until asked to stop.

    A part is first written down with its files, then recorded, and then its files are moved or marked. After
    a kill the next watcher finds what was written down, looks whether it was recorded, and goes on there.

    Args:
        load: makes the Inspector, once all else is in order.
        place: what is watched, and where things go.
        plan: which files are taken, and when.
        stop: ends it after the part at hand.
        on_decision: called with the record of each part (`stream.part_record`), its key, its time, and in
            `files` where its images are now, once it is recorded.
        tell: called with sentences for people.

    Raises:
        GainspectError: there is no such folder, another watcher is at work on it, files cannot be moved out
            of it, the target lies in it, the bundle is refused, or the ledger cannot be opened. What goes
            wrong later is waited for. Or the model fails on image after image.
    """
    folder = require_folder(place.folder)
    out = place.done if place.out is None else place.out
    if place.ledger is None and out is None:
        raise GainspectError(
            "decisions have to be recorded somewhere", hint="Add --ledger FILE, or --out DIR."
        )
    if plan.views is not None and plan.parts is None:
        raise GainspectError(
            "--views says how many images a part has", hint="Say with --parts which images are one part."
        )
    part_of = None if plan.parts is None else part_finder(plan.parts)
    done = None
    if place.done is not None:
        require_apart(folder, place.done)
        done = place.done.resolve()
    state = folder / STATE
    with ExitStack() as opened:
        busy = "another watcher is at work on this folder"
        hint = "Stop it first, or watch another folder."
        opened.enter_context(locked(state / LOCK, busy=busy, hint=hint))
        for torn in state.glob(".*"):  # what a kill left of a file that was being written
            torn.unlink(missing_ok=True)
        if done is not None:
            require_movable(folder, done)
        inspector = load()
        assert inspector.bundle is not None
        if (gap := input_gap(inspector.bundle)) is not None:
            tell(gap)
        recorded = opened.enter_context(_open_recorded(place.ledger, out, inspector))
        marks = opened.enter_context(Marks(state / MARKS, folder))
        watched = WatchedFolder(
            folder,
            recursive=plan.recursive,
            waits=plan.waits,
            part_of=part_of,
            views=plan.views,
            clock=stop.clock,
        )
        watch = WatchLoop(watched, inspector, recorded, marks, state, done, stop, on_decision, tell)
        watch.run(plan.poll_s, once=plan.once)
    return watch.result


@contextmanager
def _open_recorded(ledger: LedgerPlace | None, out: Path | None, inspector: Inspector) -> Iterator[Recorded]:
    """Open what decisions are recorded in."""
    if ledger is None:
        assert out is not None
        with RecordedLines(out) as lines:
            yield lines
        return
    from gainspect.jobs.watched_ledger import RecordedInLedger
    from gainspect.ledger import open_ledger

    with open_ledger(ledger.url, pictures=ledger.pictures) as opened:
        yield RecordedInLedger(opened, inspector, station=ledger.station, lot=ledger.lot)
