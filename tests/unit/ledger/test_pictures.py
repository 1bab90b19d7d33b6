import errno
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.faults import FaultKind
from gainspect.ledger.pictures import PictureStore, open_pictures
from gainspect.ledger.verification import verify
from ledger_records import decision

PICTURE = b"the file of a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture(params=["folder", "uri"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PictureStore:
    return open_pictures(str(tmp_path / "pictures") if request.param == "folder" else f"memory://{tmp_path}")


def test_a_picture_is_found_by_its_hash(store: PictureStore) -> None:
    assert store.read(SHA256) is None and not store.has(SHA256)
    assert store.put(PICTURE) == SHA256
    assert store.has(SHA256) and store.read(SHA256) == PICTURE and store.size(SHA256) == len(PICTURE)
    assert store.put(PICTURE) == SHA256
    store.remove(SHA256)
    store.remove(SHA256)
    assert store.size(SHA256) is None
    assert store.read(SHA256) is None and not store.has(SHA256)


def test_what_was_torn_is_written_again(tmp_path: Path) -> None:
    store = open_pictures(str(tmp_path))
    store.put(PICTURE)
    (tmp_path / SHA256[:2] / SHA256).write_bytes(PICTURE[:3])
    store.put(PICTURE)
    assert store.read(SHA256) == PICTURE
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [SHA256]


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize("kind", ["link to itself", "folder", "pipe", "device"])
def test_what_is_no_file_in_the_place_of_a_picture_is_named(tmp_path: Path, kind: str) -> None:
    with open_ledger(tmp_path / "line.ledger") as ledger:
        ledger.append_all([decision("p0"), decision("p1", pictures=[SHA256])], [PICTURE])
        path = tmp_path / "line.ledger.pictures" / SHA256[:2] / SHA256
        path.unlink()
        make: dict[str, Callable[[], None]] = {
            "link to itself": lambda: path.symlink_to(path),
            "folder": path.mkdir,
            "pipe": lambda: os.mkfifo(path),
            "device": lambda: path.symlink_to("/dev/zero"),
        }
        make[kind]()
        (fault,) = verify(ledger).faults
        assert (fault.kind, fault.index) == (FaultKind.PICTURE_REPLACED, 1)
        if kind != "folder":
            ledger.append(decision("p2", pictures=[SHA256]), [PICTURE])
            assert not verify(ledger).faults, "stored again, it takes the place"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows syncs names by itself")
def test_the_names_of_new_folders_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the folder that was there; also of a file that is there: its writer may have been killed."""
    store, synced = open_pictures(str(tmp_path / "pictures")), set[str]()
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    for _ in range(2):
        store.put(PICTURE)
        folder = tmp_path / "pictures"
        assert {str(folder / SHA256[:2]), str(folder), str(tmp_path)} <= synced
        synced.clear()


def test_a_record_without_its_picture_is_refused(ledger_url: str, tmp_path: Path) -> None:
    with open_ledger(ledger_url, pictures=tmp_path / "pictures") as ledger:
        with pytest.raises(GainspectError, match=f"picture {SHA256} of part p1 is not stored"):
            ledger.append(decision("p1", pictures=[SHA256]))
        assert ledger.head().size == 0
        ledger.append(decision("p1", pictures=[SHA256]), [PICTURE])
        ledger.append(decision("p2", pictures=[SHA256]))
        assert not verify(ledger).faults


def test_a_ledger_behind_a_uri_keeps_pictures(ledger_url: str, tmp_path: Path) -> None:
    with open_ledger(ledger_url, pictures=f"memory://{tmp_path}") as ledger:
        ledger.append(decision("p1", pictures=[SHA256]), [PICTURE])
        assert verify(ledger).pictures == 1


def test_a_picture_store_that_cannot_be_written(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_ledger(ledger_url, pictures=tmp_path / "pictures") as ledger:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", full)
            with pytest.raises(GainspectError, match="No space left on device"):
                ledger.append(decision("p1", pictures=[SHA256]), [PICTURE])
        assert ledger.head().size == 0
        assert not [file for file in (tmp_path / "pictures").rglob("*") if file.is_file()]
        ledger.append(decision("p1", pictures=[SHA256]), [PICTURE])
        assert not verify(ledger).faults
        (tmp_path / "a file").write_bytes(b"")
    with open_ledger(ledger_url, pictures=tmp_path / "a file") as ledger:
        with pytest.raises(GainspectError, match="a file"):
            ledger.append(decision("p2", pictures=[SHA256]), [PICTURE])
        assert ledger.head().size == 1


def test_a_ledger_without_a_place_for_pictures(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        ledger.pictures = None
        with pytest.raises(GainspectError, match="keeps no pictures"):
            ledger.append(decision("p1", pictures=[SHA256]), [PICTURE])
        with pytest.raises(GainspectError, match="keeps no pictures"):
            ledger.append(decision("p1", pictures=[SHA256]))
        assert ledger.head().size == 0
