"""Verify an export of a ledger: python verify.py EXPORT KEY.pub [ANCHOR ...]. Needs Python 3.9, openssl."""
# KEY.pub and anchors come from elsewhere than the export. Exit code 1: something is wrong, or is not shown.

import sys
from base64 import b64decode
from functools import reduce
from hashlib import sha256
from json import loads
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

_, export, key, *anchors = sys.argv if len(sys.argv) > 2 else sys.exit(print(__doc__, file=sys.stderr) or 2)
export, (name, key_hash, key) = Path(export), Path(key).read_text(encoding="utf-8").strip().split("+", 2)


def require(holds, what):
    return holds or sys.exit(f"NOT VERIFIED: {what}")


def checkpoint(path):
    """Origin, size, root of a signed note, whether it names pictures, once openssl has verified it."""
    text, _, signatures = Path(path).read_text(encoding="utf-8").rpartition("\n\n")
    found = [b64decode(line.split()[-1]) for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    require(found and found[0][:4].hex() == key_hash, f"{path} is not signed by {name}+{key_hash}")
    with TemporaryDirectory() as place:
        Path(place, "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + b64decode(key)[1:])
        Path(place, "text").write_bytes((text + "\n").encode())
        Path(place, "signature").write_bytes(found[0][4:])
        asked = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature"
        done = run(asked.split(), cwd=place, capture_output=True)
    require(done.returncode == 0, f"the signature of {path} is wrong")
    return text.split("\n")[0], int(text.split("\n")[1]), b64decode(text.split("\n")[2]), "\npictures" in text


def node(right, left):
    return sha256(b"\1" + left + right).digest()


def reached(found, index, last, proof):
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    for sibling in map(bytes.fromhex, proof):
        right = index & 1 or index == last
        found = node(found, sibling) if right else node(sibling, found)
        while right and index and not index & 1:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return found if last == 0 else None


(origin, size, root, exported), folder = checkpoint(export / "checkpoint.txt"), export / "pictures"
proofs = (export / "proofs.jsonl").open() if (export / "proofs.jsonl").exists() else None
signed, roots, count, index, here, lacking = {size: [("the checkpoint", root)]}, [], 0, -1, {}, {}
for path, (of, over, expected, _) in ((path, checkpoint(path)) for path in anchors):
    require(of == origin and (over == size or not proofs), f"{path} cannot be compared with this export")
    signed.setdefault(over, []).append((path, expected))
for count, line in enumerate((export / "records.jsonl").open("rb"), 1):
    said, leaf = loads(line), sha256(b"\0" + line[:-1]).digest()
    before, index, record = index, said["index"], said["record"]
    require(index > before if proofs else index == before + 1, f"record {index} stands after record {before}")
    if proofs:
        signed[count], found = signed[size], reached(leaf, index, size - 1, loads(proofs.readline())["proof"])
    else:
        roots.append(leaf)
        for _ in range((count & -count).bit_length() - 1):
            roots[-2:] = [node(roots[-1], roots[-2])]
        found = reduce(node, roots[::-1]) if count in signed else None
    for path, expected in signed.get(count, ()):
        require(found == expected, f"record {index} or one before it was changed: {path} does not fit")
    for sha in [image["sha256"] for image in record.get("images", ()) if image["stored"]]:
        file = folder / sha[:2] / sha
        (here if file.is_file() else lacking)[sha] = index
        require(sha in lacking or sha256(file.read_bytes()).hexdigest() == sha, f"{file} was replaced")
    for removed in record.get("pictures", ()):
        lacking.pop(removed, None)
require(proofs or count == max(signed), f"{count} records are there, and {max(signed)} are signed")
require(proofs or not (exported and lacking), f"pictures that no rule removed are missing: {lacking}")
held = f"{len(here)} of {len(here | lacking)} pictures are here" if exported else "exported without pictures"
print(f"VERIFIED {origin}: {count} of {size} records, {held}, {len(anchors) + 1} checkpoints")
