"""`pip install gainspect` alone: what a command needs beyond it is said in one sentence, with its group."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys

lacks = sys.argv.pop(1).split(",")

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in lacks:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from gainspect.cli import main
main()
"""
"""`gainspect` on a machine that lacks some packages."""
SERVICE = "fastapi,starlette,uvicorn,argon2,prometheus_client,python_multipart"
LEDGER = "rfc8785,cryptography,alembic,sqlalchemy,psycopg,segno"
REPORT = "sklearn,scipy,matplotlib,jinja2"


@pytest.mark.parametrize(
    ("lacks", "arguments", "group"),
    [
        (f"{SERVICE},{LEDGER},{REPORT}", ["serve", "x.gain"], "serve"),
        (f"{SERVICE},{LEDGER},{REPORT}", ["serve", "--demo"], "serve"),
        (SERVICE, ["serve", "x.gain"], "serve"),
        (SERVICE, ["serve", "--demo"], "serve"),
        (LEDGER, ["ledger", "find", "line.ledger"], "ledger"),
        (LEDGER, ["data", "from-ledger", "line.ledger", "out"], "ledger"),
    ],
)
def test_a_command_names_the_group_that_it_needs_before_it_does_anything(
    lacks: str, arguments: list[str], group: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, lacks, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 2, done.stderr
    assert not any(tmp_path.iterdir())
    assert done.stderr.startswith("Error this command needs ")
    assert done.stderr.rstrip().endswith(f"Install it with: pip install 'gainspect[{group}]'")


def test_the_core_command_line_needs_none_of_them() -> None:
    every = f"{SERVICE},{LEDGER},{REPORT},torch,lightning,timm,ray,fsspec,pyarrow,openvino"
    done = subprocess.run([sys.executable, "-c", WITHOUT, every, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
