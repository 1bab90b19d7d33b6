"""The service on the demo's inspector and parts, which a machine of the demo sends one after the other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from gainspect.data.importers import load_manifest
from gainspect.errors import GainspectError
from gainspect.feeds.posting import Line, PostedPart, post_in_turn
from gainspect.jobs.run_service import open_service
from gainspect.ledger import Ledger
from gainspect.ledger.records.operation import BundleActivation
from gainspect.ledger.tokens import Tokens
from gainspect.serve.bundles import Loaded
from gainspect.serve.service import Service

STATION = "demo"
REASON = "demo"
"""Of the activation."""
_MACHINE = "demo line"
"""Name of the machine that sends the parts."""
_INSPECTOR = Path("S9-seed1/model.gain")
"""The guided inspector in the demo's folder."""
_PARTS = Path("data")


def made_demo(out: Path, console: Console) -> Path:
    """The bundle of the demo; if the demo was not run yet in this folder, or not to its end, it is run.

    Args:
        out: the demo's folder.
        console: that is told what is done.

    Raises:
        GainspectError: see `run_demo`.
        KeyboardInterrupt: it was stopped; the same call continues it.
    """
    bundle = out / _INSPECTOR
    if not (bundle.is_file() and (out / _PARTS / "split.csv").is_file()):
        console.print(f"{out} has no finished demo. It is made first: its parts, and two trainings.")
        console.print("That takes minutes on a fast machine, and longer on two cores; Ctrl-C loses nothing.")
        from gainspect.jobs.run_demo import run_demo

        run_demo(out, console)
    return bundle


def open_demo(out: Path, bundle: Path, *, threads: int | None = None) -> Service:
    """The service on the demo's inspector, which is active at the demo's station by a record.

    Ledger, pictures and state are in the folder `service` of the demo's folder, the pictures where
    `gainspect ledger` looks for them; if they are there, it goes on with them.

    Args:
        out: the demo's folder.
        bundle: that judges.
        threads: see `Inspector.load`.

    Raises:
        GainspectError: they cannot be used, or another service uses them.
    """
    place = out / "service"
    place.mkdir(parents=True, exist_ok=True)
    service = open_service(
        [bundle],
        db=str(place / "demo.ledger"),
        store=None,
        state=place / "state",
        threads=threads,
    )
    try:
        _activate(service, *service.bundles.all())
    except BaseException:
        service.stop()
        raise
    return service


@contextmanager
def parts_coming(
    service: Service, parts: Sequence[PostedPart], url: str, *, every_s: float, tell: Callable[[str], object]
) -> Iterator[None]:
    """Within this, parts are posted to the demo's service, one after the other, as long as it runs.

    Args:
        service: that is asked.
        parts: see `demo_parts`.
        url: at which the service listens, or will.
        every_s: seconds between parts.
        tell: is told if they end.

    Raises:
        GainspectError: the ledger refuses a token.
    """
    line = Line(url, _new_token(service.ledger), STATION, f"{datetime.now():%Y-%m-%d %H:%M}")

    def send() -> None:
        try:
            post_in_turn(line, parts, service.stopping, every_s=every_s)
        except GainspectError as error:
            tell(f"No more parts come: {error}")

    thread = threading.Thread(target=send, name="demo line")
    thread.start()
    try:
        yield
    finally:
        service.stopping.set()
        thread.join()


def demo_parts(out: Path) -> Sequence[PostedPart]:
    """The test parts of the demo.

    Args:
        out: its folder.

    Raises:
        GainspectError: they cannot be read, or there are none.
    """
    manifest = load_manifest(out / _PARTS)
    views: dict[str, list[Path]] = {}
    for part in manifest.split("test").parts:
        views.setdefault(manifest.decided(part), []).append(part.image)
    if not views:
        raise GainspectError(
            "the demo has no test parts", where=out, hint="Make it anew in another folder with --out."
        )
    return [PostedPart(Path(name).stem, tuple(images)) for name, images in views.items()]


def _activate(service: Service, inspector: Loaded) -> None:
    before = service.bundles.activation(STATION)
    if before is None or before.new != inspector.sha256:
        record = BundleActivation(
            station=STATION,
            old=None if before is None else before.new,
            new=inspector.sha256,
            policy_id=inspector.policy_id,
            reason=REASON,
        )
        service.recording.append(record)
        service.locks.forget(STATION)


def _new_token(ledger: Ledger) -> str:
    """A token of the demo's machine; what it had before works no more, as nobody knows it."""
    tokens = Tokens(ledger)
    for known in tokens.all():
        if known.name == _MACHINE and known.revoked is None:
            tokens.revoke(known.id, by=None)
    return tokens.make(_MACHINE, STATION, by=None)
