"""The bundle: what was written is read; anything else is refused with the reason."""

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle, Description, Graph, Preprocessing, read_bundle, write_bundle
from gainspect.policy import Policy

CONTENTS = {
    "model.onnx": np.random.default_rng(0).bytes(5000),
    "parity.json": b'{"flips": 0}\n',
}


def description() -> Description:
    return Description(
        schema_version=1,
        name="part",
        created="2026-01-01T00:00:00+00:00",
        gainspect="0.1.0",
        strategy="S9",
        preprocessing=Preprocessing(size=96, padding=128),
        graph=Graph(outputs=("logit", "score", "evidence", "contributions", "cam"), evidence_bias=-3.5),
        policy=Policy(threshold=0.31, target_recall=0.98, split="val", ng=12, ok=40, region_threshold=0.2),
        formats={"onnx": ("model.onnx",)},
        training={"epoch": 3},
        data={"fingerprint": "abc"},
        files={},
    )


@pytest.fixture
def written(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "part.gain", description(), CONTENTS)


def changed(path: Path, **files: bytes | None) -> Path:
    """The bundle with files replaced, added or (None) taken away; hashes as they were."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents.update(
        {name.replace("_json", ".json"): value for name, value in files.items() if value is not None}
    )
    for name, value in files.items():
        if value is None:
            del contents[name.replace("_json", ".json").replace("_onnx", ".onnx")]
    out = path.with_name("changed.gain")
    with zipfile.ZipFile(out, "w") as archive:
        for name, value in contents.items():
            archive.writestr(name, value)
    return out


def resealed(path: Path, **changes: object) -> Path:
    """The bundle with other fields in bundle.json, and a seal that fits."""
    with zipfile.ZipFile(path) as archive:
        text = json.loads(archive.read("bundle.json"))
    content = json.dumps(text | changes).encode()
    seal = f"{hashlib.sha256(content).hexdigest()}  bundle.json\n".encode()
    return changed(path, **{"bundle_json": content, "bundle.json.sha256": seal})


def test_what_was_written_is_read(written: Bundle) -> None:
    read = read_bundle(written.path)
    assert read == written
    assert read.contents == CONTENTS
    assert read.description.policy.threshold == 0.31
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    assert read.description.files == expected


def test_the_hash_of_the_network_is_that_of_its_files_whatever_the_policy(
    written: Bundle, tmp_path: Path
) -> None:
    line = f"{hashlib.sha256(CONTENTS['model.onnx']).hexdigest()}  model.onnx\n"
    network = hashlib.sha256(line.encode()).hexdigest()
    assert written.description.network_sha256 == network
    policy = written.description.policy.model_copy(update={"threshold": 0.5, "review_from": 0.2})
    other = written.description.model_copy(update={"policy": policy})
    again = read_bundle(write_bundle(tmp_path / "other.gain", other, written.contents).path)
    assert again.description.network_sha256 == network
    assert (again.description.policy, again.sha256 == written.sha256) == (policy, False)


def test_the_same_content_is_the_same_file(written: Bundle, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "again.gain", description(), CONTENTS)
    assert again.sha256 == written.sha256
    assert again.path.read_bytes() == written.path.read_bytes()


def test_plain_tools_read_and_verify_it(written: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(written.path) as archive:
        archive.extractall(folder)
    done = subprocess.run(["sha256sum", "--check", "bundle.json.sha256"], cwd=folder, capture_output=True)
    assert done.returncode == 0
    assert read_bundle(folder).sha256 == written.sha256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_onnx": None}, r"model\.onnx is missing"),
        ({"bundle_json": None}, r"bundle\.json is missing"),
        ({"bundle.json.sha256": None}, r"bundle\.json\.sha256 is missing"),
        ({"parity_json": b'{"flips": 1}\n'}, r"parity\.json was changed"),
        ({"bundle_json": b"{}"}, r"bundle\.json was changed"),
        ({"extra.bin": b"x"}, r"extra\.bin does not belong"),
    ],
)
def test_changes_are_named(written: Bundle, changes: dict[str, bytes | None], message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        read_bundle(changed(written.path, **changes))


def test_a_newer_schema_asks_for_an_update(written: Bundle) -> None:
    with pytest.raises(
        GainspectError, match=r"schema 3, but this gainspect reads only up to 2.*Update gainspect"
    ):
        read_bundle(resealed(written.path, schema_version=3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": {"threshold": 2}}, r"policy\.threshold"),
        ({"preprocessing": {"size": 96}}, r"preprocessing\.padding"),
        ({"preprocessing": {"method": "stretch", "size": 96, "padding": 128}}, r"preprocessing\.method"),
        ({"classes": ["ng", "ok"]}, r"classes"),
        ({"classes": ["good", "bad"]}, r"classes"),
        ({"policy": description().policy.model_dump(mode="json") | {"kind": "band"}}, r"policy\.kind"),
        ({"surprise": 1}, "surprise"),
        ({"formats": {"onnx": ["gone.onnx"]}}, r"gone\.onnx is missing"),
        ({"schema_version": "one"}, "schema_version"),
    ],
)
def test_fields_that_do_not_fit_are_named(written: Bundle, changes: dict[str, object], message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        read_bundle(resealed(written.path, **changes))


def test_an_old_bundle_without_newer_fields_is_read(written: Bundle) -> None:
    """A policy's reason from before verdicts that could not be checked were counted."""
    policy = description().policy.model_dump(mode="json")
    policy["reason"] = {"controls": 2, "min_drop": 0.2, "verdicts": 9, "reviewed": 1}
    read = read_bundle(resealed(written.path, policy=policy)).description.policy.reason
    assert read is not None and (read.reviewed, read.unchecked) == (1, 0)


def test_no_file_and_no_bundle_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="there is no such bundle"):
        read_bundle(tmp_path / "x.gain")
    (tmp_path / "y.gain").write_bytes(b"not a zip")
    with pytest.raises(GainspectError, match="not a bundle, or it is damaged"):
        read_bundle(tmp_path / "y.gain")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_passes(written: Bundle, data: st.DataObject) -> None:
    """200 damaged files: refused with a sentence, or whole in every byte that counts."""
    content = bytearray(written.path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = written.path.with_name("damaged.gain")
    damaged.write_bytes(content)
    try:
        read = read_bundle(damaged)
    except GainspectError:
        return
    assert (read.sha256, read.contents) == (written.sha256, CONTENTS)
