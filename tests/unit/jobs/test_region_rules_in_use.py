"""From a rule file to the decision: the same in Python, in `inspect` and in `evaluate`, and told by each."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.data.manifest import save_manifest
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.evaluation.examined_parts import viewed_image
from gainspect.evaluation.goals import POINT, LeastCost
from gainspect.evaluation.judged_parts import decided, judged_parts
from gainspect.evaluation.reliance import examine
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.bundle import PARITY, read_bundle, write_bundle
from gainspect.inspection.inspector import Inspector, view_of
from gainspect.inspection.regions.defect_types import TYPES, DefectTypes, content_of_types
from gainspect.inspection.regions.rule_file import read_rules
from gainspect.jobs import run_calibration
from gainspect.jobs.run_calibration import calibrate, write_calibrated
from gainspect.jobs.write_report import write_inspection_report
from gainspect.release.model_card import CARD
from gainspect.report.drawing.explanation import explanation
from gainspect.report.texts import Wording
from gainspect.types import AcceptReason, Label, NgReason, RegionAction, ReviewReason
from report_parts import SIZE, parts
from report_parts import bundle as described

BIAS = -4.0
TYPES_OF_BUNDLE = DefectTypes(
    names=("pit", "scratch"),
    means=((0.55, 0.0), (1.0, 0.0)),
    scale=(1.0, 1.0),
    limit=0.3,
    parts={"pit": 6, "scratch": 6},
    confusion=((5, 1, 0), (0, 6, 0), (0, 1, 2)),
)
RULES = """
mm_per_px: 0.1
rules:
  - {name: small, when: {length_mm: {under: 1.35}, severity: {under: 1.4}}, action: accept}
  - {name: long, when: {length_mm: {over: 1.75}}, action: ng}
  - name: corner
    when: {zone: [[0, 0], [0.3, 0], [0.3, 0.3], [0, 0.3]]}
    action: review
"""


class Gates:
    """The evidence head over darkness, with its contributions, and features at stride 16."""

    runtime, precision, size = "fake", "f32", SIZE

    def __call__(self, images):
        gate = np.clip((150 - images.astype(np.float32).mean(axis=3)) / 100, 0, 1)
        weight = gate**3
        contributions = 8 * gate * weight / (weight.sum(axis=(1, 2), keepdims=True) + 1e-3)
        logit = BIAS + contributions.sum(axis=(1, 2))
        means = gate.reshape(len(gate), 6, 16, 6, 16).max(axis=(2, 4))
        return {
            "logit": logit,
            "score": 1 / (1 + np.exp(-logit)),
            "evidence": gate,
            "contributions": contributions,
            "features": np.stack([means, np.zeros_like(means)], axis=1),
        }


@pytest.fixture
def data(tmp_path):
    manifest = parts(tmp_path / "data")
    typed = tuple(replace(part, split="test") for part in manifest.parts)
    manifest = replace(manifest, parts=typed)
    save_manifest(manifest, tmp_path / "data" / "parts.csv")
    return manifest


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    for module in (inspector_module, run_calibration):
        monkeypatch.setattr(module, "open_backend", lambda *given: Gates())
    description = described().description
    training = {**description.training, "validation": {}, "environment": {"weights": "none"}}
    description = description.model_copy(
        update={
            "formats": {"onnx": ("model.onnx",)},
            "training": training,
            "schema_version": 2,
            "graph": description.graph.model_copy(update={"evidence_bias": BIAS}),
            "policy": description.policy.model_copy(update={"reason": None}),
        }
    )
    contents = {
        "model.onnx": b"a graph",
        PARITY: json.dumps({"formats": []}).encode(),
        CARD: b"the old card",
        TYPES: content_of_types(TYPES_OF_BUNDLE),
    }
    return write_bundle(tmp_path / "spots.gain", description, contents)


@pytest.fixture
def rule_file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def ruled(bundle, rule_file, tmp_path):
    chosen = calibrate(bundle.path, None, rules=read_rules(rule_file))
    return write_calibrated(chosen, tmp_path / "ruled.gain")


def image(*spots):
    """A gray part with dark squares (x, y, side, gray value)."""
    found = np.full((SIZE, SIZE, 3), 170, np.uint8)
    for x, y, side, gray in spots:
        found[y : y + side, x : x + side] = gray
    return found


def test_only_the_rules_change(bundle, ruled):
    old, new = bundle.description.policy, ruled.description.policy
    assert new.model_copy(update={"region_rules": None}) == old and new.policy_id != old.policy_id
    assert ruled.description.network_sha256 == bundle.description.network_sha256
    assert POINT not in ruled.contents and ruled.contents[TYPES] == bundle.contents[TYPES]
    card = ruled.contents[CARD].decode()
    assert "* small: accept if length under 1.35 mm, severity under 1.4" in card
    assert "pit 0.83, scratch 0.75" in card
    assert read_bundle(ruled.path).description.policy == new


def test_rules_stay_when_thresholds_are_chosen_anew_and_can_be_taken_away(bundle, ruled, data, tmp_path):
    chosen = calibrate(
        ruled.path, LeastCost(prevalence=0.1), data=tmp_path / "data" / "parts.csv", check=False
    )
    assert chosen.policy.region_rules == ruled.description.policy.region_rules
    assert chosen.policy.split == "calibration"
    without = calibrate(ruled.path, None, without_rules=True)
    assert without.policy == bundle.description.policy
    with pytest.raises(GainspectError, match="Give either --run RUN or --data DIR"):
        calibrate(ruled.path, LeastCost(), rules=ruled.description.policy.region_rules)


def test_each_action_decides(ruled):
    inspector = Inspector.load(ruled.path)
    assert inspector.policy_id == ruled.description.policy.policy_id
    small = inspector.inspect(image((50, 50, 10, 60)))
    assert small.score > 0.9 and small.label is Label.OK and small.accepted_by_rules
    assert small.fired == (AcceptReason.REGION_ACCEPTED,)
    (region,) = small.regions
    assert (region.rule, region.action, region.type) == ("small", RegionAction.ACCEPT, "scratch")
    assert region.measures.length_mm == pytest.approx(1.0) and small.region_rules.rest < 0.05
    middle = inspector.inspect(image((50, 50, 15, 60)))  # no rule takes it
    assert (middle.label, middle.fired, middle.regions[0].rule) == (Label.NG, (NgReason.SCORE,), None)
    faint = inspector.inspect(image((40, 40, 30, 115)))  # 0.35: a region, but the score is low
    assert faint.score < 0.5 and faint.label is Label.NG and faint.fired == (NgReason.REGION_NG,)
    corner = inspector.inspect(image((4, 4, 15, 115)))
    assert (corner.label, corner.review_reasons) == (Label.REVIEW, (ReviewReason.REGION_REVIEW,))


def test_what_rules_accept_hides_nothing_else(ruled):
    inspector = Inspector.load(ruled.path)
    both = inspector.inspect(image((50, 50, 10, 60), (10, 60, 15, 60)))
    assert both.label is Label.NG and {r.rule for r in both.regions} == {"small", None}
    # Below the region threshold, 0.3, lies a large faint place. It is NG by itself at a low threshold.
    inspector.threshold = 0.1
    faint = inspector.inspect(image((50, 50, 10, 60), (4, 60, 20, 122)))
    assert len(faint.regions) == 1 and faint.regions[0].rule == "small"
    assert faint.region_rules.rest == pytest.approx(
        inspector.inspect(image((4, 60, 20, 122))).score, abs=0.01
    )
    assert faint.label is Label.NG and NgReason.SCORE in faint.fired


def test_a_part_of_several_images_is_decided_by_the_same_rules(ruled):
    inspector = Inspector.load(ruled.path)
    small, long, bare = image((50, 50, 10, 60)), image((40, 40, 30, 115)), image()
    part = inspector.decide([small, bare])
    assert (part.label, part.decision.fired) == (Label.OK, (AcceptReason.REGION_ACCEPTED,))
    part = inspector.decide([bare, long, small])
    assert part.label is Label.NG
    assert part.decision.fired == (NgReason.REGION_NG, AcceptReason.REGION_ACCEPTED)


def test_the_panel_of_the_report_decides_as_the_inspector_does(ruled, data):
    inspector = Inspector.load(ruled.path)
    seen = list(examine(inspector, data))
    viewed = [viewed_image(one, inspector, data) for one in seen]
    assert [one.view for one in viewed] == [view_of(one.verdict) for one in seen]
    made = [decided(part, inspector.rules) for part in judged_parts(viewed, None)]
    assert made == [one.verdict.label for one in seen]


def test_in_tiles_the_rest_is_that_of_all_tiles(ruled):
    rules = Inspector.load(ruled.path).regions
    inspector = Inspector(
        Gates(), threshold=0.5, region_threshold=0.3, tiling=Tiling(SIZE, 0.0), regions=rules
    )
    wide = np.concatenate([image((50, 50, 10, 60)), image((30, 40, 8, 60)), image()], axis=1)
    accepted = inspector.inspect(wide)
    assert accepted.label is Label.OK and len(accepted.regions) == 2 and accepted.region_rules.rest < 0.05
    wide[60:75, SIZE + 50 : SIZE + 65] = 60  # in the tile that is not the worst
    assert inspector.inspect(wide).label is Label.NG
    inspector.threshold = 0.1
    wide[60:75, SIZE + 50 : SIZE + 65] = 122  # below the region threshold
    faint = inspector.inspect(wide)
    assert len(faint.regions) == 2 and faint.region_rules.rest > 0.1 and faint.label is Label.NG


def test_the_decision_is_the_same_everywhere_and_each_summary_counts_what_was_accepted(
    ruled, data, run, tmp_path
):
    folder = tmp_path / "data"
    inspector = Inspector.load(ruled.path)
    expected = {part.image.name: inspector.inspect(part.image) for part in data.parts}
    labels = {name: str(verdict.label) for name, verdict in expected.items()}
    assert {*labels.values()} == {"ok", "ng"}
    told = run("inspect", ruled.path, *(part.image for part in data.parts), "--out", tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out" / "verdicts.jsonl").read_text().splitlines()]
    assert {Path(row["image"]).name: row["verdict"] for row in rows} == labels
    regions = [region for verdict in expected.values() for region in verdict.regions]
    count = sum(region.action is RegionAction.ACCEPT for region in regions)
    only_so = sum(verdict.accepted_by_rules for verdict in expected.values())
    assert count and only_so
    sentence = f"were accepted by rules (small {count}); {only_so} images are OK only because of it"
    assert sentence in " ".join(told.stdout.split())
    for row in rows:
        verdict = expected[Path(row["image"]).name]
        assert row["fired"] == [str(rule) for rule in verdict.fired]
        assert row["rest"] == verdict.region_rules.rest
        assert [r.get("rule") for r in row["regions"]] == [r.rule for r in verdict.regions]
        assert all(r["measures"]["length_mm"] > 0 and r["type"] for r in row["regions"])
    as_lines = run("inspect", ruled.path, folder / "part1.png", folder / "part9.png", "--jsonl")
    assert "accepted by rules" in as_lines.stderr and "accepted by rules" not in as_lines.stdout
    judged = run(
        "evaluate",
        ruled.path,
        "--data",
        folder / "parts.csv",
        "--out",
        tmp_path / "ev",
        "--check",
        "--seen",
        "allow",
    )
    ng = sum(expected[p.image.name].accepted_by_rules and p.label is Label.NG for p in data.parts)
    assert f"{sentence}, {ng} of them labeled NG." in " ".join(judged.stdout.split())
    with (tmp_path / "ev" / "predictions.csv").open() as file:
        decided = {row["image"]: row["decision"] for row in csv.DictReader(file)}
    assert decided == labels
    (summary,) = json.loads((tmp_path / "ev" / "metrics.json").read_text()).values()
    assert summary["accepted"]["regions"] == count and summary["accepted"]["decided_ng"] == ng
    assert summary["decisions"]["escapes"] == sum(
        labels[p.image.name] == "ok" and p.label is Label.NG for p in data.parts
    )


def test_a_bundle_without_rules_says_what_it_said(bundle, run, tmp_path):
    plain = write_bundle(
        tmp_path / "plain.gain",
        bundle.description,
        {name: content for name, content in bundle.contents.items() if name != TYPES},
    )
    cv2.imwrite(str(tmp_path / "a.png"), image((50, 50, 10, 60)))
    (row,) = run("inspect", plain.path, tmp_path / "a.png", "--jsonl").stdout.splitlines()
    record = json.loads(row)
    assert record["verdict"] == "ng" and not {"fired", "rest"} & record.keys()
    assert record["regions"][0].keys() == {
        "polygon", "box", "area", "peak", "peak_at", "share", "in_worst_tile"
    }  # fmt: skip
    (row,) = run("inspect", bundle.path, tmp_path / "a.png", "--jsonl").stdout.splitlines()
    assert json.loads(row)["regions"][0]["type"] == "scratch"


@pytest.mark.parametrize(
    ("spots", "language", "told"),
    [
        ([(50, 50, 10, 60)], "en", "OK: P(NG) is 0.96; the threshold for NG is 0.50. Type of "
         "defect: scratch. Rules on regions accept regions of it (small 1). Without these regions P(NG) is "
         "0.018."),
        ([(40, 40, 30, 115)], "en", "Rules on regions say NG (long 1)."),
        ([(4, 4, 15, 115)], "en", "A person should decide. Type of defect: pit. Rules on regions "
         "send it to a person (corner 1). A rule on regions sends it to a person."),
        ([(50, 50, 10, 60)], "ko", "불량 유형: scratch. 영역 규칙에 따라 허용한 영역이 있습니다(small 1)."),
    ],
)  # fmt: skip
def test_the_explanation_says_what_rules_did(ruled, spots, language, told):
    verdict = Inspector.load(ruled.path).inspect(image(*spots))
    assert told in explanation(verdict, Wording(language))


def test_the_report_has_the_confusion_matrix_and_what_was_accepted(ruled, data, tmp_path):
    for language, words in (
        ("en", ("Types told apart", "images are OK only because of it", "Type in the data")),
        ("ko", ("불량 유형 구분", "영역 규칙으로 이미지", "실제 불량 유형")),
    ):
        out = tmp_path / f"{language}.html"
        write_inspection_report(ruled.path, data=tmp_path / "data" / "parts.csv", out=out, language=language)
        page = out.read_text(encoding="utf-8")
        assert all(word in page for word in words)
        assert '<td>pit</td><td class="n">5</td><td class="n">1</td><td class="n">0</td>' in page
        assert "83.3" in page  # 5 of 6


def test_the_command_line_takes_rules_and_scales(bundle, rule_file, run, tmp_path):
    made = run("calibrate", bundle.path, "--rules", rule_file, "--out", tmp_path / "a.gain")
    assert made.returncode == 0
    said = " ".join(made.stdout.split())
    assert (
        "3 rules on regions, at 0.1 mm per pixel" in said
        and "* corner: review if in a zone of 4 corners" in said
    )
    shown = " ".join(run("bundle", "show", tmp_path / "a.gain").stdout.split())
    assert "* long: ng if length over 1.75 mm" in shown and "pit 0.83, scratch 0.75" in shown
    rule_file.write_text(RULES.replace("mm_per_px: 0.1", ""))
    board = np.full((300, 420, 3), 240, np.uint8)
    for row in range(5):
        for column in range(7):
            if (row + column) % 2 == 0:
                board[50 + 40 * row : 90 + 40 * row, 70 + 40 * column : 110 + 40 * column] = 20
    cv2.imwrite(str(tmp_path / "board.png"), board)
    scale = ("--scale-from", tmp_path / "board.png", "--grid", "6x4", "--square-mm", "4")
    made = run("calibrate", bundle.path, "--rules", rule_file, *scale, "--out", tmp_path / "b.gain")
    assert made.returncode == 0, made.stderr
    found = read_bundle(tmp_path / "b.gain").description.policy.region_rules.mm_per_px
    assert found == pytest.approx(0.1, rel=0.003)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mm-per-px", "0.1"), "--mm-per-px belongs to --rules"),
        (("--rules", "RULES", "--mm-per-px", "0"), "the scale is 0 mm per pixel"),
        (("--rules", "RULES", "--mm-per-px", "nan"), "the scale is nan mm per pixel"),
        (("--rules", "RULES", "--mm-per-px", "0.2"), "the file says 0.1 mm per pixel, but 0.2 is given"),
        (("--rules", "RULES", "--grid", "9x6"), "--grid lacks --scale-from and --square-mm"),
        (("--rules", "RULES", "--mm-per-px", "0.1", "--grid", "9x6"), "are two scales"),
        (("--rules", "RULES", "--no-rules"), "--rules and --no-rules contradict"),
        (("--rules", "none.yaml"), "cannot read the rules"),
    ],
)
def test_bad_options_are_a_sentence(bundle, rule_file, run, options, message):
    given = [rule_file if option == "RULES" else option for option in options]
    result = run("calibrate", bundle.path, *given)
    assert result.returncode == 2 and message in " ".join(result.stderr.split())
