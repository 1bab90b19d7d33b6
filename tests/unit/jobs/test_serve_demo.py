"""The demo's service: its records, parts that come in, and the same ledger when it is started again."""

import io
import json
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from itertools import islice
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from command_line import command_line
from gainspect.errors import GainspectError
from gainspect.feeds.posting import Line, PostedPart, ServiceAwayError, in_turn, post_in_turn
from gainspect.jobs import serve_demo
from gainspect.jobs.serve_demo import demo_parts, made_demo, open_demo, parts_coming
from gainspect.jobs.verify_ledger import verify_ledger
from gainspect.ledger import open_ledger
from gainspect.ledger.tokens import Tokens
from gainspect.serve.app import create_app
from page_parts import CLEAR, NOTHING, Plant, listening, metal, wait_for
from spot_bundle import spot_bundle


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A folder as `gainspect demo` leaves it, with a bundle that needs no training."""
    bundle = tmp_path / "S9-seed1/model.gain"
    bundle.parent.mkdir()
    spot_bundle(bundle)
    rows = ["image,label,split,part,mask"]
    (tmp_path / "data").mkdir()
    for number, spots in enumerate((NOTHING, CLEAR, NOTHING)):
        name = f"test{number}-0.png"
        (tmp_path / "data" / name).write_bytes(metal(number, spots))
        rows.append(f"{name},{'ng' if spots else 'ok'},{'train' if number == 2 else 'test'},p{number},")
    (tmp_path / "data/manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def run_until(folder: Path, decided: int) -> Plant:
    """Serve until so many parts are decided in all."""
    service = open_demo(folder, folder / "S9-seed1/model.gain", threads=1)
    app = create_app(service)
    told: list[str] = []
    with (
        listening(service, app) as plant,
        parts_coming(service, demo_parts(folder), plant.url, every_s=0.01, tell=told.append),
    ):
        wait_for(lambda: len(plant.records("decision")) >= decided)
        assert [token.station for token in Tokens(service.ledger).all() if token.revoked is None] == ["demo"]
        found = {kind: plant.records(kind) for kind in ("decision", "bundle_activation", "token_change")}
    assert told == []
    plant.records = lambda kind: found[kind]  # type: ignore[method-assign]
    return plant


def test_the_test_parts_come_in_and_a_second_start_goes_on(demo: Path) -> None:
    first = run_until(demo, 5)
    (activation,) = first.records("bundle_activation")
    assert (activation["station"], activation["reason"], activation["old"]) == ("demo", "demo", None)
    decisions = first.records("decision")
    assert {row["station"] for row in decisions} == {"demo"}
    # Each test part once before any comes again, decided as its spots say.
    said = [(row["part"], row["label"]) for row in decisions]
    assert sorted(said[:2]) == sorted(said[2:4]) == [("p0", "ok"), ("p1", "ng")]

    second = run_until(demo, len(decisions) + 2)
    assert second.records("decision")[: len(decisions)] == decisions
    assert len(second.records("bundle_activation")) == 1
    steps = [row["step"] for row in second.records("token_change")]
    assert steps == ["made", "revoked", "made"]  # what only the first start knew works no more
    found = verify_ledger(str(demo / "service/demo.ledger"))  # as the command does, without --pictures
    assert not found.faults and found.pictures >= len(decisions)


def kinds_in(ledger: Path) -> list[str]:
    with open_ledger(str(ledger), create=False) as opened:
        return [entry.record.kind for entry in opened.records()]


def test_the_command_serves_until_it_is_interrupted(demo: Path) -> None:
    (demo / "data/split.csv").write_text("file\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    options = ["serve", "--demo", "--out", str(demo), "--port", str(port), "--threads", "1"]
    command = [sys.executable, "-c", "from gainspect.cli import main; main()", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:

        def counted() -> bool:
            assert served.poll() is None
            try:
                kinds = (
                    kinds_in(demo / "service/demo.ledger") if httpx.get(f"{url}/readyz").is_success else []
                )
            except httpx.TransportError:
                return False
            return "decision" in kinds

        try:
            wait_for(counted, 60)
        finally:
            served.send_signal(signal.SIGINT)
            _, told = served.communicate(timeout=60)
    assert f"{url}/stations/demo" in told and f"{url}/invitation/" in told
    assert "Traceback" not in told and "No more parts" not in told
    with open_ledger(str(demo / "service/demo.ledger")) as ledger:
        states = [json.loads(entry.content)["record"] for entry in ledger.records()]
    assert [one["state"] for one in states if one["kind"] == "service_state"] == ["started", "stopped"]


def test_a_bundle_beside_the_demo_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command_line(capsys, monkeypatch)("serve", "--demo", "x.gain")
    assert (done.returncode, "has a bundle of its own" in done.stderr) == (2, True)


def test_a_finished_demo_is_not_made_again(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (demo / "data/split.csv").write_text("file\n")
    assert made_demo(demo, console=None) == demo / "S9-seed1/model.gain"  # type: ignore[arg-type]


def test_a_demo_that_is_not_finished_is_made_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr("gainspect.jobs.run_demo.run_demo", lambda out, console: made.append(out))
    told = io.StringIO()
    assert made_demo(tmp_path, Console(file=told, width=200)) == tmp_path / "S9-seed1/model.gain"
    assert made == [tmp_path]
    assert "has no finished demo" in told.getvalue()


def test_it_serves_the_inspector_that_the_demo_makes() -> None:
    from gainspect.jobs.run_comparison import run_path
    from gainspect.jobs.run_demo import CONFIG, STRATEGIES
    from gainspect.training.run_folder import RunFolder

    made = RunFolder(run_path(Path("x"), STRATEGIES[-1], CONFIG.training.seed)).bundle_file
    assert made == Path("x") / serve_demo._INSPECTOR


def test_a_demo_without_test_parts_is_refused(demo: Path) -> None:
    table = demo / "data/manifest.csv"
    table.write_text(table.read_text().replace(",test,", ",train,"))
    with pytest.raises(GainspectError, match="the demo has no test parts"):
        demo_parts(demo)


def test_the_order_follows_from_the_seed_and_no_part_is_left_out() -> None:
    parts = [PostedPart(str(number), ()) for number in range(7)]
    laps = [list(islice(in_turn(parts, seed), 21)) for seed in (1, 1, 2)]
    assert laps[0] == laps[1] != laps[2]
    assert Counter(laps[0][:7]) == Counter(laps[0][7:14]) == Counter(parts)
    assert laps[0][:7] != laps[0][7:14]


class Answers(Line):
    """A line whose service answers as is said, then ends."""

    said: list[int | None]
    seen: list[tuple[str, str]]
    stop: threading.Event

    def post(self, part: PostedPart, key: str) -> int:
        self.seen.append((part.name, key))
        status = self.said.pop(0)
        if not self.said:
            self.stop.set()
        if status is None:
            raise ServiceAwayError("away")
        return status


def answers(*said: int | None) -> Answers:
    line = Answers("http://x", "t", "demo", "lot")
    for name, value in (("said", list(said)), ("seen", []), ("stop", threading.Event())):
        object.__setattr__(line, name, value)
    return line


def test_a_part_that_was_not_taken_is_sent_again_with_its_key_and_one_that_was_late_is_not() -> None:
    line = answers(None, 408, 429, 503, 201, 504, 201)
    parts = [PostedPart(name, ()) for name in "abc"]
    post_in_turn(line, parts, line.stop, every_s=0.001)
    names, keys = zip(*line.seen, strict=True)
    first, second, third = dict.fromkeys(names)
    assert names == (first,) * 5 + (second, third)
    assert [keys.count(key) for key in dict.fromkeys(keys)] == [5, 1, 1]


def test_a_machine_that_is_refused_ends() -> None:
    line = answers(401, 201)
    with pytest.raises(GainspectError, match="refuses the parts of this machine \\(401\\)"):
        post_in_turn(line, [PostedPart("a", ())], line.stop, every_s=0.001)
    assert len(line.seen) == 1


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    line = Line("http://127.0.0.1:9", "t", "demo", "lot")
    with pytest.raises(GainspectError, match="cannot read an image"):
        line.post(PostedPart("a", (tmp_path / "gone.png",)), "k")
