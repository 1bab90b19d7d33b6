"""Files of labels read with sentences for what is wrong, images found by the names in labels."""

from pathlib import Path

import pytest

from drawn_labels import photo
from gainspect.data.importers.source import FOUND_BY_NAME, NOT_THERE, SEVERAL, Match, Source
from gainspect.errors import GainspectError


@pytest.fixture
def source(tmp_path: Path) -> Source:
    for name in ("train/good/1.png", "train/bad/1.png", "test/bad/1.png", "Ä.png", "x/Only.PNG"):
        photo(tmp_path / name)
    photo(tmp_path / "e\u0301.png")
    (tmp_path / "a.json").write_text("{}")
    return Source(tmp_path)


@pytest.mark.parametrize(
    ("name", "labels", "found", "note"),
    [
        ("train/good/1.png", "a.json", "train/good/1.png", ""),
        (".\\train\\bad\\1.png", "a.json", "train/bad/1.png", ""),
        ("good/1.png", "a.json", "train/good/1.png", ""),
        ("D:\\data\\train\\good\\1.png", "a.json", "train/good/1.png", FOUND_BY_NAME),
        ("/mnt/set/test/bad/1.png", "a.json", "test/bad/1.png", FOUND_BY_NAME),
        ("1.png", "test/labels.json", "test/bad/1.png", ""),
        ("1.png", "a.json", None, SEVERAL),
        ("1.png", "train/labels.json", None, SEVERAL),
        ("é.png", "a.json", "e\u0301.png", ""),
        ("x/only.png", "a.json", "x/Only.PNG", FOUND_BY_NAME),
        ("../images/Ä.png", "a.json", "Ä.png", FOUND_BY_NAME),
        ("gone.png", "a.json", None, NOT_THERE),
        ("", "a.json", None, NOT_THERE),
        ("///", "a.json", None, NOT_THERE),
    ],
)
def test_images_are_found_as_labels_name_them(
    source: Source, name: str, labels: str, found: str | None, note: str
) -> None:
    expected = None if found is None else source.root / found
    assert source.image(name, source.root / labels) == Match(expected, note)


def test_stems_are_found_too(source: Source) -> None:
    assert source.image_of_stem("Only", source.root / "a.json").file == source.root / "x/Only.PNG"
    assert source.image_of_stem("1", source.root / "a.json").note == SEVERAL
    among = {source.root / "test/bad/1.png"}
    assert source.image_of_stem("1", source.root / "a.json", among=among).file in among


def test_labels_in_their_own_folder_have_images_beside_it(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.png")
    (tmp_path / "set/annotations").mkdir()
    (tmp_path / "set/annotations/x.xml").write_text("<a/>")
    source = Source(tmp_path / "set/annotations/x.xml")
    assert source.root == tmp_path / "set"
    assert source.labels == [tmp_path / "set/annotations/x.xml"]
    assert source.image("a.png", source.labels[0]).file == tmp_path / "set/images/a.png"


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        ("json", b"{", "not JSON"),
        ("json", b"\xff\xfe{", "not UTF-8"),
        ("json", b"[" * 100_000, "JSON"),
        ("xml", b"<a>", "not XML"),
        ("xml", b"", "not XML"),
        ("xml", b'<?xml version="1.0" encoding="nonsense"?><a/>', "not XML"),
        ("yaml", b"a: [", "not YAML"),
        ("yaml", b"!!python/object:os.system {}", "not YAML"),
        ("text", b"\xba\xd2", "not UTF-8"),
    ],
)
def test_damaged_files_are_refused_with_their_name(
    tmp_path: Path, reader: str, content: bytes, message: str
) -> None:
    file = tmp_path / "labels.x"
    file.write_bytes(content)
    with pytest.raises(GainspectError, match=rf"labels\.x: .*{message}"):
        getattr(Source(tmp_path), reader)(file)


def test_what_is_read_is_remembered(source: Source) -> None:
    assert source.json(source.root / "a.json") == {}
    assert source.used == {source.root / "a.json"}


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="no such file or folder"):
        Source(tmp_path / "gone")
    with pytest.raises(GainspectError, match="cannot read the file"):
        Source(tmp_path).text(tmp_path / "gone.txt")
