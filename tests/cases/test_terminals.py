"""On terminals that lack characters: text comes out replaced, JSON stays JSON, and nothing fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gainspect
from case_inputs import grey, layout

CALL = "import sys; sys.argv[0] = 'gainspect'; from gainspect.cli import main; main()"


def call(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    source = str(Path(gainspect.__file__).parents[1])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    kept = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONIOENCODING", "PYTHONUTF8"}
    }
    return subprocess.run(
        [sys.executable, "-c", CALL, *map(os.fsencode, arguments)],
        env={**kept, "PYTHONPATH": path, "COLUMNS": "300", **environment},
        capture_output=True,
        check=False,
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = layout(tmp_path / "부품 – é")
    for name in ("불량.png", "[bold]–.png", "😀.png", os.fsdecode(b"\xba\xd2.png")):
        grey(root / "images/train/normal" / name).write_bytes(b"no image")
    return root


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "latin-1", "utf-8", "utf-8:strict", "cp1252"])
def test_every_encoding_prints(encoding: str, data: Path) -> None:
    name = encoding.split(":")[0]
    done = call("data", "check", data, PYTHONIOENCODING=encoding)
    text = done.stdout.decode(name)
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr
    assert "[bold]" in text
    assert r"\xba\xd2.png" in text
    assert ("불량.png" if name in {"cp949", "utf-8"} else r"\ubd88\ub7c9.png") in text
    as_json = call("data", "check", data, "--json", PYTHONIOENCODING=encoding)
    report = json.loads(as_json.stdout.decode("utf-8"))
    places = "\n".join(report["findings"][0]["where"])
    assert all(
        f"normal/{name}: " in places for name in ("불량.png", "[bold]–.png", "😀.png", r"\xba\xd2.png")
    )
    gone = call("data", "check", f"{data}/gone", PYTHONIOENCODING=encoding)
    assert (gone.returncode, b"Traceback" in gone.stderr) == (2, False)
    assert b"there is no such file" in gone.stderr


def test_the_locale_c_prints(data: Path) -> None:
    done = call("data", "check", data, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 1, done.stderr
    assert rb"\xeb\xb6\x88\xeb\x9f\x89.png" in done.stdout  # there, no byte over 127 is known to be UTF-8
    assert b"Traceback" not in done.stderr
