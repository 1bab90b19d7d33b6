"""Tables that the benchmarks print and keep, each with the command that made it."""

import json
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows with the same keys as a Markdown table; numbers with three decimals."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def save(name: str, title: str, text: str) -> Path:
    """Write benchmarks/results/NAME.md: title, machine, command and the text."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.md"
    command = shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_told, sys.argv[1:])])
    path.write_text(f"# {title}\n\n`{command}`, {machine()}\n\n{text}", encoding="utf-8")
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


def _told(argument: str) -> str:
    """An argument as a document may name it: of a path of this machine only its last part."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
