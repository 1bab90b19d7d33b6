"""A proof that a ledger goes on from an anchor, as an outsider verifies it: with Python and openssl alone."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.consistency import consistency_proof
from gainspect.ledger.keys import read_or_make
from gainspect.ledger.merkle import verify_consistency
from gainspect.ledger.note import Signer
from ledger_records import decision

VERIFY = Path(__file__).parents[3] / "docs" / "verify_consistency.py"
COUNT = 11


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "line.ledger", origin="plant7.example/line3") as opened:
        opened.append_all([decision(f"p{number}") for number in range(COUNT)])
        yield opened


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return read_or_make(tmp_path / "key", "plant7.example/line3")


def checkpoint(ledger: Ledger, size: int) -> Checkpoint:
    return Checkpoint(ledger.origin, size, ledger.proofs.root(size))


def outsider(proof: str, anchor: str, folder: Path) -> str:
    (folder / "proof").write_text(proof, encoding="utf-8")
    (folder / "anchor").write_text(anchor, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFY), "proof", "key.pub", "anchor"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin"},
    )
    said = done.stdout + done.stderr
    assert done.returncode == (0 if said.startswith("VERIFIED") else 1) and "Traceback" not in said
    return said.strip()


@pytest.mark.parametrize("size", [1, 2, 7, 8, COUNT])
def test_an_outsider_sees_that_a_ledger_goes_on(
    ledger: Ledger, signer: Signer, tmp_path: Path, size: int
) -> None:
    newer = checkpoint(ledger, size)
    for old in range(size + 1):
        older = checkpoint(ledger, old)
        proof = consistency_proof(ledger, older, newer, newer.signed(signer))
        begin, *hashes = proof.partition("\n\n")[0].split("\n")
        pieces = [base64.b64decode(piece) for piece in hashes]
        assert begin == f"old {old}" and verify_consistency(old, size, older.root, newer.root, pieces)
        assert outsider(proof, older.signed(signer), tmp_path) == (
            f"VERIFIED plant7.example/line3: its {size} records begin with the {old} "
            "that the anchor was signed over"
        )


@pytest.mark.parametrize("old", range(COUNT + 1))
def test_an_outsider_sees_a_ledger_that_does_not_go_on(
    ledger: Ledger, signer: Signer, tmp_path: Path, old: int
) -> None:
    """One that was made anew, signed with the right key, has no proof from an older anchor on."""
    anchor = checkpoint(ledger, old).signed(signer)
    with open_ledger(tmp_path / "anew.ledger", origin=ledger.origin) as anew:
        anew.append_all([decision(f"p{number}", score=0.25) for number in range(COUNT)])
        newer = checkpoint(anew, COUNT)
        if old:
            with pytest.raises(GainspectError, match=f"does not begin with the {old} record"):
                consistency_proof(anew, checkpoint(ledger, old), newer, newer.signed(signer))
        forged = consistency_proof(anew, checkpoint(anew, old), newer, newer.signed(signer))
    said = outsider(forged, anchor, tmp_path)
    assert said.startswith("VERIFIED" if old == 0 else f"NOT VERIFIED: the first {old} records were changed")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda proof: proof.replace("\n11\n", "\n12\n"), "the signature of the proof is wrong"),
        (
            lambda proof: proof.replace("old 6", "old 5"),
            "the proof is not from the 6 records of the anchor on",
        ),
        (
            lambda proof: proof.replace("old 6\n", "old 6\n" + 44 * "A" + "\n"),
            "the first 6 records were changed",
        ),
        (lambda proof: "old 6\n\n" + proof.partition("\n\n")[2], "the first 6 records were changed"),
    ],
)
def test_an_outsider_sees_a_proof_that_was_changed(
    ledger: Ledger, signer: Signer, tmp_path: Path, spoil: Callable[[str], str], said: str
) -> None:
    older, newer = checkpoint(ledger, 6), checkpoint(ledger, COUNT)
    proof = spoil(consistency_proof(ledger, older, newer, newer.signed(signer)))
    assert outsider(proof, older.signed(signer), tmp_path) == f"NOT VERIFIED: {said}"


def test_an_anchor_of_another_key_or_ledger(ledger: Ledger, signer: Signer, tmp_path: Path) -> None:
    older, newer = checkpoint(ledger, 6), checkpoint(ledger, COUNT)
    proof = consistency_proof(ledger, older, newer, newer.signed(signer))
    forged = older.signed(Signer(signer.name, bytes(32)))
    assert "the anchor is not signed by" in outsider(proof, forged, tmp_path)
    other = Checkpoint("plant7.example/line4", 6, older.root)
    assert "the anchor is of plant7.example/line4" in outsider(proof, other.signed(signer), tmp_path)
    with pytest.raises(GainspectError, match="as those of plant7"):
        consistency_proof(ledger, other, newer, newer.signed(signer))
    with pytest.raises(GainspectError, match="a tree of 6 records does not begin with one of 11"):
        consistency_proof(ledger, newer, older, older.signed(signer))


def test_the_script_needs_no_package() -> None:
    lines = VERIFY.read_text(encoding="utf-8").splitlines()
    modules = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert len(lines) < 80 and modules <= set(sys.stdlib_module_names)
