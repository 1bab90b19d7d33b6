"""Going on: what was judged is judged again only if something about it has changed, and nothing is lost."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from brightness import Brightness, loaded
from gainspect.inspection.engines.judge import Judge
from gainspect.inspection.engines.local import Local
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.journal import Journal
from gainspect.inspection.records.resume import batches_of, replaces, settings_of
from gainspect.inspection.records.verdict_key import Settings
from gainspect.inspection.stream import Inspected, inspect_files, record_of
from gainspect.names import escaped
from gainspect.policy import ReasonPolicy


class Counting(Brightness):
    """Keeps the batches that it judges, as the gray values of their images; it fails on white ones."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        if (images.min(axis=(1, 2, 3)) == 255).any():
            raise MemoryError("no room\nfor this")
        self.batches.append([int(image[0, 0, 0]) for image in images])
        return super().__call__(images)


@pytest.fixture
def inspector() -> Inspector:
    return Inspector(Counting(), threshold=0.5, batch_size=3)


@pytest.fixture
def lot(tmp_path: Path) -> list[str]:
    for index, level in enumerate([0, 250, 10, 200, 30, 40, 50]):
        grey(tmp_path / f"{index}.png", level)
    return [str(tmp_path / f"{index}.png") for index in range(7)]


def grey(path: Path, level: int) -> None:
    cv2.imwrite(str(path), np.full((32, 32), level, np.uint8))


Inspect = Callable[..., list[str]]


@pytest.fixture
def inspected(inspector: Inspector, tmp_path: Path) -> Inspect:
    """Judges what is left; returns the names of those that were judged now."""

    def call(sources: list[str], parts: dict[str, str] | None = None, pictures: Any = None) -> list[str]:
        with Journal(tmp_path / "out", settings_of(inspector, None)) as journal:
            now = []
            batches = batches_of(sources, inspector.images_at_once, journal, parts or {})
            for place, outcome in enumerate(Local(Judge(inspector, pictures)).outcomes(batches)):
                assert outcome.place == place
                if outcome.record is None:
                    assert journal.record(escaped(sources[place])) is not None
                    continue
                record = outcome.record | ({"part": parts[sources[place]]} if parts else {})
                now.append(sources[place])
                if replaces(record, journal):
                    journal.append(record)
            return now

    return call


@pytest.fixture
def verdicts(inspector: Inspector, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """What is written of each image, by its name."""

    def call() -> dict[str, Any]:
        with Journal(tmp_path / "out", settings_of(inspector, None)) as journal:
            return {Path(image).name: journal.record(image) for image in journal.images()}

    return call


@pytest.mark.parametrize("first", range(8))
def test_what_was_judged_is_not_judged_again(
    first: int, lot: list[str], inspected: Inspect, inspector: Inspector
) -> None:
    batches: list[list[int]] = inspector.backend.batches  # type: ignore[attr-defined]
    assert inspected(lot[:first]) == lot[:first]
    before = len(batches)
    assert inspected(lot) == lot[first:]
    # Those of a command that was not stopped, from the one on that was cut off.
    assert batches[before:] == [[0, 250, 10], [200, 30, 40], [50]][first // 3 if first < 7 else 3 :]
    before = len(batches)
    assert inspected(lot[::-1]) == [] and len(batches) == before


def test_images_keep_their_order_between_those_judged_before(lot: list[str], inspected: Inspect) -> None:
    inspected([lot[1], lot[3], lot[4]])
    assert inspected(lot) == [lot[0], lot[2], lot[5], lot[6]]


def test_a_changed_file_is_judged_again(
    lot: list[str], inspected: Inspect, verdicts: Callable[[], dict[str, Any]]
) -> None:
    inspected(lot)
    grey(Path(lot[2]), 240)
    assert inspected(lot) == [lot[2]]
    found = verdicts()["2.png"]
    assert found["sha256"] == hashlib.sha256(Path(lot[2]).read_bytes()).hexdigest()
    assert found["score"] == pytest.approx(240 / 255)


def test_an_image_of_another_part_is_judged_again(lot: list[str], inspected: Inspect) -> None:
    inspected(lot[:2], dict.fromkeys(lot, "p"))
    assert inspected(lot[:2], {lot[0]: "p", lot[1]: "q"}) == [lot[1]]


def test_what_lacks_something_else_is_judged_again(lot: list[str], inspected: Inspect) -> None:
    inspected(lot)

    class Missing:
        """Pictures, of which two are not there."""

        drawn: list[str] = []  # noqa: RUF012

        def has(self, record: dict[str, Any]) -> bool:
            return record["image"] not in lot[3:5]

        def add(self, image: Inspected) -> None:
            self.drawn.append(image.source)

    assert inspected(lot, pictures=Missing()) == lot[3:5] == Missing.drawn


def test_what_had_an_error_is_tried_again_alone(
    lot: list[str], inspector: Inspector, inspected: Inspect, verdicts: Callable[[], dict[str, Any]]
) -> None:
    batches: list[list[int]] = inspector.backend.batches  # type: ignore[attr-defined]
    Path(lot[1]).write_bytes(b"no image")
    gone = Path(lot[2])
    content = gone.read_bytes()
    gone.unlink()
    inspected(lot)
    assert [record["verdict"] for record in verdicts().values()][:4] == ["ok", None, None, "ng"]
    gone.write_bytes(content)
    before = len(batches)
    assert inspected(lot) == [lot[1], lot[2]] and batches[before:] == [[10]]
    assert [record["verdict"] for record in verdicts().values()].count(None) == 1


def test_a_drive_that_is_away_costs_no_verdict(
    lot: list[str], inspected: Inspect, verdicts: Callable[[], dict[str, Any]]
) -> None:
    inspected(lot)
    before = verdicts()
    for name in lot[:5]:
        Path(name).rename(f"{name}.away")
    assert inspected(lot) == lot[:5]
    assert verdicts() == before
    Path(lot[0]).write_bytes(b"another file, and no image")
    inspected(lot)
    assert verdicts()["0.png"]["verdict"] is None


def test_a_model_that_fails_on_one_image_judges_the_others(
    lot: list[str], inspected: Inspect, verdicts: Callable[[], dict[str, Any]]
) -> None:
    grey(Path(lot[4]), 255)
    assert inspected(lot) == lot
    found = verdicts()
    assert found["4.png"]["error"] == "it fails with MemoryError: no room for this"
    assert found["4.png"]["sha256"] == hashlib.sha256(Path(lot[4]).read_bytes()).hexdigest()
    assert [record["verdict"] is None for record in found.values()] == [False] * 4 + [True] + [False] * 2


def test_a_model_that_fails_leaves_a_verdict_on_the_same_file(
    inspector: Inspector, lot: list[str], tmp_path: Path
) -> None:
    with Journal(tmp_path / "out", settings_of(inspector, None)) as journal:
        (seen,) = inspect_files(inspector, lot[:1])
        record = record_of(seen, inspector)
        journal.append(record)
        failed = record | {"verdict": None, "error": "it fails with MemoryError"}
        assert not replaces(failed, journal)
        assert replaces(failed | {"sha256": "2" * 64}, journal)
        assert replaces(failed | {"image": "new.png"}, journal)


def test_a_model_without_numbers_is_recorded_for_each_image(lot: list[str]) -> None:
    class Diverged(Brightness):
        def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
            results = super().__call__(images)
            results["score"][results["score"] > 0.9] = np.nan
            return results

    found = list(inspect_files(Inspector(Diverged(), threshold=0.5, batch_size=3), lot))
    assert [item.verdict is None for item in found] == [False, True, False, False, False, False, False]
    assert (found[1].error or "").startswith("the model gave numbers that are not finite (score). ")


def test_stdin_is_judged_each_time(
    inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path / "out", settings_of(inspector, None)) as journal:
        for level in (0, 0, 200):
            grey(tmp_path / "piped.png", level)
            with (tmp_path / "piped.png").open() as piped:
                monkeypatch.setattr("sys.stdin", piped)
                (batch,) = batches_of(["-"], 3, journal, {})
                (outcome,) = Judge(inspector).outcomes(batch)
            assert outcome.record is not None
            journal.append(outcome.record)
        assert journal.images() == ["-"]
        record = journal.record("-")
    assert record is not None and record["score"] == pytest.approx(200 / 255)


def test_settings_are_those_of_the_inspector() -> None:
    inspector = loaded()
    policy = inspector.bundle.description.policy  # type: ignore[union-attr]
    expected = Settings("0", policy.policy_id, "fake", "f32", check=False, parts="(.)_")
    assert settings_of(inspector, "(.)_") == expected
    inspector.reason = ReasonPolicy()
    assert settings_of(inspector, None) == replace(expected, policy_id=None, check=True, parts=None)
