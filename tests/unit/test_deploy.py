"""What installs the service on a box: a dry run, and commands that the command line knows."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from gainspect.cli import app
from gainspect.serve.settings import read_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
STARTS = re.compile(r"gainspect serve (.+?)(?=\"\]$|$)", re.MULTILINE)


def install(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEPLOY / "install.sh", *options], capture_output=True, text=True)


@pytest.mark.parametrize("name", ["gainspect.service", "Containerfile"])
def test_the_service_is_started_with_options_that_there_are(name: str) -> None:
    said = STARTS.search((DEPLOY / name).read_text())
    assert said is not None
    words = shlex.split(said[1].replace('\\"', '"').replace("${PORT}", "8000").replace("$PORT", "8000"))
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    command = group.commands["serve"]
    values = command.make_context("serve", words).params
    assert values["state"] == Path("/var/lib/gainspect/state")
    assert values["settings"] == Path("/etc/gainspect/settings.yaml")
    asked = set(re.findall(r"\$\{?([A-Z]+)", said[1]))
    given = set(re.findall(r"^([A-Z]+)=", (DEPLOY / "service.env").read_text(), re.MULTILINE))
    assert asked <= given


def test_the_settings_are_known_and_the_safe_ones() -> None:
    settings = read_settings(DEPLOY / "settings.yaml")
    assert (settings.fail_safe, settings.deadline_ms, settings.challenge_hours) == ("review", 5000, 12)


def test_a_dry_run_tells_every_step_for_the_places_that_were_asked_for(tmp_path: Path) -> None:
    places = [f"--{name}={tmp_path / name}".split("=") for name in ("prefix", "etc", "data")]
    done = install("--dry-run", "--user", "root", *(word for place in places for word in place))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"python3 -m venv {tmp_path}/prefix" in done.stdout
    assert f"{tmp_path}/etc/settings.yaml" in done.stdout and "/opt/" not in done.stdout
    assert "useradd" not in done.stdout  # there is such a user
    assert "systemctl daemon-reload" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert "systemctl" not in install("--dry-run", "--no-service").stdout


def test_what_it_does_not_know_ends_it_before_anything_is_done() -> None:
    done = install("--no-such", "x")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "install.sh: there is no option --no-such")
