"""Images by URI and by table: which are meant, in which order; their bytes are those of the files."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brightness import Brightness
from gainspect.data.taken import reasons
from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.sources.contents import Contents
from gainspect.inspection.stream import find_images, inspect_files, record_of


def png(level: int) -> bytes:
    return cv2.imencode(".png", np.full((32, 32), level, np.uint8))[1].tobytes()


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    for name in (
        "lot/b.png",
        "lot/a.png",
        "lot/sub/c.JPG",
        "lot/notes.txt",
        "lot/.cache/d.png",
        "lot/raw.dat",
    ):
        system.pipe_file(f"/{name}", png(sum(map(ord, name)) % 200))
    system.pipe_file("/lot/out/verdicts.parquet/x.parquet", b"")
    system.pipe_file("/lot/out/picture.png", b"")
    yield system
    system.store.clear()


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("memory://lot", ["a.png", "b.png", "sub/c.JPG"]),
        ("memory://lot/", ["a.png", "b.png", "sub/c.JPG"]),
        ("memory://lot/*.png", ["a.png", "b.png"]),
        ("memory://lot/**/*.JPG", ["sub/c.JPG"]),
        ("memory://lot/*.dat", ["raw.dat"]),
        ("memory://lot/notes.txt", ["notes.txt"]),
    ],
)
def test_a_uri_stands_for_what_a_path_would(
    uri: str, names: list[str], memory: fsspec.AbstractFileSystem
) -> None:
    found = find_images([uri], own_output="memory:///lot/out")
    assert [name.partition("lot/")[2] for name in found.images] == names


def test_what_is_not_taken_has_its_reason(memory: fsspec.AbstractFileSystem) -> None:
    found = find_images(["memory://lot"], own_output="memory:///lot/out")
    assert reasons(found.not_taken) == "output of gainspect 2, .dat 1, .txt 1, hidden 1"


@pytest.mark.parametrize("uri", ["memory://nowhere", "memory://lot/*.bmp", "memory://nowhere/a.png"])
def test_a_uri_of_nothing_is_refused(uri: str, memory: fsspec.AbstractFileSystem) -> None:
    with pytest.raises(GainspectError, match="there are no images under this URI"):
        find_images([uri])


def test_an_unknown_kind_of_uri_is_refused() -> None:
    with pytest.raises(GainspectError, match="it cannot be reached"):
        find_images(["nosuch://lot/a.png"])


def test_a_file_uri_gives_the_record_of_its_path(tmp_path: Path) -> None:
    (tmp_path / "a b%20.png").write_bytes(png(77))
    inspector = Inspector(Brightness(), threshold=0.5, region_threshold=0.5)
    (uri,) = find_images([f"file://{tmp_path}"]).images
    one, other = inspect_files(inspector, [str(tmp_path / "a b%20.png"), uri])
    assert uri == f"file://{tmp_path}/a b%20.png"
    assert record_of(one, inspector) | {"image": uri} == record_of(other, inspector)


def test_bytes_are_those_of_the_files_also_when_many_are_fetched_ahead(
    memory: fsspec.AbstractFileSystem,
) -> None:
    names = [f"memory://many/{index:02d}.png" for index in range(30)]
    for index, name in enumerate(names):
        memory.pipe_file(name.removeprefix("memory:/"), bytes([index]) * 10)
    contents = Contents(64)
    read = [(name, content()) for name, content in contents.each(names)]
    assert read == [(name, bytes([index]) * 10) for index, name in enumerate(names)]
    assert contents.sha256(names[3]) == hashlib.sha256(bytes([3]) * 10).hexdigest()
    assert contents.sha256("memory://many/gone.png") is None


def test_a_file_behind_a_uri_that_is_too_long_is_not_fetched(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/big.png", b"")
    monkeypatch.setattr(type(memory), "size", lambda *_: 10**10)
    monkeypatch.setattr(type(memory), "cat_file", None)
    inspector = Inspector(Brightness(), threshold=0.5, max_mpx=0.1)
    (found,) = inspect_files(inspector, ["memory://big.png"])
    assert (found.error or "").startswith("the file has 10,000 MB, more than any image of 0.1 Mpx")


def test_a_missing_file_behind_a_uri_is_recorded(memory: fsspec.AbstractFileSystem) -> None:
    inspector = Inspector(Brightness(), threshold=0.5)
    found = list(
        inspect_files(inspector, ["memory://lot/a.png", "memory://lot/gone.png", "memory://lot/b.png"])
    )
    assert [item.error for item in found] == [None, "there is no such file.", None]


@pytest.mark.parametrize("column", ["image", "anything"])
def test_a_table_of_paths_and_uris(column: str, tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    (tmp_path / "lot").mkdir()
    (tmp_path / "lot" / "a.png").write_bytes(png(10))
    pq.write_table(
        pa.table({column: ["lot/a.png", "memory://lot/b.png"], "n": [1, 2]}), tmp_path / "t.parquet"
    )
    found = find_images([str(tmp_path / "t.parquet")]).images
    assert found == [str(tmp_path / "lot" / "a.png"), "memory://lot/b.png"]


def test_relative_names_in_a_table_behind_a_uri_are_beside_it(
    tmp_path: Path, memory: fsspec.AbstractFileSystem
) -> None:
    pq.write_table(pa.table({"image": ["a.png", "sub/c.JPG"]}), tmp_path / "t.parquet")
    memory.pipe_file("/lot/t.parquet", (tmp_path / "t.parquet").read_bytes())
    found = find_images(["memory://lot/t.parquet"]).images
    assert found == ["memory://lot/a.png", "memory://lot/sub/c.JPG"]


@pytest.mark.parametrize("struct", [False, True])
def test_a_table_of_bytes_gives_the_verdicts_of_the_files(struct: bool, tmp_path: Path) -> None:
    files = [png(level) for level in range(0, 250, 25)]
    values = [{"bytes": file, "path": "x.png"} for file in files] if struct else files
    pq.write_table(pa.table({"picture": values, "n": range(10)}), tmp_path / "t.parquet", row_group_size=3)
    for index, file in enumerate(files):
        (tmp_path / f"{index}.png").write_bytes(file)
    names = find_images([str(tmp_path / "t.parquet")]).images
    assert names == [f"{tmp_path / 't.parquet'}#picture={row}" for row in range(1, 11)]
    inspector = Inspector(Brightness(), threshold=0.5, region_threshold=0.5)
    by_table = list(inspect_files(inspector, names))
    by_file = list(inspect_files(inspector, [str(tmp_path / f"{index}.png") for index in range(10)]))
    assert [item.sha256 for item in by_table] == [hashlib.sha256(file).hexdigest() for file in files]
    assert [item.verdict and item.verdict.score for item in by_table] == [
        item.verdict and item.verdict.score for item in by_file
    ]
    # In another order, as several processes read them.
    assert [Contents(64).read(names[row]) for row in (9, 0, 4)] == [files[row] for row in (9, 0, 4)]


def test_a_row_without_an_image_is_recorded(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [png(1), None, png(2)]}), tmp_path / "t.parquet")
    inspector = Inspector(Brightness(), threshold=0.5)
    found = list(inspect_files(inspector, [*find_images([str(tmp_path / "t.parquet")]).images]))
    assert [item.error for item in found] == [None, "the row holds no image.", None]
    (beyond,) = inspect_files(inspector, [f"{tmp_path / 't.parquet'}#image=4"])
    assert beyond.error == "the table has 3 rows."


@pytest.mark.parametrize(
    ("columns", "column", "said"),
    [
        ({"a": ["x"], "b": ["y"]}, None, "there is no column 'image' of paths"),
        ({"image": [1]}, None, "there is no column 'image'"),
        ({"image": ["x"]}, "other", "there is no column 'other'"),
        ({"image": ["x", None]}, None, "row 2: it names no image"),
    ],
)
def test_tables_that_name_no_images_are_refused(
    columns: dict[str, list[object]], column: str | None, said: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(GainspectError, match=said):
        find_images([str(tmp_path / "t.parquet")], column=column)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(GainspectError, match="cannot read it as Parquet"):
        find_images([str(tmp_path / "t.parquet")])
