"""Where an inspection writes to, and in which form."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gainspect.data.taken import OVERLAYS
from gainspect.errors import GainspectError
from gainspect.inspection.engines.choice import EngineName
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.journal import Journal
from gainspect.inspection.records.parquet_verdicts import ParquetVerdicts, images_in_a_file
from gainspect.inspection.records.stores import FolderStore, RemoteStore
from gainspect.inspection.records.verdict_key import Settings
from gainspect.inspection.sources.contents import STDIN
from gainspect.inspection.sources.remote import is_uri
from gainspect.jobs.overlay_files import OverlayFiles
from gainspect.names import escaped
from gainspect.policy import HeatScale
from gainspect.report.drawing.overlay import Style

if TYPE_CHECKING:
    from gainspect.jobs.recorded_decisions import RecordedDecisions

_LINES = "Take --engine local or pool, with --out DIR on this machine."


@dataclass(frozen=True)
class LedgerPlace:
    """Where the decisions of an inspection are recorded."""

    url: str
    """See `open_ledger`."""
    pictures: str | None = None
    """See `open_ledger`."""
    station: str | None = None
    """Where the parts are inspected; None: the name of this machine."""
    lot: str | None = None


def is_parquet(out: Path | str | None, engine: EngineName) -> bool:
    """Whether verdicts are written as Parquet files and not line by line: by Ray, and behind URIs."""
    return out is not None and (engine == "ray" or isinstance(out, str))


def require_possible(engine: EngineName, out: Path | str | None, *, overlays: bool, parts: bool) -> None:
    """Refuse what an engine or an output cannot do.

    Raises:
        GainspectError: overlays have no folder, or overlays or parts are asked for with Parquet files.
    """
    if overlays and out is None:
        raise GainspectError("--overlay needs a folder to draw into", hint="Add --out DIR.")
    if is_parquet(out, engine) and overlays:
        raise GainspectError("overlays are drawn into a folder of this machine only", hint=_LINES)
    if is_parquet(out, engine) and parts:
        raise GainspectError("decisions on parts are not written with Parquet files", hint=_LINES)


def require_within_reach(engine: EngineName, sources: list[str]) -> None:
    """Refuse images that other processes cannot read.

    Raises:
        GainspectError: there is such an image.
    """
    for source in sources if engine != "local" else ():
        if source == STDIN or source.startswith("memory://"):
            raise GainspectError(
                "only this process can read this image", where=source, hint="Take --engine local."
            )


def open_verdicts(
    out: Path | str | None, engine: EngineName, settings: Settings, sources: list[str], batch: int
) -> AbstractContextManager[Journal | ParquetVerdicts | None]:
    """Open what verdicts are written into.

    Args:
        out: a folder, a URI, or None: nothing is written.
        engine: who judges.
        settings: what verdicts are made with.
        sources: the names of the images.
        batch: images that are judged at once.

    Raises:
        GainspectError: see `Journal` and `ParquetVerdicts`.
    """
    if out is None:
        return nullcontext()
    if not is_parquet(out, engine):
        assert isinstance(out, Path)
        return Journal(out, settings)
    store = RemoteStore(out) if isinstance(out, str) else FolderStore(out)
    size = images_in_a_file(len(sources), batch)
    return ParquetVerdicts(store, settings, list(map(escaped, sources)), size)


def place_of(out: Path | str | None) -> Path | str | None:
    """Where to write to: a URI stays one, all else is a folder."""
    return out if out is None or (isinstance(out, str) and is_uri(out)) else Path(out)


def overlays_in(
    out: Path | str | None, style: Style | None, scale: HeatScale, sources: list[str]
) -> OverlayFiles | None:
    """What draws the overlays; None without a style."""
    return (
        None
        if style is None or not isinstance(out, Path)
        else OverlayFiles(out / OVERLAYS, style, scale, sources)
    )


@contextmanager
def open_recorded(
    ledger: LedgerPlace | None, inspector: Inspector, out: Path | str | None
) -> Iterator["RecordedDecisions | None"]:
    """Open what decisions are recorded in; None without a ledger.

    Raises:
        GainspectError: the ledger cannot be opened or made.
    """
    if ledger is None:
        yield None
        return
    from gainspect.jobs.recorded_decisions import RecordedDecisions
    from gainspect.ledger import open_ledger

    with open_ledger(ledger.url, pictures=ledger.pictures) as opened:
        yield RecordedDecisions(opened, inspector, station=ledger.station, lot=ledger.lot, out=out)
