"""Intervals against SciPy's and closed forms; weighted figures against scikit-learn on repeated images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from gainspect.metrics import intervals
from gainspect.metrics.intervals import events_allowed, trials_needed, upper_bound


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_equals_scipy(case):
    successes, trials = case
    if not trials:
        assert intervals.clopper_pearson(0, 0) == (0, 1)
        return
    expected = binomtest(successes, trials).proportion_ci(method="exact")
    assert intervals.clopper_pearson(successes, trials) == pytest.approx((expected.low, expected.high))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans(), st.integers(0, 4)),
        min_size=2,
        max_size=20,
    )
)
def test_weights_count_like_repeated_images(case):
    scores, labels, times = (np.array(column) for column in zip(*case, strict=True))
    weights = np.stack([times, np.ones_like(times)]).astype(np.float64)
    auroc = intervals.weighted_auroc(scores, labels)(weights)
    precision = intervals.weighted_average_precision(scores, labels)(weights)
    alarms = intervals.weighted_false_alarms(scores, labels, 0.7)(weights)
    mean = intervals.weighted_mean(scores)(weights)
    for row, repeats in enumerate(weights.astype(int)):
        drawn_scores, drawn_labels = np.repeat(scores, repeats), np.repeat(labels, repeats)
        if not drawn_labels.any() or drawn_labels.all():
            assert np.isnan(auroc[row])
        else:
            assert auroc[row] == pytest.approx(roc_auc_score(drawn_labels, drawn_scores))
        if drawn_labels.any():
            assert precision[row] == pytest.approx(average_precision_score(drawn_labels, drawn_scores))
        else:
            assert np.isnan(precision[row])
        assert alarms[row] == pytest.approx(false_alarms(drawn_scores, drawn_labels, 0.7), nan_ok=True)
        assert mean[row] == pytest.approx(drawn_scores.mean()) if len(drawn_scores) else np.isnan(mean[row])


def false_alarms(scores, labels, recall):
    """At the first point of scikit-learn's ROC curve with this recall; NaN if a class is missing."""
    if not labels.any() or labels.all():
        return np.nan
    rates, recalls, _ = roc_curve(labels, scores, drop_intermediate=False)
    return rates[recalls >= recall - 1e-9].min()


def test_the_interval_of_a_mean_of_independent_images_is_the_normal_one():
    values = np.random.default_rng(1).normal(0.5, 0.1, 400)
    groups = [str(index) for index in range(400)]
    low, high = intervals.group_bootstrap(intervals.weighted_mean(values), groups)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


def test_images_of_one_part_do_not_count_as_independent():
    """Ten equal views of each of 40 parts tell as much as 40 images: the interval is √10 times as wide."""
    values = np.repeat(np.random.default_rng(2).normal(0.5, 0.1, 40), 10)
    parts = np.repeat(np.arange(40).astype(str), 10)
    by_part = intervals.group_bootstrap(intervals.weighted_mean(values), parts)
    by_image = intervals.group_bootstrap(intervals.weighted_mean(values), np.arange(400).astype(str))
    assert np.diff(by_part) / np.diff(by_image) == pytest.approx(np.sqrt(10), rel=0.1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    groups = [str(index) for index in range(60)]
    hits = 0
    for trial in range(200):
        drawn = (rng.random(60) < 0.7).astype(np.float64)
        low, high = intervals.mean_by_group(drawn, groups, seed=trial)
        hits += low <= 0.7 <= high
    assert 0.88 <= hits / 200 <= 0.99  # 0.95 ± three standard errors, less what the percentile method lacks


def test_same_seed_same_interval():
    values, groups = np.random.default_rng(0).random(50), [str(i % 9) for i in range(50)]
    first, again, other = (
        intervals.group_bootstrap(intervals.weighted_mean(values), groups, seed=seed) for seed in (4, 4, 5)
    )
    assert first == again != other


def test_in_chunks_the_drawings_are_the_same(monkeypatch):
    values, groups = np.random.default_rng(0).random(50), [str(i % 9) for i in range(50)]
    at_once = intervals.group_bootstrap(intervals.weighted_mean(values), groups)
    monkeypatch.setattr(intervals, "_CELLS", 777)
    in_chunks = intervals.group_bootstrap(intervals.weighted_mean(values), groups)
    assert in_chunks == pytest.approx(at_once, rel=1e-12)


def drawn_one_by_one(figure, scores, labels, groups, resamples):
    """The definition: draw groups, take their images as often as they were drawn, and look at each sample."""
    names = sorted(set(groups))
    rng, found = np.random.default_rng(0), []
    for drawn in rng.integers(len(names), size=(resamples, len(names))):
        times = [np.count_nonzero(drawn == names.index(group)) for group in groups]
        taken = np.repeat(np.arange(len(groups)), times)
        if labels[taken].any() and not labels[taken].all():
            found.append(figure(labels[taken], scores[taken]))
    return np.percentile(found, [2.5, 97.5])


@pytest.mark.parametrize("digits", [1, 16])
def test_several_figures_from_one_drawing_are_those_of_samples_drawn_one_by_one(digits, monkeypatch):
    rng = np.random.default_rng(7)
    labels = rng.random(60) < 0.4
    scores = np.round(rng.random(60) + 0.3 * labels, digits)
    groups = [f"{index % 40:02d}" for index in range(60)]
    figures = {intervals.weighted_auroc: roc_auc_score}
    figures[intervals.weighted_average_precision] = average_precision_score
    monkeypatch.setattr(intervals, "_CACHED", 60 * 7)  # a statistic takes 7 samples in one go
    statistics = [weighted(scores, labels) for weighted in figures]
    together = intervals.group_bootstraps(statistics, groups, resamples=100)
    alone = [intervals.group_bootstrap(statistic, groups, resamples=100) for statistic in statistics]
    assert together == alone
    for found, figure in zip(together, figures.values(), strict=True):
        assert found == pytest.approx(drawn_one_by_one(figure, scores, labels, groups, 100), rel=1e-12)


@pytest.mark.parametrize("size", [7, 300, 2500])
def test_intervals_are_to_the_last_digit_what_they_always_were(size):
    """By the first version, which made a table of all weights of a figure at once."""
    rng = np.random.default_rng(size)
    labels = rng.random(size) < 0.4
    values, groups = rng.random(size) + 0.2 * labels, [f"{index // 2:04d}" for index in range(size)]
    _, member_of = np.unique(groups, return_inverse=True)
    count, rows = len(set(groups)), max(1, 2_000_000 // size)
    drawing, found = np.random.default_rng(0), {"mean": [], "auroc": [], "ap": []}
    statistics = {
        "mean": lambda weights: (weights @ values) / (weights @ np.ones(size)),
        "auroc": intervals.weighted_auroc(values, labels),
        "ap": intervals.weighted_average_precision(values, labels),
    }
    for start in range(0, 2000, rows):
        drawn = drawing.integers(count, size=(min(rows, 2000 - start), count))
        times = np.array([np.bincount(row, minlength=count) for row in drawn])
        weights = times[:, member_of].astype(np.float64)
        for name, statistic in statistics.items():
            found[name].append(statistic(weights))
    mean = intervals.weighted_mean(values)
    together = intervals.group_bootstraps([mean, statistics["auroc"], statistics["ap"]], groups)
    tail = 100 * (1 - 0.95) / 2
    for drawn, interval in zip(found.values(), together, strict=True):
        known = np.concatenate(drawn)
        assert interval == tuple(np.percentile(known[~np.isnan(known)], [tail, 100 - tail]))


def test_means_of_the_same_images_are_those_of_each_alone():
    rng = np.random.default_rng(1)
    values = [rng.random(30), np.full(30, 0.25), rng.integers(0, 2, 30).astype(float), np.ones(30)]
    groups = [str(index // 2) for index in range(30)]
    found = intervals.means_by_group(values, groups, least=-1)
    assert found == [intervals.mean_by_group(each, groups, least=-1) for each in values]
    for each, interval in zip(values[::2], found[::2], strict=True):
        assert interval == intervals.group_bootstrap(intervals.weighted_mean(each), groups)
    assert intervals.means_by_group([np.array([])] * 2, []) == [None, None]


def test_groupings_that_order_images_alike_give_the_same_resamples():
    values = np.random.default_rng(0).random(12)
    names, alike = [f"{i:02d}.png" for i in range(12)], [f"part {i:02d}" for i in range(12)]
    backward, pairs = alike[::-1], [f"part {i // 2:02d}" for i in range(12)]
    expected = intervals.group_bootstrap(intervals.weighted_mean(values), names)
    for groups in (alike, backward, pairs):
        found = intervals.group_bootstrap(intervals.weighted_mean(values), groups)
        assert intervals.same_resamples(names, groups) == (found == expected) == (groups is alike)


def test_all_right_is_not_certainty():
    perfect, none = np.ones(30), np.zeros(30)
    groups = [str(index // 3) for index in range(30)]
    assert intervals.mean_by_group(perfect, groups) == pytest.approx(intervals.clopper_pearson(10, 10))
    assert intervals.mean_by_group(none, groups) == pytest.approx(intervals.clopper_pearson(0, 10))


@pytest.mark.parametrize("value", [-1.0, -0.25, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_equal_values_have_an_interval_around_them(value, count):
    """None of n parts differs: of those to come, fewer than 1 − 0.025^(1/n) do, each as far as can be."""
    groups = [str(index % count) for index in range(3 * count)]
    low, high = intervals.mean_by_group(np.full(3 * count, value), groups, least=-1)
    differing = 1 - 0.025 ** (1 / count)
    assert low == pytest.approx(value - differing * (value + 1))
    assert high == pytest.approx(value + differing * (1 - value))
    assert -1 <= low <= value <= high <= 1 and (high - low) > 0.09


def test_equal_values_cover_the_truth_as_often_as_they_say():
    """Effects are 0 but for one part in twenty, where they are −1 or 1: the mean is within the interval."""
    rng = np.random.default_rng(0)
    hits = trials = 0
    for _ in range(400):
        drawn = rng.choice([-1.0, 0.0, 1.0], 12, p=[0.01, 0.95, 0.04])
        if (drawn == 0).all():
            low, high = intervals.mean_by_group(drawn, [str(i) for i in range(12)], least=-1)
            hits, trials = hits + (low <= 0.03 <= high), trials + 1
    assert trials > 100 and hits == trials


def test_what_cannot_be_resampled_has_no_interval():
    statistic = intervals.weighted_mean(np.array([0.1, 0.9]))
    assert intervals.group_bootstrap(statistic, ["one", "one"]) is None
    assert intervals.mean_by_group(np.array([]), []) is None
    one_class = intervals.weighted_auroc(np.array([0.1, 0.9]), np.array([True, True]))
    assert intervals.group_bootstrap(one_class, ["one", "two"]) is None


def test_drawings_are_computed_together_as_many_as_memory_takes():
    """One by one they would be too slow for every figure of a table."""
    shapes = []

    def statistic(weights):
        shapes.append(weights.shape)
        return weights.mean(axis=1)

    intervals.group_bootstrap(statistic, [str(index // 3) for index in range(400)])
    assert shapes == [(2000, 400)]
    shapes.clear()
    intervals.group_bootstrap(statistic, [str(index // 3) for index in range(2500)])
    assert shapes == [(800, 2500), (800, 2500), (400, 2500)]


# --- exact one-sided bounds, and how many parts a claim takes ----------------------------------------


@given(trials=st.integers(1, 400), data=st.data(), confidence=st.floats(0.5, 0.995))
def test_the_upper_bound_is_the_limit_of_the_exact_test_of_scipy(trials, data, confidence):
    events = data.draw(st.integers(0, trials))
    exact = binomtest(events, trials, alternative="less").proportion_ci(confidence, method="exact")
    assert upper_bound(events, trials, confidence) == pytest.approx(exact.high, abs=1e-9)


@given(trials=st.integers(0, 400), data=st.data(), confidence=st.floats(0.5, 0.995))
def test_more_parts_without_a_miss_never_widen_a_bound(trials, data, confidence):
    events = data.draw(st.integers(0, trials))
    assert upper_bound(events, trials + 1, confidence) <= upper_bound(events, trials, confidence) + 1e-12


@given(rate=st.floats(0.002, 1), confidence=st.floats(0.5, 0.999), events=st.integers(0, 5))
def test_so_many_trials_are_enough_and_one_less_is_not(rate, confidence, events):
    needed = trials_needed(rate, confidence, events)
    assert upper_bound(events, needed, confidence) <= rate
    assert needed <= events + 1 or upper_bound(events, needed - 1, confidence) > rate


@pytest.mark.parametrize(("rate", "confidence"), [(0, 0.95), (1.5, 0.95), (0.1, 0), (0.1, 1), (np.nan, 0.9)])
def test_no_number_proves_what_cannot_be_proven(rate, confidence):
    with pytest.raises(ValueError, match="no number"):
        trials_needed(rate, confidence)


@pytest.mark.parametrize(("rate", "trials"), [(0.01, 299), (0.05, 59), (0.1, 29), (0.3, 40)])
def test_the_bound_holds_in_at_least_95_of_100_simulated_trials(rate, trials):
    """10,000 samples of a line whose rate is known; the tolerance is three standard errors."""
    events = np.random.default_rng(0).binomial(trials, rate, 10_000)
    holds = np.mean([upper_bound(int(count), trials) >= rate for count in events])
    assert holds >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 10_000)


@pytest.mark.parametrize("trials", [59, 93, 200, 300])
def test_a_threshold_chosen_as_allowed_keeps_its_bound_with_the_choosing(trials):
    """10,000 samples of scores that are uniform, so that a threshold is its own escape rate.

    The tolerance is three standard errors.
    """
    allowed = events_allowed(trials, 0.05)
    scores = np.sort(np.random.default_rng(0).random((10_000, trials)), axis=1)
    assert (scores[:, allowed] <= 0.05).mean() >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 10_000)


@given(trials=st.integers(0, 300), rate=st.floats(0.001, 1), confidence=st.floats(0.5, 0.999))
def test_one_event_more_than_allowed_proves_too_little(trials, rate, confidence):
    allowed = events_allowed(trials, rate, confidence)
    if allowed is not None:
        assert upper_bound(allowed, trials, confidence) <= rate
    following = 0 if allowed is None else allowed + 1
    assert following >= trials or upper_bound(following, trials, confidence) > rate


@given(trials=st.integers(0, 60), rate=st.floats(0.001, 1), confidence=st.floats(0.5, 0.999))
def test_as_many_events_are_allowed_as_a_look_at_every_number_finds(trials, rate, confidence):
    allowed = [events for events in range(trials) if upper_bound(events, trials, confidence) <= rate]
    assert events_allowed(trials, rate, confidence) == max(allowed, default=None)
