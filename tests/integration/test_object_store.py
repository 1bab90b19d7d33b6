"""Images and verdicts in an object store (moto's, on loopback): as if they were files of this machine."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine_fakes import FakeRecipe, write_lot
from gainspect.data.taken import PARQUET, SETTINGS
from gainspect.errors import GainspectError
from gainspect.jobs import run_inspection as module
from gainspect.jobs.inspection_summary import Inspection
from gainspect.jobs.run_inspection import run_inspection

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("s3fs") is None or find_spec("moto") is None,
        reason="s3fs or moto is not installed (pip install 'gainspect[dev]')",
    ),
    # botocore and moto call what Python or their own dependencies deprecate.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    yield "http://{}:{}".format(*running.get_host_and_port())
    running.stop()


@pytest.fixture
def bucket(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, reached as anybody reaches a store: by the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    system = fsspec.filesystem("s3", use_listings_cache=False)
    system.mkdir("archive")
    yield system
    system.rm("archive", recursive=True)


@pytest.fixture
def lot(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lot of other tests, here and in the bucket; any name is a bundle's."""
    monkeypatch.setattr(module, "Recipe", FakeRecipe)
    write_lot(tmp_path / "lot")
    bucket.put(str(tmp_path / "lot") + "/", "archive/lot/", recursive=True)
    bucket.pipe_file("archive/lot/notes.txt", b"no image")
    return tmp_path / "lot"


def judge(*paths: str, **given: Any) -> tuple[Inspection, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    result = run_inspection(Path("x.gain"), paths, on_record=told.append, **given)
    return result, json.loads(json.dumps(told))


def without_place(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record | {"image": Path(record["image"]).name} for record in records]


def rows(bucket: Any) -> list[dict[str, Any]]:
    return [
        json.loads(text)
        for name in bucket.find(f"archive/out/{PARQUET}")
        for text in pq.ParquetFile(pa.BufferReader(bucket.cat_file(name))).read()["record"].to_pylist()
    ]


@pytest.mark.parametrize("engine", ["local", "pool"])
def test_records_are_those_of_the_files_and_each_is_written_once(engine: str, lot: Path, bucket: Any) -> None:
    _, expected = judge(str(lot))
    result, told = judge("s3://archive/lot/", out="s3://archive/out", engine=engine)
    assert without_place(told) == without_place(expected)
    assert [record["image"] for record in told] == [
        f"s3://archive/lot/{name.name}" for name in sorted(lot.iterdir())
    ]
    assert (result.unread, result.left_sentence) == (1, "12 judged, 1 not taken: .txt 1")
    assert result.saved == [f"s3://archive/out/{PARQUET}"]
    assert sorted(rows(bucket), key=lambda record: record["image"]) == told
    again, told_again = judge("s3://archive/lot/", out="s3://archive/out", engine=engine)
    assert again.verdicts.before == 12 and told_again == told and len(rows(bucket)) == 13


def test_what_was_written_is_kept_and_the_rest_is_judged(lot: Path, bucket: Any) -> None:
    _, expected = judge("s3://archive/lot/")

    def stop(record: dict[str, Any]) -> None:
        if "120.png" in record["image"]:
            raise KeyboardInterrupt

    stopped = run_inspection(Path("x.gain"), ["s3://archive/lot/"], out="s3://archive/out", on_record=stop)
    assert stopped.stopped and 0 < len(rows(bucket)) < 13
    bucket.rm(bucket.find(f"archive/out/{PARQUET}")[0])
    before = len(rows(bucket))
    result, told = judge("s3://archive/lot/", out="s3://archive/out")
    assert 0 < result.verdicts.before <= before and told == expected
    bucket.pipe_file("archive/lot/100x.png", (lot / "100.png").read_bytes())
    mended, told = judge("s3://archive/lot/", out="s3://archive/out")
    assert (mended.verdicts.before, mended.unread) == (12, 0)
    assert [record["image"] for record in told if record not in expected] == ["s3://archive/lot/100x.png"]
    assert sorted(record["image"] for record in rows(bucket)) == [record["image"] for record in told]


def test_other_settings_are_refused(lot: Path, bucket: Any) -> None:
    judge("s3://archive/lot/", out="s3://archive/out")
    settings = json.loads(bucket.cat_file(f"archive/out/{SETTINGS}"))
    bucket.pipe_file(f"archive/out/{SETTINGS}", json.dumps(settings | {"precision": "bf16"}).encode())
    with pytest.raises(GainspectError, match="precision bf16, now f32"):
        judge("s3://archive/lot/", out="s3://archive/out")


def test_tables_in_the_store_name_or_hold_images(lot: Path, bucket: Any, tmp_path: Path) -> None:
    _, expected = judge(str(lot))
    names = sorted(file.name for file in lot.iterdir())
    contents = [(lot / name).read_bytes() for name in names]
    for table, column in (("names", [f"lot/{name}" for name in names]), ("bytes", contents)):
        pq.write_table(pa.table({"image": column}), tmp_path / "t.parquet", row_group_size=5)
        bucket.put_file(str(tmp_path / "t.parquet"), f"archive/{table}.parquet")
        _, told = judge(f"s3://archive/{table}.parquet", engine="pool", workers=2)
        places = {"image": None}
        assert [record | places for record in told] == [record | places for record in expected]
    assert told[3]["image"] == "s3://archive/bytes.parquet#image=4"


def test_an_empty_object_and_one_that_is_gone_are_recorded(lot: Path, bucket: Any) -> None:
    bucket.pipe_file("archive/lot/empty.png", b"")
    _, told = judge("s3://archive/lot/empty.png")
    assert told[0]["error"].startswith("the file is empty")
    pq.write_table(pa.table({"image": ["s3://archive/gone.png"]}), lot.parent / "t.parquet")
    _, told = judge(str(lot.parent / "t.parquet"))
    assert told[0]["error"] == "there is no such file."


def test_a_bucket_that_is_not_there_is_one_sentence(bucket: Any) -> None:
    with pytest.raises(GainspectError, match="s3://nowhere/lot"):
        judge("s3://nowhere/lot/")
