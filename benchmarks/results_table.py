"""Tables that the benchmarks print and save, each with the command that produced it."""

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks" / "results"


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """A Markdown table of rows with the same keys; numbers have three decimals."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def save(name: str, title: str, text: str) -> Path:
    """Write benchmarks/results/NAME.md: title, command, commit, machine and the text."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.md"
    command = shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_told, sys.argv[1:])])
    path.write_text(f"# {title}\n\n`{command}`, {commit()}, {machine()}\n\n{text}", encoding="utf-8")
    return path


def save_json(name: str, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write benchmarks/results/NAME.json: the rows."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return path


def machine() -> str:
    """Processor or accelerator, threads and torch version, in words."""
    if torch.cuda.is_available():
        where = torch.cuda.get_device_name()
    else:
        capability = torch.backends.cpu.get_cpu_capability()
        where = f"{platform.machine()} CPU ({capability}), {torch.get_num_threads()} threads"
    return f"{where}, torch {torch.__version__.split('+')[0]}"


def commit() -> str:
    """The commit of the code, and whether the code has changed since; results do not count as code."""
    here = ["git", "-C", str(PROJECT)]
    try:
        name = subprocess.run(
            [*here, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
        )
        code = [*here, "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results", ":!*.md"]
        changed = subprocess.run(code, check=False).returncode != 0
    except (OSError, subprocess.CalledProcessError):
        return "no commit known"
    return f"commit {name.stdout.strip()}{' with changes' if changed else ''}"


def number(value: float | None) -> str:
    """A figure that may be undefined."""
    return "–" if value is None else _cell(value)


def per(amount: float, measured: float) -> float | None:
    """`amount` divided by a measured time; None if the measured time is 0."""
    return amount / measured if measured else None


def _told(argument: str) -> str:
    """An argument for the document: a path is relative to the project; outside it, only its last part.

    A path may have a name before it, as in NAME=PATH.
    """
    name, sign, rest = argument.rpartition("=")
    path = Path(rest)
    if not path.is_absolute():
        return argument
    return name + sign + (str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else path.name)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
