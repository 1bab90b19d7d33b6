"""Verify an export of a ledger: python verify.py EXPORT KEY.pub [ANCHOR...]. Needs Python 3.9 and openssl.

KEY.pub and the anchors must come from elsewhere than the export. Exit code 1: something is wrong, or cannot be shown.
"""

import base64, hashlib, json, pathlib, subprocess, sys, tempfile  # noqa: E401

export, key, anchors = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text().strip(), sys.argv[3:]


def require(holds, what):
    if not holds:
        sys.exit(f"NOT VERIFIED: {what}")


def sha256(content):
    return hashlib.sha256(content).digest()


def checkpoint(path):
    """Origin, size and root of a signed note, once openssl has verified its signature."""
    text, _, signatures = pathlib.Path(path).read_text(encoding="utf-8").rpartition("\n\n")
    name, stated, public = key.split("+", 2)
    raw = base64.b64decode(public)
    require(sha256(name.encode() + b"\n" + raw)[:4].hex() == stated, "this is no public key")
    lines = [line.rsplit(" ", 1) for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    found = [s for s in (base64.b64decode(line[1]) for line in lines) if s[:4].hex() == stated]
    require(found, f"{path} is not signed by this key")
    with tempfile.TemporaryDirectory() as place:
        pem, body, signature = (pathlib.Path(place, part) for part in ("pem", "body", "signature"))
        der = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw[1:]).decode()
        pem.write_text(f"-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
        body.write_bytes((text + "\n").encode("utf-8"))
        signature.write_bytes(found[0][4:])
        asked = [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            pem,
            "-rawin",
            "-in",
            body,
            "-sigfile",
            signature,
        ]
        require(
            subprocess.run(asked, capture_output=True).returncode == 0, f"the signature of {path} is wrong"
        )
    origin, size, root = text.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def included(leaf, index, size, proof):
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    last = size - 1
    for sibling in map(bytes.fromhex, proof):
        if index & 1 or index == last:
            leaf = sha256(b"\1" + sibling + leaf)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            leaf = sha256(b"\1" + leaf + sibling)
        index, last = index >> 1, last >> 1
    return leaf if last == 0 else None


origin, size, root = checkpoint(export / "checkpoint.txt")
signed = [(size, root, "the checkpoint")] + [(*checkpoint(path)[1:], path) for path in anchors]
require(all(checkpoint(path)[0] == origin for path in anchors), "an anchor is of another ledger")
proofs = (export / "proofs.jsonl").open() if (export / "proofs.jsonl").exists() else None
roots, count, lacking, pictures = [], 0, {}, 0
for count, line in enumerate((export / "records.jsonl").open("rb"), 1):
    said, leaf = json.loads(line), sha256(b"\0" + line[:-1])
    index, record = said["index"], said["record"]
    if proofs:
        proof = json.loads(proofs.readline())
        require(proof["index"] == index < size, f"record {index} has another proof")
        require(
            included(leaf, index, size, proof["proof"]) == root,
            f"record {index} was changed or is of another tree",
        )
    else:
        require(index == count - 1, f"in the place of record {count - 1} stands record {index}")
        roots.append(leaf)
        for _ in range(((count & -count).bit_length()) - 1):
            roots[-2:] = [sha256(b"\1" + roots[-2] + roots[-1])]
        whole = roots[-1]
        for left in reversed(roots[:-1]) if any(count == n for n, _, _ in signed) else ():
            whole = sha256(b"\1" + left + whole)
        for n, expected, path in signed:
            require(
                n != count or whole == expected,
                f"one of the first {n} records was changed: {path} does not fit",
            )
    for removed in record.get("pictures", ()):
        lacking.pop(removed, None)
    for image in (i for i in record.get("images", ()) if i["stored"] and (export / "pictures").is_dir()):
        path = export / "pictures" / image["sha256"][:2] / image["sha256"]
        if not path.exists():
            lacking.setdefault(image["sha256"], index)
        else:
            require(
                sha256(path.read_bytes()).hex() == path.name,
                f"picture {path.name} of record {index} was replaced",
            )
            pictures += 1
require(proofs or count == size, f"the checkpoint is over {size} records, and there are {count}")
require(proofs or all(n <= count for n, _, _ in signed), f"an anchor is over more than the {count} records")
require(
    not proofs or not anchors,
    f"an excerpt shows {size} records by its checkpoint only; leave the anchors out",
)
require(proofs or not lacking, f"pictures are missing that no rule has removed: {lacking}")
print(f"VERIFIED: {origin}: {count} of {size} records, {pictures} pictures, {len(signed)} signed checkpoints")
