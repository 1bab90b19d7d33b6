"""Bundles made to harm: refused with a sentence, before anything of them is unpacked."""

import hashlib
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle, read_bundle, write_bundle
from unit.inspection.test_bundle import CONTENTS, description

MIB = 2**20
BOMB = 96 * MIB
"""What each bomb would unpack to."""


@pytest.fixture
def written(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "part.gain", description(), CONTENTS)


def seal(text: bytes) -> bytes:
    return f"{hashlib.sha256(text).hexdigest()}  bundle.json\n".encode()


def described(**changes: Any) -> bytes:
    """A description that fits CONTENTS, with changes."""
    known = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()},
        "sizes": {name: len(content) for name, content in CONTENTS.items()},
    }
    return json.dumps(description().model_dump(mode="json") | known | changes).encode()


def made(path: Path, text: bytes, *more: tuple[zipfile.ZipInfo | str, bytes], **contents: bytes) -> Path:
    """A zip with a sealed description, CONTENTS and further entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [("bundle.json", text), ("bundle.json.sha256", seal(text)), *CONTENTS.items()]:
            archive.writestr(name, contents.get(name, content))
        for info, content in more:
            archive.writestr(info, content)
    return path


def with_bomb(
    path: Path, name: str, text: bytes, method: int = zipfile.ZIP_DEFLATED, size: int = BOMB
) -> Path:
    """A bundle in which the entry `name` unpacks to `size` zeros."""
    block = bytes(MIB)
    with zipfile.ZipFile(path, "w", method) as archive:
        for other, content in [("bundle.json", text), ("bundle.json.sha256", seal(text)), *CONTENTS.items()]:
            if other != name:
                archive.writestr(other, content, zipfile.ZIP_DEFLATED)
        with archive.open(name, "w") as file:
            for _ in range(size // MIB):
                file.write(block)
    return path


def zeros_sha256(size: int) -> str:
    digest = hashlib.sha256()
    for _ in range(size // MIB):
        digest.update(bytes(MIB))
    return digest.hexdigest()


def refused(path: Path, message: str) -> int:
    """The most memory, in bytes, that refusing takes."""
    tracemalloc.start()
    try:
        with pytest.raises(GainspectError, match=message) as error:
            read_bundle(path)
        assert "\n" not in str(error.value)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_entry_that_is_not_listed_is_not_unpacked(tmp_path: Path) -> None:
    path = with_bomb(tmp_path / "bomb.gain", "extra.bin", described())
    assert path.stat().st_size < MIB
    assert refused(path, r"extra\.bin does not belong") < BOMB / 20


def test_a_bomb_under_a_listed_name_is_not_unpacked(tmp_path: Path) -> None:
    path = with_bomb(tmp_path / "bomb.gain", "parity.json", described())
    assert refused(path, r"parity\.json was changed \(it has not the size") < BOMB / 20


def test_a_bomb_that_is_listed_and_sealed_is_not_unpacked(tmp_path: Path) -> None:
    """Its size and hash are right, but no network shrinks a thousandfold."""
    files = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    listed = {"files": files | {"parity.json": zeros_sha256(BOMB)}}
    sizes = {"sizes": {name: len(content) for name, content in CONTENTS.items()} | {"parity.json": BOMB}}
    path = with_bomb(tmp_path / "new.gain", "parity.json", described(**listed, **sizes))
    assert refused(path, "would unpack to 96 MiB") < BOMB / 20
    old = with_bomb(tmp_path / "old.gain", "parity.json", described(**listed, sizes={}))
    assert refused(old, "would unpack to 96 MiB") < BOMB / 20


@pytest.mark.parametrize("name", ["bundle.json", "bundle.json.sha256"])
def test_a_huge_description_or_seal_is_not_unpacked(tmp_path: Path, name: str) -> None:
    path = with_bomb(tmp_path / "bomb.gain", name, described())
    assert refused(path, rf"{name} has 100,663,296 bytes, more than") < BOMB / 20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_output_has_no_bound_are_refused(tmp_path: Path, method: int) -> None:
    path = with_bomb(tmp_path / "bomb.gain", "bundle.json", described(), method)
    assert refused(path, r"bundle\.json is compressed by another method") < BOMB / 20


def test_a_directory_that_lies_about_sizes_unpacks_no_more_than_it_says(tmp_path: Path) -> None:
    path = with_bomb(tmp_path / "bomb.gain", "parity.json", described())
    content = bytearray(path.read_bytes())
    said = len(CONTENTS["parity.json"]).to_bytes(4, "little")
    assert content.count(BOMB.to_bytes(4, "little")) >= 1
    path.write_bytes(content.replace(BOMB.to_bytes(4, "little"), said))
    assert refused(path, "damaged|was changed") < BOMB / 20


def test_very_many_entries_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.gain"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(20_000):
            archive.writestr(f"{index}", b"")
    assert refused(path, "directory is too long") < MIB
    # A zip64 record counts instead of the ordinary one, where there is one.
    content = path.read_bytes()
    end = content.rfind(b"PK\5\6")
    small = content[end : end + 12] + (100).to_bytes(4, "little") + content[end + 16 :]
    path.write_bytes(content[:end] + b"PK\6\7" + bytes(16) + small)
    assert refused(path, "over 4 GiB") < MIB


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x" * len(name))
    info.filename = name
    info.create_system = 3
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up.txt", "a/../../up.txt", "C:\\up.txt", "..\\up.txt", "a//b", ".", "Model.onnx"],
)
def test_names_that_lead_elsewhere_are_refused_listed_or_not(tmp_path: Path, name: str) -> None:
    refused(made(tmp_path / "a.gain", described(), (entry(name), b"x")), "does not belong|twice")
    files = {name: hashlib.sha256(b"x").hexdigest()}
    sizes = {name: 1}
    for other, content in CONTENTS.items():
        files[other], sizes[other] = hashlib.sha256(content).hexdigest(), len(content)
    text = described(files=files, sizes=sizes)
    refused(made(tmp_path / "b.gain", text, (entry(name), b"x")), "is not a name that a file|twice")
    assert not (tmp_path / "up.txt").exists() and not (tmp_path.parent / "up.txt").exists()


@pytest.mark.parametrize("name", ["bundle.json", "BUNDLE.JSON", "a\nb", "a" * 300, "", "nul\0.onnx"])
def test_other_names_that_no_file_of_a_bundle_has(tmp_path: Path, name: str) -> None:
    refused(
        made(tmp_path / "a.gain", described(files={name: "0" * 64}, sizes={name: 1})),
        "is not a name that a file",
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((entry("parity.json"), b"{}"), "a file twice"),
        ((entry("link", 0o120777), b"/etc/passwd"), "link is a link or a device"),
        ((entry("pipe", 0o010644), b""), "pipe is a link or a device"),
        ((entry("sub/", 0o040755), b""), "sub/ does not belong"),
    ],
)
def test_entries_that_no_bundle_has(
    tmp_path: Path, more: tuple[zipfile.ZipInfo, bytes], message: str
) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if "twice" in message else nullcontext():
        path = made(tmp_path / "a.gain", described(), more)
    refused(path, message)


def test_an_encrypted_entry_is_refused(written: Bundle) -> None:
    content = bytearray(written.path.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = content.find(signature, content.find(signature) + 1)
        content[place + flags] |= 1
    written.path.write_bytes(content)
    refused(written.path, "is encrypted")


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"schema_version": 2, "training": ' + b"[" * 60 + b"]" * 60 + b"}",
        b'{"schema_version": 2, "training": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}",
    ],
)
def test_a_description_of_absurd_depth_is_refused(tmp_path: Path, text: bytes) -> None:
    assert refused(made(tmp_path / "a.gain", text), r"bundle\.json cannot be read") < 64 * MIB


@pytest.mark.parametrize("text", [b"", b"null", b"3", b"[]", b"\xff\xfe", b'{"schema_version": 2}', b"{}"])
def test_a_description_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    refused(made(tmp_path / "a.gain", text), r"bundle\.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"sizes": {"model.onnx": 5000}},
        {"sizes": {"model.onnx": -1, "parity.json": 13}},
        {"sizes": {"model.onnx": 2**40, "parity.json": 13}},
        {"files": {"model.onnx": "abc", "parity.json": "0" * 64}},
    ],
)
def test_lists_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    refused(made(tmp_path / "a.gain", described(**changes)), r"bundle\.json: ")


@pytest.fixture
def folder(written: Bundle, tmp_path: Path) -> Path:
    with zipfile.ZipFile(written.path) as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


def link_to_file(folder: Path) -> None:
    content = (folder / "model.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(content)


def link_to_folder(folder: Path) -> None:
    (folder / "sub").symlink_to(folder.parent)


def pipe(folder: Path) -> None:
    (folder / "parity.json").unlink()
    os.mkfifo(folder / "parity.json")


def loop(folder: Path) -> None:
    (folder / "a").symlink_to(folder)


@pytest.mark.parametrize("change", [link_to_file, link_to_folder, loop, pipe])
def test_links_and_pipes_in_an_unpacked_folder_are_refused(
    folder: Path, change: Callable[[Path], None]
) -> None:
    change(folder)
    refused(folder, "is a link or a device")


def test_a_folder_reached_through_a_link_is_read(folder: Path, written: Bundle, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    assert read_bundle(tmp_path / "current").contents == written.contents


def test_files_in_a_folder_are_read_up_to_their_listed_size(folder: Path) -> None:
    with (folder / "parity.json").open("r+b") as file:
        file.truncate(BOMB)  # sparse: it takes no room on the disk
    assert refused(folder, "it has not the size") < BOMB / 20
    with (folder / "extra.bin").open("wb") as file:
        file.truncate(BOMB)
    assert refused(folder, r"extra\.bin does not belong") < BOMB / 20


def test_a_folder_of_very_many_files_is_refused(folder: Path) -> None:
    (folder / "sub").mkdir()
    for index in range(1100):
        (folder / "sub" / str(index)).touch()
    refused(folder, "more than 1000 files")


def older(path: Path) -> Path:
    """A bundle as versions before sizes wrote it."""
    shape = {name: value for name, value in json.loads(described()).items() if name != "sizes"}
    return made(path, json.dumps(shape | {"schema_version": 1}).encode())


def test_bundles_without_sizes_are_read(tmp_path: Path) -> None:
    read = read_bundle(older(tmp_path / "old.gain"))
    assert read.contents == CONTENTS and read.description.sizes == {}


def test_a_bundle_lists_the_size_of_every_file(written: Bundle) -> None:
    assert read_bundle(written.path).description.sizes == {name: len(c) for name, c in CONTENTS.items()}


def test_a_run_folder_is_told_where_its_bundle_is(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    refused(tmp_path / "run", "this is a run folder, not a bundle.*gainspect export")
    (tmp_path / "run" / "model.gain").touch()
    refused(tmp_path / "run", r"this is a run folder, not a bundle\. Its bundle is .*model\.gain")
