"""Run the inspection service."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger import open_ledger
from gainspect.serve.app import create_app
from gainspect.serve.bundles import Bundles
from gainspect.serve.listening import listeners
from gainspect.serve.log_lines import write_log
from gainspect.serve.service import Service
from gainspect.serve.settings import read_settings

_ENDS_WITHIN_S = 30
"""So long requests that are under way may take at the end."""


def open_service(
    bundles: Sequence[Path],
    *,
    db: str,
    store: str | None,
    state: Path,
    settings: Path | None = None,
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    threads: int | None = None,
) -> Service:
    """Open all that a service stands on.

    Args:
        bundles: which may judge.
        db: see `open_ledger`.
        store: where the ledger keeps pictures, see `open_ledger`.
        state: folder of this service alone, on a local disk.
        settings: YAML file; see `ServiceSettings`.
        runtime: see `Inspector.load`.
        precision: see `Inspector.load`.
        threads: see `Inspector.load`.

    Raises:
        GainspectError: one of them cannot be used.
    """
    if not bundles:
        raise GainspectError("a service needs a bundle", hint="Name one: gainspect serve NAME.gain.")
    chosen = read_settings(settings)
    read = [read_bundle(bundle) for bundle in bundles]  # before a ledger is made for nothing
    ledger = open_ledger(db, pictures=store)
    try:
        known = Bundles(
            read,
            ledger,
            runtime=runtime,
            precision=precision,
            threads=threads,
            at_once=chosen.at_once,
            max_mpx=chosen.max_mpx,
        )
        return Service(ledger, known, chosen, state)
    except BaseException:
        ledger.close()
        raise


def address_of(host: str, port: int) -> str:
    """The URL of a service.

    >>> address_of("127.0.0.1", 8000), address_of("::1", 8000)
    ('http://127.0.0.1:8000', 'http://[::1]:8000')
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_service(service: Service, *, host: str, port: int, tell: Callable[[str], object]) -> None:
    """Answer requests until Ctrl-C or SIGTERM; what was taken by then is decided.

    Args:
        service: that answers.
        host: address to listen at.
        port: of it.
        tell: is told where it answers, and as long as there is no engineer, where the first one signs up.

    Raises:
        GainspectError: it cannot listen there; it is stopped.
    """

    class Server(uvicorn.Server):
        """Tells the service at once that it ends, so that streams end too."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            service.stopping.set()
            super().handle_exit(sig, frame)

    try:
        sockets = [*listeners(host, port)]
    except GainspectError:
        service.stop()
        raise
    app, url = create_app(service), address_of(host, port)
    hours = service.settings.security.invitation_hours
    if (link := app.state.gate.first_link()) is not None:
        tell(
            f"There is no engineer yet. Whoever opens this once, within {hours:g} hours, is one: {url}{link}"
        )
    tell(f"gainspect serves at {url}. Ctrl-C ends it.")
    write_log()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",  # another one, that uvicorn takes if it is installed, bounds no headers
        log_config=None,
        access_log=False,  # addresses hold invitations
        server_header=False,
        timeout_graceful_shutdown=_ENDS_WITHIN_S,
    )
    with suppress(KeyboardInterrupt):  # uvicorn ends well, and then says how it was ended
        Server(config).run(sockets)
