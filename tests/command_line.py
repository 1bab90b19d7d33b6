"""The command line, run in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gainspect.cli import main
from gainspect.cli.console import console, errors


@dataclass(frozen=True)
class Result:
    """What a command ended with."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


def command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs `gainspect` with its arguments, on a terminal wide enough for any line."""
    monkeypatch.setenv("COLUMNS", "400")
    for shown in (console, errors):  # made with the width of the time of their import
        monkeypatch.setattr(shown, "_width", 400)
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["gainspect", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Result(int(ended.value.code or 0), captured.out, captured.err)

    return call
