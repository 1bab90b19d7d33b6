"""What an auditor gets: proofs that hold, an export that verifies without gainspect, replays, no claims."""

import csv
import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gainspect.inspection.bundle import read_bundle
from gainspect.jobs.run_service import open_service
from gainspect.ledger import Ledger
from gainspect.ledger.accounts import Role
from gainspect.ledger.keys import public_of, read_or_make
from gainspect.ledger.merkle import verify_inclusion
from gainspect.ledger.pictures import PictureFolder
from gainspect.serve import audits as serve_audits
from gainspect.serve.app import create_app
from gainspect.serve.audits import Audits
from page_parts import HOSTILE, Plant, fill, listening, metal, wait_for
from service_parts import activation
from spot_bundle import spot_bundle

VERIFY = Path(__file__).parents[3] / "docs" / "verify.py"
STATION = "Line 3 / Press"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plant, Path]]:
    folder = tmp_path_factory.mktemp("plant")
    key = folder / "audit.key"
    (folder / "settings.yaml").write_text(f"signing_key: {key}\n")
    spot_bundle(folder / "spots.gain")
    service = open_service(
        [folder / "spots.gain"],
        db=str(folder / "line.ledger"),
        store=str(folder / "pictures"),
        state=folder / "state",
        settings=folder / "settings.yaml",
    )
    service.ledger.append(activation(read_bundle(folder / "spots.gain"), STATION))
    with listening(service, create_app(service)) as made:
        fill(made)
        yield made, key


@pytest.fixture(scope="module")
def auditor(plant: tuple[Plant, Path]) -> Iterator[httpx.Client]:
    with plant[0].client(plant[0].person(Role.AUDITOR, "Kim")[1]) as client:
        yield client


def test_a_proof_leads_from_the_bytes_of_a_record_to_the_root(
    plant: tuple[Plant, Path], auditor: httpx.Client
) -> None:
    size = plant[0].service.ledger.head().size
    for index in (0, 1, size // 2, size - 1):
        said = auditor.get(f"/v1/records/{index}/proof", params={"size": size}).json()
        leaf = hashlib.sha256(b"\0" + said["record"].encode()).digest()
        assert said["leaf"] == leaf.hex()
        assert auditor.get(f"/v1/records/{index}").text == said["record"]
        path = [bytes.fromhex(piece) for piece in said["proof"]]
        assert verify_inclusion(leaf, index, size, path, bytes.fromhex(said["root"]))
        assert said["holds"]
    assert auditor.get("/v1/records/3/proof", params={"size": 3}).status_code == 422
    assert auditor.get("/v1/records/999999").status_code == 404
    assert auditor.get("/v1/records/99999999999999999999").status_code == 404


@pytest.mark.parametrize("everything", ["true", "false"])
def test_an_export_verifies_without_gainspect(
    plant: tuple[Plant, Path], auditor: httpx.Client, tmp_path: Path, everything: str
) -> None:
    made, key = plant
    read_or_make(key, made.service.ledger.origin)
    csrf = auditor.headers["X-CSRF-Token"]
    given = {"csrf": csrf, "everything": everything, "pictures": "true", "query": "label=ng&kind=decision"}
    assert auditor.post("/audit/exports", data=given).status_code == 303
    wait_for(lambda: made.service.audits.export.progress.state != "running")
    with zipfile.ZipFile(io.BytesIO(auditor.get("/audit/export.zip").content)) as archive:
        archive.extractall(tmp_path)
    found = subprocess.run(
        [sys.executable, str(VERIFY), str(tmp_path / "export"), str(public_of(key))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    lines = (tmp_path / "export" / "records.jsonl").read_text().splitlines()
    found_ng = sum(record["label"] == "ng" for record in made.records("decision"))
    assert len(lines) == (made.service.ledger.head().size if everything == "true" else found_ng)


@pytest.mark.parametrize("free", [0, 2**30 + 10_000, 2**40])
def test_an_export_leaves_room_on_the_disk_and_nothing_but_its_archive(
    plant: tuple[Plant, Path], auditor: httpx.Client, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    made, key = plant
    read_or_make(key, made.service.ledger.origin)
    place = Path(made.service.spool.place).parent / "export"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    written, write = list[Path](), serve_audits.write_export

    def noted(ledger: Ledger, folder: Path, *given: Any, **more: Any) -> int:
        written.append(folder)
        return write(ledger, folder, *given, **more)

    monkeypatch.setattr(serve_audits, "write_export", noted)
    given = {"csrf": auditor.headers["X-CSRF-Token"], "everything": "true", "pictures": "true"}
    assert auditor.post("/audit/exports", data=given).status_code == 303
    wait_for(lambda: made.service.audits.export.progress.state != "running")
    if free == 2**40:
        assert [file.name for file in place.iterdir()] == ["export.zip"]
    else:
        failure = made.service.audits.export.progress.failure
        assert failure.code == "no_room"
        assert "too little room for this export, which takes 0." in failure.detail
        assert written == []  # it was known before
        assert not place.exists()


@pytest.mark.parametrize("writer", [(PictureFolder, "put"), (zipfile.ZipFile, "write")])
def test_an_export_ends_with_the_service_and_after_an_error_nothing_stays(
    plant: tuple[Plant, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: tuple[type, str]
) -> None:
    made, key = plant
    read_or_make(key, made.service.ledger.origin)
    audits = Audits(made.service.ledger, key, tmp_path / "export")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*writer, full)
        audits.begin_export(None, pictures=True)
        wait_for(lambda: audits.export.progress.state == "failed")
    assert "No space left" in audits.export.progress.failure.detail
    assert not (tmp_path / "export").exists()
    audits.export._ends.set()
    audits.begin_export(None, pictures=True)
    wait_for(lambda: audits.export.progress.state == "failed")
    assert audits.export.progress.failure.code == "stopping"
    assert not (tmp_path / "export").exists()


def test_a_decision_is_judged_again_and_a_ledger_is_not_called_whole_before_it_was_read(
    plant: tuple[Plant, Path], auditor: httpx.Client
) -> None:
    made, _ = plant
    page = auditor.get("/audit").text
    assert "It was not verified since this service began" in page
    assert "Whole:" not in page
    assert auditor.post("/audit/verifications").status_code == 303
    wait_for(lambda: made.service.audits.verification.progress.state != "running")
    assert (
        f"Whole: {made.service.audits.verification.progress.result.size}" in auditor.get("/audit/state").text
    )
    before = made.service.ledger.head().size
    again = auditor.post(f"/audit/records/{made.keys['M-0821']}/replay")
    assert "Equal: every score, label, region and rule." in again.text
    assert made.service.ledger.head().size == before  # an auditor changes nothing
    with made.service.replaying:
        assert auditor.post(f"/audit/records/{made.keys['M-0821']}/replay").status_code == 409


def test_a_picture_that_was_changed_is_said_and_found(
    plant: tuple[Plant, Path], auditor: httpx.Client
) -> None:
    made, _ = plant
    made.inspect("to be changed", metal(77))
    entry = made.service.ledger.record_of(made.keys["to be changed"])
    assert entry is not None
    sha256 = entry.record.images[0].sha256
    store = Path(made.service.ledger.pictures.place)
    (file,) = [path for path in store.rglob("*") if path.is_file() and sha256 in path.name.replace("/", "")]
    content = file.read_bytes()
    file.chmod(0o644)
    try:
        file.write_bytes(content[:-1] + b"x")
        assert "not the file that was recorded" in auditor.get(f"/audit/records/{entry.index}").text
        said = auditor.post(f"/audit/records/{entry.index}/replay").text
        assert "It cannot be judged again." in said
        auditor.post("/audit/verifications")
        wait_for(lambda: made.service.audits.verification.progress.state != "running")
        assert "Not whole: 1 faults" in auditor.get("/audit/state").text
        file.unlink()
        assert "missing: no rule has removed it" in auditor.get(f"/audit/records/{entry.index}").text
    finally:
        file.write_bytes(content)


def test_no_cell_of_the_table_is_a_formula(plant: tuple[Plant, Path], auditor: httpx.Client) -> None:
    said = auditor.get("/v1/records.csv", params={"kind": "decision"})
    rows = list(csv.DictReader(io.StringIO(said.content.decode("utf-8-sig"), newline="")))
    names = {row["part"] for row in rows}
    assert f"'{HOSTILE[1]}" in names
    assert not any(value.startswith(("=", "+", "@", "\t")) for row in rows for value in row.values())
    assert len(rows) == len(plant[0].records("decision"))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"label": "nonsense"}, 422),
        ({"bundle": "zz"}, 422),
        ({"from": "yesterday"}, 422),
        ({"part": "M-0821"}, 200),
        ({"text": HOSTILE[0]}, 200),
        ({"page": "99"}, 200),
    ],
)
def test_searches(auditor: httpx.Client, query: dict[str, str], status: int) -> None:
    said = auditor.get("/audit", params=query, headers={"Accept": "text/html"})
    assert said.status_code == status
    assert HOSTILE[0] not in said.text  # only ever escaped
