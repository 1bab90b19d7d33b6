"""A pool of processes judges bit for bit as one process does, whatever happens to some of them."""

import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine_fakes import (
    LEVEL,
    MARKS,
    PARENT,
    TIMES,
    DeadlyRecipe,
    FakeRecipe,
    StillbornRecipe,
    write_lot,
)
from gainspect.data.taken import VERDICTS
from gainspect.errors import GainspectError
from gainspect.inspection.engines.choice import shares
from gainspect.inspection.engines.judge import Recipe
from gainspect.inspection.engines.pool import Pool
from gainspect.inspection.records.resume import Batch
from gainspect.jobs import run_inspection as module
from gainspect.jobs.inspection_output import require_within_reach
from gainspect.jobs.inspection_summary import Inspection
from gainspect.jobs.run_inspection import run_inspection


@pytest.fixture
def lot(tmp_path: Path) -> Path:
    write_lot(tmp_path / "lot")
    return tmp_path / "lot"


@pytest.fixture
def judge(lot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Inspection]:
    """Inspects the lot; any name is a bundle's."""
    monkeypatch.setenv(PARENT, str(os.getpid()))

    def call(engine: str, out: str | None, recipe: type[FakeRecipe] = FakeRecipe, **given: Any) -> Inspection:
        monkeypatch.setattr(module, "Recipe", recipe)
        place = None if out is None else tmp_path / out
        workers = None if engine == "local" else 2
        return run_inspection(Path("x.gain"), [str(lot)], out=place, engine=engine, workers=workers, **given)

    return call


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Chooses the image that kills its worker, by its gray value, and how often."""

    def choose(level: int, times: int) -> None:
        (tmp_path / "marks").mkdir()
        for name, value in ((MARKS, tmp_path / "marks"), (LEVEL, level), (TIMES, times)):
            monkeypatch.setenv(name, str(value))

    return choose


def content(out: Path) -> dict[str, bytes]:
    files = (file for file in out.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / VERDICTS).read_text(encoding="utf-8").splitlines()]


def test_all_is_as_one_process_writes_it_overlays_and_parts_too(
    judge: Callable[..., Inspection], tmp_path: Path
) -> None:
    told: dict[str, list[dict[str, Any]]] = {"local": [], "pool": []}
    for engine, seen in told.items():
        given = {"parts": "/([0-9])[^/]+$", "style": "overlay", "on_record": seen.append}
        result = judge(engine, engine, **given)
        assert (result.unread, result.lost, result.lost_sentence) == (1, 0, None)
    assert json.dumps(told["pool"]) == json.dumps(told["local"])
    assert content(tmp_path / "pool") == content(tmp_path / "local")
    assert len(content(tmp_path / "pool")) == 3 + 12
    again = judge("pool", "pool", parts="/([0-9])[^/]+$", style="overlay")
    assert again.verdicts.before == 12 and content(tmp_path / "pool") == content(tmp_path / "local")


def test_a_worker_that_dies_costs_nothing(
    judge: Callable[..., Inspection], deadly: Callable[[int, int], None], tmp_path: Path
) -> None:
    judge("local", "local")
    deadly(60, 1)
    result = judge("pool", "pool", DeadlyRecipe)
    assert result.lost == 1
    assert (
        result.lost_sentence == "1 worker died and had to be replaced; what it was judging was tried again."
    )
    assert content(tmp_path / "pool") == content(tmp_path / "local")


def test_an_image_that_costs_each_worker_is_recorded_and_the_others_are_judged(
    judge: Callable[..., Inspection], deadly: Callable[[int, int], None], tmp_path: Path
) -> None:
    judge("local", "local")
    deadly(60, 99)
    result = judge("pool", "pool", DeadlyRecipe)
    assert result.lost == 3  # twice with its batch, once alone
    (bad,) = [record for record in records(tmp_path / "pool") if "060.png" in record["image"]]
    assert bad["verdict"] is None and bad["error"].startswith("its worker process ended each time")
    assert result.unread == 2
    before = {record["image"]: record["verdict"] for record in records(tmp_path / "local")}
    found = {record["image"]: record["verdict"] for record in records(tmp_path / "pool")}
    assert found == before | {bad["image"]: None}


def test_workers_that_cannot_start_end_the_work(judge: Callable[..., Inspection]) -> None:
    with pytest.raises(GainspectError, match="3 worker processes in a row ended before they could judge"):
        judge("pool", None, StillbornRecipe)
    assert not multiprocessing.active_children()


def test_what_a_worker_says_is_told(tmp_path: Path) -> None:
    missing = Recipe(tmp_path / "gone.gain", None, "auto", "f32", 1, 8, True, None, None)
    with pytest.raises(GainspectError, match=r"gone\.gain"):
        list(Pool(missing, 1).outcomes([Batch(0, ("a.png",))]))
    assert not multiprocessing.active_children()


def test_ctrl_c_ends_all_processes_and_leaves_what_was_judged(
    judge: Callable[..., Inspection], tmp_path: Path
) -> None:
    judge("local", "local")
    told: list[Any] = []

    def stop(record: dict[str, Any]) -> None:
        told.append(record)
        if len(told) == 5:
            raise KeyboardInterrupt

    result = judge("pool", "pool", on_record=stop)
    assert result.stopped and result.verdicts.count == 5
    assert not multiprocessing.active_children()
    written = records(tmp_path / "pool")
    assert len(written) >= 5 and len({record["image"] for record in written}) == len(written)
    judge("pool", "pool")
    assert content(tmp_path / "pool") == content(tmp_path / "local")


@pytest.mark.parametrize(
    ("workers", "threads", "expected"),
    [(None, None, (6, 1)), (2, None, (2, 3)), (4, 2, (4, 2)), (9, None, (9, 1))],
)
def test_workers_share_the_cpus(
    workers: int | None, threads: int | None, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gainspect.inspection.engines.choice.available_cpus", lambda: 6)
    assert shares("pool", workers, threads) == expected
    assert shares("local", None, threads) == (1, threads)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engine": "cloud"}, "no engine 'cloud'"),
        ({"engine": "local", "workers": 2}, "--workers is for"),
        ({"engine": "ray", "out": "out", "style": "overlay"}, "overlays are drawn into a folder"),
        ({"engine": "local", "out": "memory://out", "parts": "(.)"}, "decisions on parts"),
        ({"engine": "local", "style": "overlay"}, "--overlay needs a folder"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_read(given: dict[str, Any], said: str) -> None:
    with pytest.raises(GainspectError, match=said):
        run_inspection(Path("x.gain"), ["nowhere"], **given)


@pytest.mark.parametrize("source", ["-", "memory://lot/a.png"])
def test_images_of_this_process_alone_are_refused(source: str) -> None:
    require_within_reach("local", [source])
    with pytest.raises(GainspectError, match="only this process can read"):
        require_within_reach("pool", ["a.png", source])
