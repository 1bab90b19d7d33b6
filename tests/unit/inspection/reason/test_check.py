"""The reason check over fake backends whose true reason is known."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.good_parts import GoodParts
from gainspect.data.repair import repair
from gainspect.data.repair_regions import control_regions, with_margin
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.check import evidence_region, plan
from gainspect.policy import ReasonPolicy
from gainspect.types import CheckGap, Label, ReviewReason
from region_strategies import disc, regions

SIZE = 64
SPOT, FAR = (slice(10, 18), slice(12, 20)), (slice(44, 54), slice(40, 50))
STRICT = ReasonPolicy(controls=3, min_drop=0.5, max_control_drop=0.3, min_agreement=0.2)


@dataclass
class Rigged:
    """NG with 0.9 if it is dark where it `looks` (None: always); shows evidence where it `claims`."""

    looks: tuple[slice, slice] | None
    claims: tuple[slice, slice] | None
    size: int = SIZE
    batches: list[int] = field(default_factory=list)

    def __call__(self, images):
        self.batches.append(len(images))
        evidence = np.zeros((len(images), SIZE, SIZE), np.float32)
        if self.claims is not None:
            evidence[(slice(None), *self.claims)] = 1
        seen = (
            images[(slice(None), *self.looks)] if self.looks is not None else np.zeros((len(images), 1, 1, 3))
        )
        dark = seen.reshape(len(images), -1).mean(axis=1) < 100
        return {"score": np.where(dark, 0.9, 0.05).astype(np.float32), "evidence": evidence}


def part():
    image = np.full((SIZE, SIZE, 3), 180, np.uint8)
    image[SPOT] = 30
    image[FAR] = 30
    return image


def verdict_of(looks, claims, *, image=None, policy=STRICT):
    inspector = Inspector(Rigged(looks, claims), threshold=0.5, region_threshold=0.5, reason=policy)
    return inspector.inspect(part() if image is None else image)


def test_an_honest_verdict_stays_ng_and_shows_what_the_repair_does():
    verdict = verdict_of(SPOT, SPOT)
    check = verdict.check
    assert (verdict.label, verdict.review_reasons) == (Label.NG, ())
    assert (check.score, check.repaired) == pytest.approx((0.9, 0.05))
    assert check.controls == pytest.approx((0.9,) * 3)
    assert check.effect == pytest.approx(0.85)
    assert (check.flips, check.control_flips, check.gap) == (True, 0, None)
    assert check.area == evidence_region(verdict.evidence.evidence, 0.5).sum() > 64


def test_a_model_that_ignores_its_evidence_goes_to_review():
    verdict = verdict_of(None, SPOT)
    assert verdict.label is Label.REVIEW and verdict.by_score is Label.NG
    assert verdict.review_reasons == (ReviewReason.REPAIR_KEEPS_SCORE,)
    assert verdict.check.effect == pytest.approx(0)
    assert verdict.check.flips is False


def test_a_score_that_any_repair_brings_down_goes_to_review():
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)

    class Nervous(Rigged):
        """NG only for the image as it was taken: noise, which no repair leaves as it is."""

        def __call__(self, images):
            results = super().__call__(images)
            untouched = (images == noise).all(axis=(1, 2, 3))
            return results | {"score": np.where(untouched, 0.9, 0.05).astype(np.float32)}

    inspector = Inspector(Nervous(None, SPOT), threshold=0.5, region_threshold=0.5, reason=STRICT)
    verdict = inspector.inspect(noise)
    assert verdict.review_reasons == (ReviewReason.CONTROL_LOWERS_SCORE,)
    assert verdict.check.control_flips == 1 and verdict.check.effect == pytest.approx(0)


@pytest.mark.parametrize(("localized", "reasons"), [(SPOT, ()), (FAR, (ReviewReason.MAPS_DISAGREE,))])
def test_maps_that_point_to_different_places_go_to_review(localized, reasons):
    class TwoMaps(Rigged):
        def __call__(self, images):
            results = super().__call__(images)
            localization = np.zeros_like(results["evidence"])
            localization[(slice(None), *localized)] = 0.9
            return results | {"attention": results["evidence"], "localization": localization}

    inspector = Inspector(TwoMaps(SPOT, SPOT), threshold=0.5, region_threshold=0.5, reason=STRICT)
    assert inspector.inspect(part()).review_reasons == reasons


@pytest.mark.parametrize(
    ("claims", "gap", "reasons"),
    [
        (None, CheckGap.NO_REGION, (ReviewReason.REPAIR_KEEPS_SCORE,)),
        ((slice(0, 64), slice(0, 60)), CheckGap.REGION_TOO_LARGE, (ReviewReason.UNCHECKED,)),
        ((slice(0, 60), slice(13, 41)), CheckGap.NO_ROOM_FOR_CONTROL, (ReviewReason.UNCHECKED,)),
    ],
)
def test_what_cannot_be_checked_says_why_and_goes_to_a_person(claims, gap, reasons):
    verdict = verdict_of(SPOT, claims)
    assert (verdict.check.gap, verdict.review_reasons) == (gap, reasons)
    assert verdict.label is Label.REVIEW
    assert verdict.unchecked == (gap is not CheckGap.NO_REGION)
    assert (verdict.check.control, verdict.check.effect, verdict.check.control_flips) == (None,) * 3
    assert (verdict.check.repaired is None) == (gap is not CheckGap.NO_ROOM_FOR_CONTROL)


def test_repairs_are_judged_in_batches_of_the_inspectors_size_and_ok_parts_cost_nothing():
    backend = Rigged(SPOT, SPOT)
    inspector = Inspector(backend, threshold=0.5, region_threshold=0.5, batch_size=4, reason=STRICT)
    good = np.full((SIZE, SIZE, 3), 180, np.uint8)
    verdicts = list(inspector.inspect_many([part(), good, part(), good, good]))
    assert backend.batches == [4, 4, 4, 1]  # two NG images: 2 · (1 repair + 3 controls)
    assert [verdict.check is None for verdict in verdicts] == [False, True, False, True, True]
    assert verdicts[1].label is Label.OK


def test_without_a_policy_nothing_is_checked():
    verdict = verdict_of(None, SPOT, policy=None)
    assert (verdict.label, verdict.check, verdict.review_reasons) == (Label.NG, None, ())


def test_a_limit_that_is_not_set_is_not_applied():
    assert verdict_of(None, SPOT, policy=ReasonPolicy()).label is Label.NG


def test_repairs_are_filled_as_the_policy_says_and_diffused_where_it_was_written_before_it_could():
    evidence = np.zeros((SIZE, SIZE), np.float32)
    evidence[SPOT] = 1
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    for policy, fill in (
        (ReasonPolicy(fill="matched"), "matched"),
        (ReasonPolicy(fill="diffused"), "diffused"),
        (ReasonPolicy.model_validate({"controls": 2, "seed": 0}), "diffused"),
    ):
        trial = plan(image, evidence, 0.5, policy, None)
        for found, region in zip(trial.images(), (trial.region, *trial.controls), strict=True):
            expected = repair(image, region, avoid=trial.region, fill=fill)
            np.testing.assert_array_equal(found, expected)


def test_an_inspector_repairs_from_its_good_parts():
    """Verdict and repair fit only where the spot's own edge comes back, which no other place has."""
    rng = np.random.default_rng(0)
    grain = rng.integers(-60, 60, (SIZE, SIZE, 1))
    good = np.clip(150 + np.repeat(grain, 3, axis=2), 0, 255).astype(np.uint8)
    image = good.copy()
    image[SPOT] = 30
    parts = GoodParts(good[None], np.ones((1, SIZE, SIZE), np.bool_))
    evidence = np.zeros((SIZE, SIZE), np.float32)
    evidence[SPOT] = 1
    trial = plan(image, evidence, 0.5, STRICT.model_copy(update={"fill": "matched"}), parts)
    found, *controls = trial.images()
    np.testing.assert_array_equal(found, good)
    assert all((control[SPOT] == 30).all() for control in controls)

    @dataclass
    class KnowsTheGood(Rigged):
        """NG if an image is another than the good one."""

        def __call__(self, images):
            other = (images != good).any(axis=(1, 2, 3))
            score = np.where(other, 0.9, 0.05).astype(np.float32)
            return {**super().__call__(images), "score": score}

    matched = STRICT.model_copy(update={"fill": "matched", "max_control_drop": None})
    checks = []
    for known in (parts, None):
        backend = KnowsTheGood(SPOT, SPOT)
        inspector = Inspector(backend, threshold=0.5, region_threshold=0.5, reason=matched, good=known)
        checks.append(inspector.inspect(image).check)
    assert [round(check.repaired, 2) for check in checks] == [0.05, 0.9]


def test_the_same_pixels_and_seed_give_the_same_regions_and_other_pixels_others():
    evidence = np.zeros((SIZE, SIZE), np.float32)
    evidence[SPOT] = 1
    first, again = (plan(part(), evidence, 0.5, ReasonPolicy(controls=3, seed=1), None) for _ in range(2))
    np.testing.assert_array_equal(first.controls, again.controls)
    other_seed = plan(part(), evidence, 0.5, ReasonPolicy(controls=3, seed=2), None)
    other_pixels = plan(part() + 1, evidence, 0.5, ReasonPolicy(controls=3, seed=1), None)
    for other in (other_seed, other_pixels):
        assert (np.array(other.controls) != np.array(first.controls)).any()


@given(region=regions, seed=st.integers(0, 2**32))
def test_controls_never_touch_the_evidence_and_have_its_pieces(region, seed):
    for control in control_regions(region, np.random.default_rng(seed), 3):
        assert not (control & region).any()
        assert control.sum() == region.sum()
        # Pieces that come to lie side by side count as one: there are never more than there were.
        count = [cv2.connectedComponents(m.astype(np.uint8), connectivity=8)[0] for m in (region, control)]
        assert count[1] <= count[0]


def test_no_more_than_a_batch_of_repaired_images_is_made_ahead_of_the_backend():
    """Nine scores in batches of four: the fifth image is made only after the first four were judged."""
    backend, made = Rigged(SPOT, SPOT), []
    inspector = Inspector(backend, threshold=0.5, batch_size=4)
    found = inspector.scores(made.append(len(backend.batches)) or part() for _ in range(9))
    assert found == pytest.approx([0.9] * 9)
    assert made == [0] * 4 + [1] * 4 + [2]
    assert backend.batches == [4, 4, 1]
    assert inspector.scores(iter(())) == []


@given(region=regions)
def test_the_margin_is_an_elliptical_dilation_up_to_a_pixel(region):
    """OpenCV's dilation by a disc is the oracle: the margin lies between those of one pixel less and more."""
    margin = max(1, round(0.03 * max(region.shape)))

    def dilated(radius):
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        return cv2.dilate(region.astype(np.uint8), kernel).astype(np.bool_)

    found = with_margin(region)
    assert (found >= dilated(margin - 1)).all()
    assert (found <= dilated(margin + 1)).all()


def test_without_a_region_there_is_no_margin():
    assert not with_margin(np.zeros((30, 40), np.bool_)).any()


# --- controls fall on the part -----------------------------------------------------------------------


def test_controls_lie_on_the_part_and_not_on_the_belt():
    """A disc on a belt; drawn anywhere, a control would lie on the disc in one of five cases."""
    on = disc(150, 200, center=(80, 110), radius=45)
    image = np.where(on[:, :, None], 60, 180).astype(np.uint8).repeat(3, axis=2)
    evidence = np.zeros(on.shape, np.float32)
    evidence[78:84, 100:106] = 1
    trial = plan(image, evidence, 0.5, ReasonPolicy(controls=8), None)
    assert trial.gap is None and len(trial.controls) == 8
    for control in trial.controls:
        assert (control & on).sum() >= 0.97 * control.sum()  # the outline is known to a pixel of 128
    assert (trial.controls[0] != trial.controls[1]).any()


def test_a_control_lies_on_the_part_as_much_as_its_evidence_does():
    """Evidence on the belt has its controls anywhere; evidence across the rim, at least half on the part."""
    on = np.zeros((120, 160), np.bool_)
    on[30:90, 40:120] = True
    rim, belt = np.zeros_like(on), np.zeros_like(on)
    rim[25:35, 60:70] = True
    belt[5:15, 5:15] = True
    controls = control_regions(rim, np.random.default_rng(0), 20, on)
    assert len(controls) == 20
    assert min((control & on).sum() for control in controls) >= (rim & on).sum() == 50
    elsewhere = control_regions(belt, np.random.default_rng(0), 20, on)
    assert min((control & on).sum() for control in elsewhere) == 0


def test_a_part_that_is_mostly_evidence_may_be_the_defect_itself():
    """A stain on a plain surface stands out as a part does: its controls lie anywhere beside it."""
    on = np.zeros((120, 160), np.bool_)
    on[40:80, 60:100] = True
    third = np.zeros_like(on)
    third[40:80, 60:73] = True
    within = control_regions(third, np.random.default_rng(0), 4, on)
    assert within and all((control <= on).all() for control in within)
    third[40:80, 60:75] = True
    beside = control_regions(third, np.random.default_rng(0), 4, on)
    assert len(beside) == 4 and not any((control <= on).all() for control in beside)
    for one, other in zip(beside, control_regions(third, np.random.default_rng(0), 4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_piece_keeps_its_shape():
    region = np.zeros((50, 70), np.bool_)
    region[5:15, 5:9] = region[11:15, 5:20] = True
    for control in control_regions(region, np.random.default_rng(0), 4):
        y, x = (axis.min() for axis in np.nonzero(control))
        np.testing.assert_array_equal(control[y : y + 10, x : x + 15], region[5:15, 5:20])


def test_evidence_under_the_threshold_is_repaired_around_its_peak():
    evidence = np.zeros((SIZE, SIZE), np.float32)
    evidence[20:30, 20:30], evidence[24, 24] = 0.15, 0.2
    region = evidence_region(evidence, 0.5)
    assert region[20:30, 20:30].all() and region.sum() < 250
    assert not evidence_region(np.zeros((SIZE, SIZE), np.float32), 0.5).any()
