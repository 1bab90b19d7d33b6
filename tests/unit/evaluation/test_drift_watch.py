"""The drift watch on streams whose changes are known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gainspect.evaluation.drift_watch import (
    WATCHED,
    DriftFound,
    DriftWatch,
    WatchedPart,
    chances,
    figures_of,
)
from gainspect.metrics.drift import ChangeMartingale, SequentialRanks
from gainspect.types import Label

BEGIN = datetime(2026, 3, 4, 6, tzinfo=UTC)


def parts(count: int, *, exposure: float = 1.0, first: int = 0, ng: float = 0.0) -> Iterator[WatchedPart]:
    """Parts of a line, three seconds apart; those with the same number are always the same."""
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        light, focus, score, chance = rng.normal(size=4)
        figures = {
            "score": round(1 / (1 + np.exp(4 - score)), 3),
            "width": 640.0,
            "brightness": float(np.floor(exposure * (120 + 3 * light))),
            "sharpness": exposure * np.exp(2 + 0.1 * focus),
            "red": 0.0,
        }
        label = Label.NG if chance < np.quantile([-1.0, 1.0], ng) - 1 + ng else Label.OK
        at = BEGIN + timedelta(seconds=3 * number)
        yield WatchedPart(f"key {number}", f"part {number}", at, label, figures)  # type: ignore[arg-type]


def found_in(watch: DriftWatch, stream: Iterator[WatchedPart]) -> list[DriftFound]:
    return [found for part in stream for found in watch.take(part)]


def test_quarter_exposure_is_reported_within_50_parts_and_5000_unchanged_ones_are_not() -> None:
    watch = DriftWatch()
    assert found_in(watch, parts(5200)) == []
    found = found_in(watch, parts(50, exposure=0.25, first=5200))
    assert {one.name for one in found} == {"brightness", "sharpness"}
    first = found[0]
    assert not first.larger and first.last.part in {f"part {5200 + number}" for number in range(12)}
    assert first.since.part == "part 5200" and first.since.at == BEGIN + timedelta(seconds=3 * 5200)
    of_light = next(one for one in found if one.name == "brightness")
    assert of_light.before == pytest.approx(120, abs=1) and of_light.after == pytest.approx(30, abs=1)


def test_what_is_told_of_a_change_is_of_the_parts_before_and_since() -> None:
    watch = DriftWatch(reference=50)
    stream = [*parts(250), *parts(50, exposure=0.8, first=250)]
    labels = [Label.NG if number % 10 == 0 or number > 252 else Label.OK for number in range(300)]
    stream = [part._replace(label=label) for part, label in zip(stream, labels, strict=True)]
    found = next(one for part in stream for one in watch.take(part) if one.name == "brightness")
    begin, end = stream.index(found.since), stream.index(found.last) + 1
    assert (begin, found.parts) == (250, end - 250)
    light = [part.figures["brightness"] for part in stream]
    assert (found.before, found.after) == (np.median(light[:50]), np.median(light[begin:end]))
    assert found.ng_before == (labels[:begin].count(Label.NG), begin)
    assert found.ng_since == (labels[begin:end].count(Label.NG), end - begin)


def test_it_is_the_martingale_of_each_figure() -> None:
    watch, stream = DriftWatch(reference=30), [*parts(200)]
    for part in stream:
        watch.take(part)
    for name, found in watch.status().evidence.items():
        drawn = np.array([chances(part.key, name) for part in stream])
        values = np.array([[part.figures[name]] for part in stream])
        ranks, martingale = SequentialRanks(values[:30], drawn[:30, :1]), ChangeMartingale(1)
        for value, (tie, within) in zip(values[30:], drawn[30:], strict=True):
            capital = martingale.take(ranks.take(value, np.array([tie]), np.array([within])))
        assert found == pytest.approx(capital[0] / np.log(10))


def test_the_same_parts_give_the_same_alarms_and_only_the_order_of_values_counts() -> None:
    stream = [*parts(300), *parts(100, exposure=0.9, first=300)]
    logarithmic = [
        part._replace(figures={name: np.log(1e-3 + value) for name, value in part.figures.items()})
        for part in stream
    ]
    one, other, mapped = (DriftWatch(reference=100) for _ in range(3))
    found = found_in(one, iter(stream))
    assert found and found_in(other, iter(stream)) == found
    as_told = [(each.name, each.larger, each.since.part, each.last.part) for each in found]
    again = found_in(mapped, iter(logarithmic))
    assert [(each.name, each.larger, each.since.part, each.last.part) for each in again] == as_told


def test_a_figure_that_never_varied_is_noticed_when_it_does() -> None:
    watch = DriftWatch(reference=100)
    assert found_in(watch, parts(400)) == []
    colored = (
        part._replace(figures={**part.figures, "red": 9.0, "width": 641.0}) for part in parts(40, first=400)
    )
    assert {(one.name, one.larger) for one in found_in(watch, colored)} == {("red", True), ("width", True)}


def test_it_says_where_it_stands_and_what_it_left_out() -> None:
    watch, stream = DriftWatch(reference=20), [*parts(60)]
    unread = stream[0]._replace(figures={})
    watch.take(unread)
    status = watch.status()
    assert (status.first, status.reference, status.left_out, status.limit) == (None, 0, 1, None)
    for part in stream[:19]:
        watch.take(part)
    watch.take(unread)
    status = watch.status()
    assert (status.first, status.reference, status.wanted, status.watched) == (stream[0], 19, 20, 0)
    assert (status.left_out, status.evidence) == (2, {})
    for part in stream[19:]:
        watch.take(part)
    status = watch.status()
    assert (status.reference, status.watched, status.found) == (20, 40, [])
    names = tuple(status.evidence)
    assert names == tuple(name for name in WATCHED if name in stream[0].figures)
    assert status.limit == pytest.approx(np.log10(len(names) / 0.01))


def test_each_figure_is_told_once_and_a_new_watch_knows_the_new_level() -> None:
    watch, changed = DriftWatch(reference=100), [*parts(600, exposure=0.25, first=300)]
    found_in(watch, parts(300))
    names = [one.name for one in found_in(watch, iter(changed))]
    assert sorted(names) == ["brightness", "sharpness"]
    assert [one.name for one in watch.status().found] == names
    assert found_in(DriftWatch(reference=100), iter(changed)) == []


@pytest.mark.parametrize(("exposure", "told"), [(0.97, False), (0.93, True)])
def test_a_change_that_is_too_small_is_held_back(exposure: float, told: bool) -> None:
    """120 with a standard deviation of 3: the quartiles are 4 apart; 3 % are 3.6, 7 % are 8.4."""
    stream = [*parts(200), *parts(300, exposure=exposure, first=200)]
    assert "brightness" in {one.name for one in found_in(DriftWatch(reference=100), iter(stream))}
    held = found_in(DriftWatch(reference=100, least=1.5), iter(stream))
    assert ("brightness" in {one.name for one in held}) == told


def test_a_figure_of_a_part_is_the_mean_of_its_images_if_all_have_it() -> None:
    images = [{"brightness": 90.0, "distance": 1.0}, {"brightness": 100.0}]
    assert figures_of(None, images) == {"brightness": 95.0}  # type: ignore[arg-type]
    assert figures_of(0.25, []) == {"score": 0.25}


def test_chances_are_spread_evenly_and_belong_to_key_and_name() -> None:
    drawn = np.array([chances(f"key {number}", "score") for number in range(4000)])
    assert ((drawn > 0) & (drawn < 1)).all()
    assert np.abs(np.histogram(drawn[:, 0], 10, (0, 1))[0] - 400).max() < 80  # four standard deviations
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.06
    assert chances("key 1", "score") == chances("key 1", "score") != chances("key 1", "red")
