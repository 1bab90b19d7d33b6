"""What is said of rules on regions and of types of defects, with any names."""

from rich.console import Console

from gainspect.evaluation.accepted import Accepted, AcceptedCount, accepted
from gainspect.inspection.regions.defect_types import DefectTypes
from gainspect.region_rules import RegionRules
from gainspect.report.terminal.region_sentences import (
    accepted_sentence,
    confusion_table,
    rules_sentences,
    types_sentence,
)
from gainspect.report.terminal.verdict_table import SeenVerdicts, verdict_table

TYPES = DefectTypes(
    names=("[pit]", "긁힘"),
    means=((1.0,), (0.0,)),
    scale=(1.0,),
    limit=0.5,
    too_rare={"chip": 3},
    confusion=((8, 1, 1), (2, 18, 0), (0, 1, 3)),
    without_region=2,
)


def printed(shown):
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(shown)
    return " ".join(capture.get().split())


def counted(records):
    count = AcceptedCount()
    for record in records:
        count.add_record(record)
    return count.found


def test_nothing_accepted_is_said_too_and_without_rules_nothing_is():
    assert accepted_sentence(accepted([])) == "No region was accepted by rules."
    assert accepted_sentence(None) is None and counted([{"verdict": "ng", "regions": []}]) is None


def test_one_is_no_plural():
    assert accepted_sentence(Accepted(1, 1, 1, {"a": 1}, 0)) == (
        "1 region on 1 image was accepted by rules (a 1); "
        "1 image is OK only because of it, 0 of them labeled NG."
    )


def test_records_are_counted_as_images_are():
    taken = {"action": "accept", "rule": "a"}
    records = [
        {"verdict": "ok", "fired": ["region_accepted"], "regions": [taken, taken]},
        {"verdict": "ng", "fired": ["score"], "regions": [taken, {"action": "ng", "rule": "b"}, {}]},
        {"verdict": "ok", "fired": [], "regions": []},
        {"verdict": None, "error": "cannot read the file"},
    ]
    assert counted(records) == Accepted(3, 2, 1, {"a": 3})


def test_types_are_told_with_their_accuracy_or_why_there_are_none():
    assert types_sentence(TYPES) == (
        "Types of defects, with their accuracy on val: [pit] 0.80, 긁힘 0.90. Too rare to learn: chip 3."
    )
    assert "an older version" in types_sentence(None)
    assert "the training has chip 3." in types_sentence(DefectTypes(too_rare={"chip": 3}))
    assert "the training names none." in types_sentence(DefectTypes())
    untried = TYPES.model_copy(update={"confusion": ((0, 0, 0),) * 3})
    assert types_sentence(untried) == (
        "Types of defects: [pit], 긁힘. How well is not known: no validation part has defects. "
        "Too rare to learn: chip 3."
    )
    table = printed(confusion_table(TYPES))
    assert "[pit] 8 1 1 0.80" in table and "긁힘 2 18 0 0.90" in table and "other 0 1 3 –" in table
    assert "2 defects without a region left out" in table


def test_rules_are_told_in_the_order_of_their_precedence():
    rules = RegionRules.model_validate(
        {
            "mm_per_px": 0.05,
            "rules": [
                {"name": "b", "action": "accept", "when": {"area_mm2": {"under": 0.1}}},
                {
                    "name": "a",
                    "action": "ng",
                    "when": {"type": "[pit]", "count": {"over": 2}},
                    "min_accuracy": 0.8,
                },
            ],
        }
    )
    first, one, other, last = rules_sentences(rules)
    assert first.startswith("2 rules on regions, at 0.05 mm per pixel")
    assert one == "* a: ng if type [pit] (accuracy at least 0.8), count over 2"
    assert other == "* b: accept if area under 0.1 mm²" and "evaluate --check" in last
    assert list(rules_sentences(None)) == []


def table_of(record):
    seen = SeenVerdicts()
    seen.add(record)
    return printed(verdict_table(seen, 1.0))


def test_the_table_of_verdicts_has_a_column_only_where_something_is_known():
    record = {"image": "a.png", "verdict": "ng", "score": 0.9, "check": None, "review_reasons": []}
    region = {"box": [1, 2, 3, 4]}
    assert "Type: rule" not in table_of({**record, "regions": [region]})
    told = {**region, "type": "[pit]", "rule": "small"}
    assert "[pit]: small" in table_of({**record, "regions": [told]})
