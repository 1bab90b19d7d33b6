import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.export import PROOFS, RECORDS, WITH_PICTURES, export_sizes, write_export
from gainspect.ledger.keys import read_or_make
from gainspect.ledger.note import Signer
from gainspect.ledger.records.sealed import sealed
from gainspect.ledger.records.upkeep import RetentionRule
from gainspect.ledger.retention import remove_by_rule
from ledger_records import AT, STATION, decision

VERIFY = Path(__file__).parents[3] / "docs" / "verify.py"
COUNT = 11
PICTURES = [f"picture {number}".encode() for number in range(COUNT)]
SHA256 = [hashlib.sha256(picture).hexdigest() for picture in PICTURES]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "line.ledger", origin="plant7.example/line3") as opened:
        decisions = [decision(f"p{number}", pictures=[SHA256[number]]) for number in range(COUNT)]
        opened.append_all(decisions, PICTURES)
        yield opened


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return read_or_make(tmp_path / "line3.key", "plant7.example/line3")


def note(ledger: Ledger, signer: Signer, size: int | None = None, *, pictures: bool = False) -> str:
    size = ledger.head().size if size is None else size
    extensions = [WITH_PICTURES] if pictures else []
    return Checkpoint(ledger.origin, size, ledger.proofs.root(size)).signed(signer, *extensions)


def outsider(export: Path, *anchors: Path) -> str:
    """What docs/verify.py says, without anything of this project."""
    key = export.parent / "line3.key.pub"
    command = [sys.executable, "-I", str(VERIFY), str(export), str(key), *map(str, anchors)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env={"PATH": "/usr/bin:/bin"}
    )
    said = done.stdout + done.stderr
    assert (done.returncode, said.startswith("VERIFIED")) in (
        (0, True),
        (1, False),
    ) and "Traceback" not in said
    return said.strip()


def test_an_outsider_verifies_all_of_it(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    early, out = tmp_path / "early.txt", tmp_path / "export"
    early.write_text(note(ledger, signer, 6), encoding="utf-8")
    assert write_export(ledger, out, note(ledger, signer, pictures=True), signer.verifier) == COUNT
    expected = (
        f"VERIFIED plant7.example/line3: {COUNT} of {COUNT} records, {COUNT} of {COUNT} pictures are here"
    )
    assert outsider(out) == f"{expected}, 1 checkpoints"
    assert outsider(out, early) == f"{expected}, 2 checkpoints"
    lines = (out / "records.jsonl").read_bytes().splitlines()
    assert lines == [entry.content for entry in ledger.records()]


@pytest.mark.parametrize("size", range(1, COUNT + 1))
def test_an_outsider_verifies_an_excerpt_by_its_proofs(
    ledger: Ledger, signer: Signer, tmp_path: Path, size: int
) -> None:
    wanted, out = [size - 1, 0, size // 2], tmp_path / "export"
    count = write_export(ledger, out, note(ledger, signer, size), signer.verifier, wanted=wanted)
    assert outsider(out).startswith(
        f"VERIFIED plant7.example/line3: {count} of {size} records, exported without pictures"
    )
    changed = (out / "records.jsonl").read_bytes().replace(b'"score":0.125', b'"score":0.25', 1)
    (out / "records.jsonl").write_bytes(changed)
    assert outsider(out).startswith("NOT VERIFIED: record 0 ")


@pytest.mark.parametrize(("wanted", "pictures"), [(None, True), (None, False), ([1, 4, 4], True), ([], True)])
def test_what_an_export_takes_is_known_before(
    ledger: Ledger, signer: Signer, tmp_path: Path, wanted: list[int] | None, pictures: bool
) -> None:
    ledger.append(decision("again", pictures=[SHA256[0]]))  # a picture that is there is written once
    signed, out = note(ledger, signer, pictures=pictures), tmp_path / "export"
    count = write_export(ledger, out, signed, signer.verifier, wanted=wanted)
    told = [*export_sizes(ledger, ledger.head().size, wanted=wanted, pictures=pictures)]
    written = [
        file for file in out.rglob("*") if file.is_file() and file.name not in ("checkpoint.txt", "key.pub")
    ]
    size, blocks = (
        sum(file.stat().st_size for file in written),
        4096 * (len(written) - 1 - (wanted is not None)),
    )
    assert len(told) == count
    assert size + blocks <= sum(told) <= size + blocks + 500 * count * (wanted is not None)


def edit(export: Path, number: int, old: bytes, new: bytes) -> None:
    lines = (export / "records.jsonl").read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(old, new)
    (export / "records.jsonl").write_bytes(b"".join(lines))


def cut(export: Path, begin: int, end: int) -> None:
    lines = (export / "records.jsonl").read_bytes().splitlines(keepends=True)
    (export / "records.jsonl").write_bytes(b"".join(lines[:begin] + lines[end:]))


def double(export: Path, number: int) -> None:
    lines = (export / "records.jsonl").read_bytes().splitlines(keepends=True)
    lines[number] *= 2
    (export / "records.jsonl").write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda export: edit(export, 4, b'"label":"ok"', b'"label":"ng"'), "was changed: "),
        (lambda export: cut(export, 4, 5), "record 5 stands after record 3"),
        (lambda export: double(export, 4), "record 4 stands after record 4"),
        (lambda export: edit(export, 4, b'"lot":"lot 7"', b'"lot": "lot 7"'), "was changed: "),
        (lambda export: cut(export, 9, 11), "9 records are there, and 11 are signed"),
        (
            lambda export: (export / "records.jsonl").write_bytes(
                (export / "records.jsonl").read_bytes() + sealed(decision("forged"), COUNT, AT) + b"\n"
            ),
            "12 records are there, and 11 are signed",
        ),
        (lambda export: (export / "pictures" / SHA256[3][:2] / SHA256[3]).write_bytes(b"x"), "was replaced"),
        (lambda export: (export / "pictures" / SHA256[3][:2] / SHA256[3]).unlink(), "pictures that no rule"),
        (
            lambda export: (export / "checkpoint.txt").write_text(
                (export / "checkpoint.txt").read_text().replace("\n11\n", "\n10\n")
            ),
            "the signature of",
        ),
        (
            lambda export: (export / "checkpoint.txt").write_text(
                Checkpoint("plant7.example/line3", 11, bytes(32)).signed(
                    Signer("plant7.example/line3", bytes(32))
                )
            ),
            "is not signed by plant7.example/line3",
        ),
    ],
    ids=[
        "edited",
        "deleted",
        "doubled",
        "other bytes that say the same",
        "cut",
        "one more",
        "picture replaced",
        "picture deleted",
        "checkpoint edited",
        "another key",
    ],
)
def test_an_outsider_sees_what_was_changed(  # type: ignore[no-untyped-def]
    ledger: Ledger, signer: Signer, tmp_path: Path, spoil, said: str
) -> None:
    out = tmp_path / "export"
    write_export(ledger, out, note(ledger, signer, pictures=True), signer.verifier)
    spoil(out)
    assert said in outsider(out)


def test_an_outsider_sees_a_ledger_that_was_made_anew(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    """The new one is signed with the right key: only the anchor that was kept elsewhere shows it."""
    early = tmp_path / "early.txt"
    early.write_text(note(ledger, signer, 6), encoding="utf-8")
    with open_ledger(tmp_path / "anew.ledger", origin=ledger.origin) as anew:
        anew.append_all([decision(f"p{number}", score=0.25) for number in range(COUNT)])
        write_export(anew, tmp_path / "export", note(anew, signer), signer.verifier)
    assert outsider(tmp_path / "export").startswith("VERIFIED")
    assert f"was changed: {early} does not fit" in outsider(tmp_path / "export", early)


def test_pictures_that_a_rule_removed_are_not_missing(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    remove_by_rule(ledger, RetentionRule(name="all", older_than_days=0), station=STATION)
    out = tmp_path / "export"
    write_export(ledger, out, note(ledger, signer, pictures=True), signer.verifier)
    assert outsider(out).startswith(
        f"VERIFIED plant7.example/line3: {COUNT + 1} of {COUNT + 1} records, 0 of 0 pic"
    )


def test_an_outsider_is_told_how_many_pictures_are_lacking(
    ledger: Ledger, signer: Signer, tmp_path: Path
) -> None:
    whole, excerpt = tmp_path / "whole", tmp_path / "excerpt"
    write_export(ledger, whole, note(ledger, signer, pictures=True), signer.verifier)
    write_export(ledger, excerpt, note(ledger, signer, pictures=True), signer.verifier, wanted=[2, 3, 7])
    (excerpt / "pictures" / SHA256[3][:2] / SHA256[3]).unlink()
    assert f"3 of {COUNT} records, 2 of 3 pictures are here" in outsider(excerpt)
    assert f"{COUNT} records, {COUNT} of {COUNT} pictures are here" in outsider(whole)


def test_pictures_that_were_lost_are_told_from_an_export_without_them(
    ledger: Ledger, signer: Signer, tmp_path: Path
) -> None:
    """The signed note says whether they were exported: who loses them cannot say that they were not."""
    out, without = tmp_path / "out", tmp_path / "without"
    write_export(ledger, out, note(ledger, signer, pictures=True), signer.verifier)
    write_export(ledger, without, note(ledger, signer), signer.verifier)
    shutil.rmtree(out / "pictures")
    assert "pictures that no rule removed are missing" in outsider(out)
    assert f"{COUNT} records, exported without pictures" in outsider(without)
    text = (out / "checkpoint.txt").read_text(encoding="utf-8")
    (out / "checkpoint.txt").write_text(text.replace("\npictures\n", "\n"), encoding="utf-8")
    assert "the signature of" in outsider(out)


def test_pictures_of_a_ledger_that_are_not_in_reach(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    signed = note(ledger, signer, pictures=True)
    with pytest.raises(GainspectError, match="this ledger has pictures"):
        write_export(Ledger(ledger.database), tmp_path / "out", signed, signer.verifier)
    assert not (tmp_path / "out").exists()


def test_an_excerpt_has_each_record_once_and_in_order(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    out = tmp_path / "export"
    write_export(ledger, out, note(ledger, signer), signer.verifier, wanted=[2, 3])
    written = {name: (out / name).read_bytes().splitlines(keepends=True) for name in (RECORDS, PROOFS)}
    for order, said in (([0, 1, 1], "record 3 stands after record 3"), ([1, 0], "record 2 stands after")):
        for name, lines in written.items():
            (out / name).write_bytes(b"".join(lines[number] for number in order))
        assert said in outsider(out)


def test_an_outsider_who_names_no_key_is_told_the_usage(tmp_path: Path) -> None:
    for arguments in ([], [str(tmp_path)]):
        done = subprocess.run(
            [sys.executable, "-I", str(VERIFY), *arguments], capture_output=True, text=True, encoding="utf-8"
        )
        assert done.returncode == 2 and "python verify.py EXPORT KEY.pub" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_script_is_short_and_needs_no_package() -> None:
    lines = VERIFY.read_text(encoding="utf-8").splitlines()
    modules = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert len(lines) < 80 and modules <= set(sys.stdlib_module_names)


def test_what_cannot_be_exported(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    key = signer.verifier
    (tmp_path / "there").mkdir()
    with pytest.raises(GainspectError, match="already such a file"):
        write_export(ledger, tmp_path / "there", note(ledger, signer), key)
    for wrong in (Checkpoint("other", 3, ledger.proofs.root(3)), Checkpoint(ledger.origin, 3, bytes(32))):
        with pytest.raises(GainspectError, match="not of this ledger"):
            write_export(ledger, tmp_path / "out", wrong.signed(signer), key)
    with pytest.raises(GainspectError, match="record 5 is not among the first 3"):
        write_export(ledger, tmp_path / "out", note(ledger, signer, 3), key, wanted=[1, 5])
    assert not (tmp_path / "out").exists() and not [*tmp_path.glob(".*")]
