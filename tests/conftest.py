"""Shared by all tests: few threads, fast tests first, small data."""

import os

# Before torch and OpenCV are imported: two cores, and one thread each gives the same sums everywhere.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import gainspect
from command_line import Run, command_line
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import SyntheticSpec, generate

if TYPE_CHECKING:
    from postgres_server import PostgresServer

assert gainspect.__version__  # imported first: it sets the limits that OpenCV reads on import

settings.register_profile("gainspect", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("gainspect")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With GAINSPECT_SKIPS=fail a test that skips has failed, unless it lacks data beside the project."""
    report = yield
    lacks_data = any(item.get_closest_marker(name) is not None for name in ("mt", "shared"))
    strict = os.environ.get("GAINSPECT_SKIPS") == "fail" and not lacks_data
    if strict and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_xdist_auto_num_workers() -> int:
    """One for each core that this process may use; each needs up to 2 GB."""
    return min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first; then the files that take minutes, so that none of them is left alone at the end."""

    def place(item: pytest.Item) -> tuple[bool, float]:
        slow = item.get_closest_marker("slow")
        return slow is not None, 0.0 if slow is None else -slow.kwargs.get("minutes", 0.0)

    items.sort(key=place)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in this process."""
    return command_line(capsys, monkeypatch)


@pytest.fixture
def only_latin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no fonts but those of matplotlib."""
    from matplotlib import get_data_path

    from gainspect.report.drawing import lettering

    own = [entry for entry in lettering.fontManager.ttflist if entry.fname.startswith(get_data_path())]
    monkeypatch.setattr(lettering, "findSystemFonts", list)
    monkeypatch.setattr(lettering.fontManager, "ttflist", own)


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A PostgreSQL server of this test run, where Debian's package is installed."""
    from postgres_server import binaries, postgres_server

    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server (install the package postgresql)")
    with postgres_server(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger can be made: a file, and a database of a server."""
    if request.param == "sqlite":
        return str(tmp_path / "line.ledger")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_schema()


@pytest.fixture(scope="session")
def parts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic data set with large defects, in the folder layout."""
    folder = tmp_path_factory.mktemp("parts") / "data"
    spec = SyntheticSpec(size=64, parts={"train": 20, "test": 10}, views=1, defects=("stain", "chip"))
    generate(spec, folder)
    return folder


@pytest.fixture(scope="session")
def parts(parts_folder: Path) -> Manifest:
    """The same, as a manifest."""
    from gainspect.data.importers import load_manifest

    return load_manifest(parts_folder)


@pytest.fixture(scope="session")
def magnetic_tile() -> Path:
    """The Magnetic Tile data set, where there is one."""
    place = Path(os.environ.get("GAINSPECT_MT", Path(__file__).parents[2] / "shared" / "data" / "mt"))
    if not place.is_dir():
        pytest.skip("no Magnetic Tile data set (set GAINSPECT_MT to its folder)")
    return place
