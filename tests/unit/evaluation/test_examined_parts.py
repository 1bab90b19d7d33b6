"""What a report examines gives the same parts as the stored verdicts of the same images would."""

from dataclasses import replace

from gainspect.evaluation.chosen_on import chosen_on
from gainspect.evaluation.examined_parts import parts_with, parts_with_small_defects, viewed_image
from gainspect.evaluation.judged_parts import ViewedImage, decided, judged_parts
from gainspect.evaluation.reliance import examine
from gainspect.evaluation.validation_verdicts import validation_verdicts
from gainspect.inspection.inspector import Inspector
from gainspect.policy import View
from gainspect.types import Label
from report_parts import Spots, bundle, parts

POLICY = bundle().description.policy


def inspector(reason=POLICY.reason):
    return Inspector(Spots(), threshold=0.5, region_threshold=POLICY.region_threshold, reason=reason)


def test_reasons_are_checked_below_the_threshold_too(tmp_path):
    manifest = parts(tmp_path / "data")
    stored = chosen_on(validation_verdicts(Spots(), manifest, kept=POLICY), POLICY)
    judge = inspector()
    seen = list(examine(judge, manifest))
    found = judged_parts([viewed_image(one, judge, manifest) for one in seen], POLICY.views)
    assert found == stored.parts
    assert {part.confirmed is None for part in found if part.score < 0.5} == {True, False}
    assert [decided(part, POLICY) for part in found] == [one.examined.label for one in seen]


def test_without_a_check_every_reason_holds(tmp_path):
    manifest, judge = parts(tmp_path / "data"), inspector(reason=None)
    found = [viewed_image(one, judge, manifest) for one in examine(judge, manifest)]
    assert {one.view.doubts for one in found} == {()}


def test_parts_are_small_if_their_widest_defect_is(tmp_path):
    manifest, judge = parts(tmp_path / "data"), inspector()
    examined = [one.examined for one in examine(judge, manifest)]
    across = {one.assessed.image: one.defect_px for one in examined if one.defect_px is not None}
    assert sorted(across.values())[:2] == [4, 5]  # the sides of the spots; under 4 px counts as small
    alone = [ViewedImage(name, None, "g", Label.NG, View(0.1)) for name in across]
    assert parts_with_small_defects(alone, examined) == frozenset()
    smaller = [replace(one, defect_px=one.defect_px and one.defect_px - 2) for one in examined]
    names = {name for name, px in across.items() if px - 2 < 4}
    assert len(names) == 2 and parts_with_small_defects(alone, smaller) == names
    together = [one._replace(part="p") for one in alone]
    assert parts_with_small_defects(together, smaller) == frozenset()
    assert parts_with(together, {"part1.png"}) == {"p"} and parts_with(alone, {"x"}) == frozenset()
