"""The strategy table against DESIGN's, written out by hand here."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.strategies import STAGES, STRATEGIES, Stage, curriculum_alpha, stages_at, strategy

# Full weights in the order of NAMES; 0 = the loss is absent.
NAMES = (
    "classification",
    "cam",
    "mining",
    "guidance",
    "localization",
    "consistency",
    "counterfactual",
    "evidence",
)
WEIGHTS = {
    "S1": (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "S2": (1.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "S3": (0.3, 0.3, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0),
    "S4": (0.3, 0.3, 1.0, 0.5, 0.2, 0.2, 0.0, 0.0),
    "S5": (0.3, 0.3, 1.0, 0.5, 0.2, 0.2, 0.3, 0.0),
    "S6": (0.3, 0.3, 1.0, 0.5, 0.2, 0.2, 0.3, 0.0),
    "S7": (0.3, 0.3, 1.0, 0.5, 0.0, 0.0, 0.3, 0.0),
    "S8": (0.3, 0.3, 1.0, 0.5, 0.0, 0.0, 0.3, 0.0),
    "S9": (0.3, 0.3, 0.0, 0.5, 1.0, 0.0, 0.0, 1.0),
}

# What each stage's quarter of the run trains (its end, where ramps are over).
C, A, L, X = "classification", "cam mining guidance", "localization consistency", "counterfactual"
ACTIVE = {
    "S1": (C, C, C, C),
    "S2": (C, f"{C} cam", f"{C} cam", f"{C} cam"),
    "S3": (C, f"{C} {A}", f"{C} {A}", f"{C} {A}"),
    "S4": (C, f"{C} {A}", f"{C} {A} {L}", f"{C} {A} {L}"),
    "S5": (C, f"{C} {A}", f"{C} {A} {L}", f"{C} {A} {L} {X}"),
    "S6": (C, f"{C} {A}", f"{C} {A} {L}", f"{C} {A} {L} {X}"),
    "S7": (C, f"{C} {A}", f"{C} {A}", f"{C} {A} {X}"),
    "S8": (C, f"{C} {A}", f"{C} {A}", f"{C} {A} {X}"),
    "S9": ("classification cam guidance localization evidence",) * 4,
}

#            decides           evidence     curriculum  attention  localization  counterfactual
ROLES = {
    "S1": ("classification", "cam", False, False, False, False),
    "S2": ("classification", "cam", False, False, False, False),
    "S3": ("attended", "attention", False, True, False, False),
    "S4": ("attended", "attention", False, True, True, False),
    "S5": ("attended", "attention", False, True, True, True),
    "S6": ("attended", "fused", True, True, True, True),
    "S7": ("attended", "attention", False, True, False, True),
    "S8": ("attended", "attention", True, True, False, True),
    "S9": ("evidence", "fused", False, True, True, False),
}


def test_the_table_has_these_rows() -> None:
    assert list(STRATEGIES) == list(WEIGHTS)


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_stage_trains_exactly_its_losses(name: str) -> None:
    row = STRATEGIES[name]
    for quarter, active in enumerate(ACTIVE[name]):
        for within in (0.0, 0.1, 0.2499):
            assert set(row.weights_at(0.25 * quarter + within)) == set(active.split())


@pytest.mark.parametrize("name", WEIGHTS)
def test_full_weights_are_the_designs(name: str) -> None:
    expected = {loss: weight for loss, weight in zip(NAMES, WEIGHTS[name], strict=True) if weight}
    assert STRATEGIES[name].weights_at(1.0) == expected


@pytest.mark.parametrize("name", ROLES)
def test_what_decides_what_is_evidence_and_which_modules_exist(name: str) -> None:
    row = STRATEGIES[name]
    assert (
        row.decides,
        row.evidence,
        row.curriculum,
        "attention" in row.modules,
        "localization" in row.modules,
        "suppression" in row.modules,
    ) == ROLES[name]


@given(progress=st.floats(0, 1))
def test_localization_ramps_over_the_first_half_of_its_stage_and_nothing_else_does(progress: float) -> None:
    for name, full in WEIGHTS.items():
        for loss, weight in STRATEGIES[name].weights_at(progress).items():
            ramped = name != "S9" and loss in ("localization", "consistency")
            share = min(1.0, (progress - 0.5) / 0.125) if ramped else 1.0
            assert weight == pytest.approx(share * full[NAMES.index(loss)])


@pytest.mark.parametrize(
    ("name", "complete"),
    [
        ("S1", 0.0),
        ("S2", 0.25),
        ("S3", 0.25),
        ("S4", 0.625),
        ("S5", 0.75),
        ("S6", 0.75),
        ("S7", 0.75),
        ("S8", 0.75),
        ("S9", 0.0),
    ],
)
def test_complete_from_is_where_the_last_weight_is_full(name: str, complete: float) -> None:
    row = STRATEGIES[name]
    assert row.complete_from() == complete
    assert row.weights_at(complete) == row.weights_at(1.0)
    if complete:
        assert row.weights_at(complete - 1e-6) != row.weights_at(1.0)


@given(starts=st.tuples(st.just(0.0), *[st.floats(0, 1)] * 3))
@example(starts=(0.0, 0.25, 0.95, 0.75))  # too late for the usual ramp
def test_whatever_the_starts_every_loss_reaches_its_full_weight(starts: tuple[float, ...]) -> None:
    stages = stages_at(starts)
    assert [stage.start for stage in stages] == list(starts)
    for row in STRATEGIES.values():
        assert row.complete_from(stages) <= 1.0
        assert row.weights_at(1.0, stages) == pytest.approx(row.weights_at(1.0))


def test_the_designs_starts_give_the_designs_stages() -> None:
    assert stages_at((0.0, 0.25, 0.5, 0.75)) == STAGES
    assert STAGES[2] == Stage(0.5, ("localization", "consistency"), ramp=0.125)


def test_a_given_ramp_is_that_of_every_stage_that_begins_later() -> None:
    stages = stages_at((0.0, 0.2, 0.4, 0.9), ramp=0.1)
    assert [stage.ramp for stage in stages] == [0.0, 0.1, 0.1, pytest.approx(0.05)]


def test_stages_that_all_begin_with_the_run_are_all_losses_at_once() -> None:
    assert stages_at((0.0, 0.0, 0.0, 0.0)) == STRATEGIES["S9"].stages


def test_stages_need_one_start_each() -> None:
    with pytest.raises(ValueError, match="shorter"):
        stages_at((0.0, 0.5))


@given(progress=st.floats(-1, 2))
def test_curriculum_alpha_falls_from_a_half_to_zero_in_a_straight_line(progress: float) -> None:
    inside = min(max(progress, 0.0), 1.0)
    assert curriculum_alpha(progress) == pytest.approx(0.5 - 0.5 * inside)


def test_an_unknown_strategy_is_named_with_those_there_are() -> None:
    with pytest.raises(GainspectError, match=r"no strategy 'S10'\. Choose one of S1, S2, .*S9\."):
        strategy("S10")
    assert strategy("s6") is STRATEGIES["S6"]
