"""Verdicts as Parquet files: each image once, whatever happened to the jobs that wrote them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.taken import PARQUET, SETTINGS, VERDICTS
from gainspect.errors import GainspectError
from gainspect.inspection.records.journal import Journal
from gainspect.inspection.records.parquet_verdicts import ParquetVerdicts
from gainspect.inspection.records.stores import FolderStore, RemoteStore, Store
from gainspect.inspection.records.verdict_key import Settings, key_of

SETTINGS_OF = Settings("b" * 64, "policy", "fake", "f32", check=True)
IMAGES = [f"{index}.png" for index in range(10)]


def record(image: str, *, sha256: str = "1", verdict: str | None = "ok") -> dict[str, Any]:
    known = {"image": image, "sha256": sha256, "verdict": verdict}
    if verdict is None:
        return known | {"error": "no image"}
    return known | {"error": None, "score": 0.1 + 0.2, "threshold": 0.5, "review_reasons": ["unchecked"]}


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "out")
        return
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield RemoteStore("memory://bucket/out/")
    system.store.clear()


Write = Callable[..., None]


@pytest.fixture
def write(store: Store) -> Write:
    def call(
        images: Sequence[str], made: Sequence[dict[str, Any]], *, size: int = 3, killed: bool = False
    ) -> None:
        verdicts = ParquetVerdicts(store, SETTINGS_OF, images, size)
        for one in made:
            verdicts.append(one)
        if not killed:
            verdicts.settle()
        verdicts._opened.close()

    return call


def rows(store: Store) -> list[dict[str, Any]]:
    """All rows of all files, as any reader of Parquet sees them."""
    found = []
    for name in store.names(PARQUET):
        content = store.read(f"{PARQUET}/{name}")
        assert content is not None
        found += pq.ParquetFile(pa.BufferReader(content)).read().to_pylist()
    return found


def test_a_row_has_the_key_and_the_whole_record(store: Store, write: Write) -> None:
    made = [record("a\\xba.png", verdict="ng"), record("부품.png", verdict=None)]
    write([one["image"] for one in made], made)
    found = rows(store)
    assert [json.loads(row["record"]) for row in found] == made
    for row, one in zip(found, made, strict=True):
        key = key_of(one["image"], None, one["sha256"], SETTINGS_OF)
        assert {name: row[name] for name in key._fields} == key._asdict()
    assert [(row["verdict"], row["score"], row["error"]) for row in found] == [
        ("ng", 0.1 + 0.2, None),
        (None, None, "no image"),
    ]
    assert json.loads(store.read(SETTINGS) or b"")["policy_id"] == "policy"


@given(
    kills=st.lists(st.integers(0, 12), max_size=4),
    size=st.integers(1, 5),
    order=st.permutations(range(10)),
)
def test_killed_and_begun_again_each_image_is_there_once(
    kills: list[int], size: int, order: list[int]
) -> None:
    system = fsspec.filesystem("memory")
    system.store.clear()
    store = RemoteStore("memory://again/out")
    written: set[str] = set()
    for last in [*kills, None]:
        with ParquetVerdicts(store, SETTINGS_OF, IMAGES, size) as verdicts:
            left = [IMAGES[place] for place in order if verdicts.key(IMAGES[place]) is None]
            assert written <= set(IMAGES) - set(left)
            for image in left[:last]:
                verdicts.append(record(image))
            if last is not None:
                verdicts._pending.clear()  # a kill
        written = {row["image"] for row in rows(store)}
        assert len(rows(store)) == len(written)
    assert written == set(IMAGES)


def test_two_jobs_at_once_write_the_same_files(store: Store, write: Write) -> None:
    write(IMAGES[:4], list(map(record, IMAGES[:4])))
    names = store.names(PARQUET)
    if isinstance(store, RemoteStore):
        one, other = (ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3) for _ in range(2))
        for image in IMAGES[4:]:
            one.append(record(image))
        for image in reversed(IMAGES[4:]):
            other.append(record(image))
        assert set(names) < set(store.names(PARQUET))
        assert sorted(row["image"] for row in rows(store)) == IMAGES


def test_an_image_that_is_judged_again_is_replaced_where_it_is(store: Store, write: Write) -> None:
    write(IMAGES, [record(image, verdict=None if image == "4.png" else "ok") for image in IMAGES])
    names = store.names(PARQUET)
    write(
        [*IMAGES, "new.png"], [record("4.png", verdict="ng"), record("7.png", sha256="2"), record("new.png")]
    )
    assert set(names) < set(store.names(PARQUET))
    found = {row["image"]: (row["verdict"], row["sha256"]) for row in rows(store)}
    changed = {"4.png": ("ng", "1"), "7.png": ("ok", "2"), "new.png": ("ok", "1")}
    assert found == dict.fromkeys(IMAGES, ("ok", "1")) | changed
    assert len(rows(store)) == 11


def test_what_is_said_already_is_not_written_again(store: Store, write: Write, monkeypatch: Any) -> None:
    write(IMAGES, list(map(record, IMAGES)))
    monkeypatch.setattr(store, "write", None)
    write(IMAGES, list(map(record, IMAGES)))


def test_a_row_that_is_there_twice_is_taken_away(store: Store, write: Write) -> None:
    write(IMAGES[:3], list(map(record, IMAGES[:3])))
    (name,) = store.names(PARQUET)
    content = store.read(f"{PARQUET}/{name}")
    assert content is not None
    store.write(f"{PARQUET}/{'f' * 32}.parquet", content)
    write(IMAGES, [])
    assert sorted(row["image"] for row in rows(store)) == IMAGES[:3]


def test_a_file_that_is_not_whole_is_taken_away_and_judged_again(store: Store, write: Write) -> None:
    write(IMAGES, list(map(record, IMAGES)))
    name = store.names(PARQUET)[0]
    content = store.read(f"{PARQUET}/{name}")
    assert content is not None
    store.write(f"{PARQUET}/{name}", content[:-5])
    with ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3) as verdicts:
        left = [image for image in IMAGES if verdicts.key(image) is None]
    assert len(left) in (1, 3) and name not in store.names(PARQUET)
    write(IMAGES, list(map(record, left)))
    assert sorted(row["image"] for row in rows(store)) == IMAGES


def test_the_journal_of_a_change_of_many_records_does_not_grow(
    store: Store, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gainspect.inspection.records import parquet_verdicts

    monkeypatch.setattr(parquet_verdicts, "_MOST_WAITING", 4)
    write(IMAGES, [record(image, verdict=None) for image in IMAGES])
    write(IMAGES, list(map(record, IMAGES)), killed=True)
    assert sum(row["verdict"] == "ok" for row in rows(store)) >= 5
    assert sorted(row["image"] for row in rows(store)) == IMAGES


def test_other_settings_and_other_forms_are_refused(store: Store, write: Write, tmp_path: Path) -> None:
    write(IMAGES, list(map(record, IMAGES)))
    with pytest.raises(GainspectError, match="other settings: precision f32, now bf16"):
        ParquetVerdicts(store, replace(SETTINGS_OF, precision="bf16"), IMAGES, 3)
    store.remove(SETTINGS)
    with pytest.raises(GainspectError, match=r"verdicts\.settings\.json is missing"):
        ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3)
    store.write(VERDICTS, b"")
    with pytest.raises(GainspectError, match=r"are lines \(verdicts\.jsonl\), not Parquet"):
        ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3)


def test_a_folder_is_one_or_the_other_and_has_one_writer(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3) as verdicts:
        verdicts.append(record(IMAGES[0]))
        with pytest.raises(GainspectError, match="another inspection is writing"):
            ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3)
    with pytest.raises(GainspectError, match=r"are Parquet files \(verdicts\.parquet\), not lines"):
        Journal(tmp_path, SETTINGS_OF)


def test_another_parquet_file_is_refused(store: Store) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), sink)
    store.write(f"{PARQUET}/{'0' * 32}.parquet", sink.getvalue().to_pybytes())
    store.write(SETTINGS, json.dumps(vars(SETTINGS_OF)).encode())
    with pytest.raises(GainspectError, match="this is no file of verdicts"):
        ParquetVerdicts(store, SETTINGS_OF, IMAGES, 3)
