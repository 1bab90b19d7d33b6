"""Score calibration: maps against scikit-learn and against the formulas, increasing, inverse exact."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from gainspect.metrics.calibration import (
    Increasing,
    carried,
    carry_losses,
    chosen_method,
    isotonic,
    logits_of,
    mean_map,
    platt,
)

LOGITS = st.floats(-16, 16, allow_subnormal=False).map(lambda value: round(value, 3))
SAMPLES = st.lists(st.tuples(LOGITS, st.booleans()), min_size=2, max_size=30)


def _sample(drawn):
    x, y = np.array([logit for logit, _ in drawn]), np.array([label for _, label in drawn])
    assume(y.any() and not y.all())
    return x, y


def _network(rng, shift=0.0, slope=1.0, ng=12, ok=40):
    y = np.arange(ng + ok) < ng
    return shift + slope * (rng.normal(0, 1, ng + ok) + 2.5 * y), y


def test_platt_is_the_logistic_regression_of_scikit_learn_with_platts_targets():
    """Each part counts as NG with the weight of its target, and as OK with the rest of it."""
    x, y = _network(np.random.default_rng(3), shift=-2, slope=1.7)
    target = np.where(y, (y.sum() + 1) / (y.sum() + 2), 1 / ((~y).sum() + 2))
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.concatenate([x, x])[:, None],
        np.repeat([1, 0], len(x)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    found = platt(x, y)(np.array([0.0, 1.0]))
    assert found[0] == pytest.approx(reference.intercept_[0], abs=1e-4)
    assert found[1] - found[0] == pytest.approx(reference.coef_[0, 0], abs=1e-4)


def test_platt_is_finite_where_the_classes_are_separate_and_refuses_what_ranks_the_other_way():
    x, y = np.array([-3.0, -2.0, 4.0, 5.0]), np.array([False, False, True, True])
    assert np.isfinite(platt(x, y)(x)).all()
    with pytest.raises(ValueError, match="no increasing map"):
        platt(-x, y)
    with pytest.raises(ValueError, match="both classes"):
        platt(x, ~np.zeros(4, np.bool_))


def test_isotonic_goes_through_the_centers_of_the_steps_of_the_regression():
    """The steps by the min-max formula: of all starts the largest, of all ends the smallest mean between."""
    x, y = _network(np.random.default_rng(5), ng=15, ok=25)
    order = np.argsort(x)
    x, y = x[order], y[order]
    n = len(x)
    fitted = np.array(
        [max(min(y[a : b + 1].mean() for b in range(i, n)) for a in range(i + 1)) for i in range(n)]
    )
    found = isotonic(x, y)
    for value in np.unique(fitted):
        step = np.isclose(fitted, value)
        share = (y[step].sum() + 0.5) / (step.sum() + 1)
        assert found(x[step].mean()[None])[0] == pytest.approx(logit(share))


@pytest.mark.parametrize("fit", [platt, isotonic])
@given(drawn=SAMPLES, at=st.lists(LOGITS, min_size=2, max_size=10, unique=True))
def test_every_map_rises_and_its_inverse_brings_each_value_back(fit, drawn, at):
    try:
        found = fit(*_sample(drawn))
    except ValueError:
        assume(False)
    assume(min(found.below, found.above) > 1e-6)  # a map that is as good as flat cannot be inverted
    values = np.sort(at)
    mapped = found(values)
    assert (np.diff(mapped) > 0).all()
    assert found.inverse(mapped) == pytest.approx(values, abs=1e-6)


@given(drawn=st.lists(SAMPLES, min_size=1, max_size=3), at=st.lists(LOGITS, min_size=1, max_size=10))
def test_the_mean_map_is_the_mean_everywhere(drawn, at):
    maps = [isotonic(*_sample(sample)) for sample in drawn]
    values = np.array(at)
    assert mean_map(maps)(values) == pytest.approx(np.mean([one(values) for one in maps], axis=0))


def test_a_map_continues_with_its_slopes():
    found = Increasing((0.0, 2.0), (1.0, 2.0), below=3.0, above=0.5)
    assert found(np.array([-1.0, 0.0, 1.0, 2.0, 4.0])).tolist() == [-2.0, 1.0, 1.5, 2.0, 3.0]


def test_networks_that_differ_by_shift_and_slope_are_carried_onto_one_scale():
    """Platt's regression is of the same family after any such change, so each part gets the same score."""
    x, y = _network(np.random.default_rng(7))
    changed = [x, 1.5 + x, -2 + 0.6 * x]
    moved, maps = carried(changed, [y, y, y], "platt")
    assert moved[1] == pytest.approx(moved[0], abs=1e-3)
    assert moved[2] == pytest.approx(moved[0], abs=1e-3)
    shift, slope = (np.mean([one(np.array([0.0]))[0] for one in maps]), np.mean([one.above for one in maps]))
    assert moved[0] == pytest.approx((maps[0](x) - shift) / slope)


def test_without_a_method_scores_stay_as_they_are():
    x, y = _network(np.random.default_rng(7))
    moved, maps = carried([x, x + 1], [y, y], "none")
    assert [one.tolist() for one in moved] == [x.tolist(), (x + 1).tolist()]
    assert maps == []


def test_the_loss_is_that_of_a_fold_foretold_by_the_pooled_others():
    rng = np.random.default_rng(11)
    folds = [_network(rng, shift) for shift in (0, 1, -1)]
    losses = carry_losses([x for x, _ in folds], [y for _, y in folds])
    x, y = (np.concatenate([folds[i][part] for i in (1, 2)]) for part in (0, 1))
    line = platt(x, y)
    p = expit(line(folds[0][0]))
    expected = -np.where(folds[0][1], np.log(p), np.log1p(-p))
    assert losses["none"][: len(p)] == pytest.approx(expected)
    assert set(losses) == {"none", "platt", "isotonic"}


def test_a_fold_that_ranks_the_other_way_takes_part_in_no_calibration_by_platt():
    rng = np.random.default_rng(11)
    folds = [_network(rng), _network(rng), _network(rng, slope=-1)]
    losses = carry_losses([x for x, _ in folds], [y for _, y in folds])
    assert "platt" not in losses
    assert chosen_method(losses) == "none"
    assert chosen_method({}) == "none"


def test_isotonic_is_chosen_only_if_it_is_better_by_more_than_a_standard_error():
    loss = np.array([0.5, 0.4, 0.6, 0.5])
    gain = np.array([0.1, -0.1, 0.3, 0.1])  # mean 0.1, standard error √0.02 / 2 = 0.071
    assert chosen_method({"none": loss, "platt": loss, "isotonic": loss - gain}) == "isotonic"
    assert chosen_method({"none": loss - 1, "platt": loss, "isotonic": loss - gain + 0.05}) == "platt"


def test_scores_of_0_and_1_have_finite_logits():
    assert logits_of(np.array([0.0, 0.5, 1.0])).tolist() == [logit(1e-7), 0.0, logit(1 - 1e-7)]
