"""Ray judges bit for bit as one process does, also when workers die. All tests share one Ray."""

import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine_fakes import LEVEL, MARKS, PARENT, TIMES, DeadlyRecipe, FakeRecipe, FatalRecipe, write_lot
from gainspect.data.taken import PARQUET
from gainspect.errors import GainspectError
from gainspect.inspection.engines.judge import Recipe
from gainspect.inspection.engines.ray import Ray, import_ray, started
from gainspect.inspection.records.resume import Batch
from gainspect.jobs import run_inspection as module
from gainspect.jobs.inspection_summary import Inspection
from gainspect.jobs.run_inspection import run_inspection

pytestmark = [
    pytest.mark.slow,
    # Not importorskip: what keeps Ray on this machine is said before it is imported.
    pytest.mark.skipif(
        find_spec("ray") is None, reason="Ray is not installed (pip install 'gainspect[ray]')"
    ),
    # Ray uses what it and Python deprecate, and leaves pipes and log files of its processes to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What workers inherit, set before Ray starts; the folder in which they mark their deaths."""
    marks = tmp_path_factory.mktemp("marks")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in ((PARENT, os.getpid()), (MARKS, marks), (LEVEL, 60), (TIMES, 1)):
            patched.setenv(name, str(value))
        # The actors import the fakes by their name.
        patched.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
        yield marks


@pytest.fixture(scope="module")
def ray(environment: Path) -> Iterator[Any]:
    with started(2):
        yield import_ray()


@pytest.fixture
def lot(tmp_path: Path) -> Path:
    write_lot(tmp_path / "lot")
    return tmp_path / "lot"


Judging = Callable[..., tuple[Inspection, list[dict[str, Any]]]]


@pytest.fixture
def judge(ray: Any, lot: Path, monkeypatch: pytest.MonkeyPatch) -> Judging:
    def call(
        engine: str, recipe: type[FakeRecipe] = FakeRecipe, **given: Any
    ) -> tuple[Inspection, list[dict[str, Any]]]:
        monkeypatch.setattr(module, "Recipe", recipe)
        told: list[dict[str, Any]] = []
        workers = None if engine == "local" else 2
        result = run_inspection(
            Path("x.gain"), [str(lot)], engine=engine, workers=workers, on_record=told.append, **given
        )
        return result, json.loads(json.dumps(told))

    return call


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in pq.read_table(out / PARQUET)["record"].to_pylist()]


def by_name(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: record["image"])


def test_it_is_on_this_machine_only(ray: Any) -> None:
    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_records_are_those_of_one_process_and_a_job_goes_on(judge: Judging, tmp_path: Path) -> None:
    _, expected = judge("local")
    result, told = judge("ray", out=tmp_path / "out")
    assert told == expected
    assert by_name(rows(tmp_path / "out")) == by_name(expected)
    assert (result.unread, result.lost) == (1, 0)
    files = sorted((tmp_path / "out" / PARQUET).iterdir())
    files[0].unlink()
    again, told = judge("ray", out=tmp_path / "out")
    assert told == expected
    assert sorted((tmp_path / "out" / PARQUET).iterdir()) == files
    assert 0 < again.verdicts.before < 12


def test_a_worker_that_dies_costs_nothing(judge: Judging, environment: Path, tmp_path: Path) -> None:
    _, expected = judge("local")
    result, told = judge("ray", DeadlyRecipe, out=tmp_path / "out")
    assert len(list(environment.iterdir())) == 1 == result.lost
    assert told == expected
    assert by_name(rows(tmp_path / "out")) == by_name(expected)


def test_an_image_that_costs_each_worker_is_recorded(ray: Any, lot: Path, tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    recipe = FatalRecipe(tmp_path / "marks", None, "auto", "f32", 1, 3, True, None, None)
    sources = sorted(map(str, lot.iterdir()))[2:5]
    engine = Ray(recipe, 2)
    outcomes = sorted(engine.outcomes([Batch(0, tuple(sources))]), key=lambda outcome: outcome.place)
    assert [outcome.failed for outcome in outcomes] == [False, True, False]
    assert engine.lost == 3  # twice with its batch, once alone


def test_what_a_worker_says_is_told(ray: Any, tmp_path: Path) -> None:
    missing = Recipe(tmp_path / "gone.gain", None, "auto", "f32", 1, 8, True, None, None)
    with pytest.raises(GainspectError, match=r"a worker cannot go on: .*gone\.gain"):
        list(Ray(missing, 1).outcomes([Batch(0, ("a.png",))]))
