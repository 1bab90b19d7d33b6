"""Verify that a ledger goes on from an anchor: python verify_consistency.py PROOF KEY.pub ANCHOR."""
# Needs Python 3.9 and openssl. PROOF is of `gainspect ledger prove`; KEY.pub and ANCHOR come from elsewhere.
# Exit code 1: the tree of the checkpoint in PROOF does not begin with that of ANCHOR, or that is not shown.

import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

if len(sys.argv) != 4:
    sys.exit(print(__doc__, file=sys.stderr) or 2)
text, key, anchor = (Path(argument).read_text(encoding="utf-8") for argument in sys.argv[1:])
name, key_hash, key = key.strip().split("+", 2)


def require(holds, what):
    return holds or sys.exit(f"NOT VERIFIED: {what}")


def checkpoint(note, what):
    """Origin, size and root of a signed note, once openssl has verified its signature."""
    text, _, signatures = note.rpartition("\n\n")
    found = [b64decode(line.split()[-1]) for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    require(found and found[0][:4].hex() == key_hash, f"{what} is not signed by {name}+{key_hash}")
    with TemporaryDirectory() as place:
        Path(place, "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + b64decode(key)[1:])
        Path(place, "text").write_bytes((text + "\n").encode())
        Path(place, "signature").write_bytes(found[0][4:])
        asked = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature"
        wrong = run(asked.split(), cwd=place, capture_output=True).returncode
    require(not wrong, f"the signature of {what} is wrong")
    return text.split("\n")[0], int(text.split("\n")[1]), b64decode(text.split("\n")[2])


def node(left, right):
    return sha256(b"\1" + left + right).digest()


def goes_on(old, older, size, root, proof):
    """Whether a tree begins with an older one (RFC 9162, 2.1.4.2)."""
    if old in (0, size):
        return not proof and older == (root if old == size else sha256().digest())
    index, last = old - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    if old & (old - 1) == 0:  # a tree of 2^n leaves is a node of the later one
        proof = [older, *proof]
    if not 0 < old < size or not proof:
        return False
    first = second = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            first, second = node(sibling, first), node(sibling, second)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            second = node(second, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and (first, second) == (older, root)


head, _, note = text.partition("\n\n")
said, *hashes = head.split("\n")
(origin, old, older), (of, size, root) = checkpoint(anchor, "the anchor"), checkpoint(note, "the proof")
require(of == origin, f"the anchor is of {origin}, and the proof of {of}")
require(said == f"old {old}", f"the proof is not from the {old} records of the anchor on")
require(goes_on(old, older, size, root, [*map(b64decode, hashes)]), f"the first {old} records were changed")
print(f"VERIFIED {origin}: its {size} records begin with the {old} that the anchor was signed over")
