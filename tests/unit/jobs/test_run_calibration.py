"""A new policy for a bundle: another file, the same network, and what it was chosen on counts as seen."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gainspect.config import RunConfig, save_config
from gainspect.data.manifest import save_manifest
from gainspect.data.seen import SEEN, SeenImages
from gainspect.errors import GainspectError
from gainspect.evaluation.chosen_on import chosen_on_of
from gainspect.evaluation.goals import POINT, ByHand, LeastCost, Recall, point_of
from gainspect.evaluation.judged_parts import outcome_of
from gainspect.evaluation.validation_verdicts import save_validation_verdicts, validation_verdicts
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.bundle import PARITY, Bundle, read_bundle, seen_of, write_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.jobs import run_calibration
from gainspect.jobs.run_calibration import calibrate, write_calibrated
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.metrics.decisions import Outcome
from gainspect.policy import InputPolicy, UsualRange
from gainspect.release.model_card import CARD
from gainspect.report.terminal.policy_sentences import decision_sentences, policy_sentences
from report_parts import SIZE, Spots, parts
from report_parts import bundle as described

NETWORK = b"\x08\x07a graph"


@pytest.fixture
def manifest(tmp_path):
    found = parts(tmp_path / "data")
    save_manifest(found, tmp_path / "data" / "parts.csv")
    return found


@pytest.fixture
def bundle(tmp_path, manifest) -> Bundle:
    description = described().description
    training = {
        **description.training,
        "validation": {"recall": 0.5},
        "environment": {"weights": "none"},
    }
    description = description.model_copy(
        update={"formats": {"onnx": ("model.onnx",)}, "training": training, "schema_version": 2}
    )
    contents = {
        "model.onnx": NETWORK,
        PARITY: json.dumps({"formats": []}).encode(),
        CARD: b"the old card",
        SEEN: SeenImages({"f" * 64: "train"}, {}).to_json(),
    }
    return write_bundle(tmp_path / "spots.gain", description, contents)


@pytest.fixture
def judged(monkeypatch):
    monkeypatch.setattr(run_calibration, "open_backend", lambda *given: Spots())


def test_on_judged_data_the_network_stays_and_they_count_as_seen(bundle, manifest, judged, tmp_path):
    before = bundle.path.read_bytes()
    chosen = calibrate(bundle.path, LeastCost(prevalence=0.05), data=tmp_path / "data" / "parts.csv")
    written = write_calibrated(chosen, tmp_path / "new.gain")
    assert bundle.path.read_bytes() == before
    read = read_bundle(written.path)
    assert read.description.network_sha256 == bundle.description.network_sha256
    assert read.contents["model.onnx"] == NETWORK
    old, new = bundle.description.policy, read.description.policy
    assert new == chosen.policy and new.policy_id != old.policy_id
    assert (new.split, new.ng, new.ok) == ("calibration", 12, 12)
    assert (new.region_threshold, new.map_thresholds) == (old.region_threshold, old.map_thresholds)
    assert point_of(read) == chosen.point and "calibration" in read.contents[CARD].decode()
    assert set(seen_of(read).among(manifest).values()) == {"val"}
    assert seen_of(read).files["f" * 64] == "train"


def test_the_point_is_what_the_inspector_decides(bundle, manifest, judged, tmp_path):
    chosen = calibrate(bundle.path, None, data=tmp_path / "data" / "parts.csv")
    policy = chosen.policy
    inspector = Inspector(
        Spots(),
        threshold=policy.threshold,
        review_from=policy.review_from,
        region_threshold=policy.region_threshold,
        reason=policy.reason,
    )
    verdicts = inspector.judge(map(manifest.image, manifest.parts))
    labels = [(part.label.value, v.label.value) for part, v in zip(manifest.parts, verdicts, strict=True)]
    counted = chosen.point.counted
    assert [labels.count(("ng", made)) for made in ("ng", "review", "ok")] == list(counted[:3])
    assert [labels.count(("ok", made)) for made in ("ng", "review", "ok")] == list(counted[3:])


def test_evaluate_with_check_counts_the_same_decisions(bundle, judged, monkeypatch, tmp_path):
    monkeypatch.setattr(inspector_module, "open_backend", lambda *given: Spots())
    data = tmp_path / "data" / "parts.csv"
    chosen = calibrate(bundle.path, LeastCost(prevalence=0.05), data=data)
    new = write_calibrated(chosen, tmp_path / "new.gain")
    given = {"data": data, "split": "all", "out": tmp_path / "out"}
    (summary,) = run_evaluation(new.path, **given, check=True).values()
    told = summary["decisions"]
    assert {name: told[name] for name in Outcome._fields} == chosen.point.counted._asdict()
    for name in ("cost", "cost_at_1_percent", "prevalence", "groups", "escaped_groups", "escape_bound"):
        assert told[name] == getattr(chosen.point, name)
    assert decision_sentences(told)[2] in policy_sentences(chosen.point)
    made = (tmp_path / "out" / "decisions.csv").read_text().splitlines()[1:]
    assert len(made) == chosen.point.counted.ng + chosen.point.counted.ok
    counts = Counter(tuple(row.split(",")[column] for column in (1, 4)) for row in made)
    assert counts["ng", "ng"] == chosen.point.counted.caught
    assert counts["ok", "review"] == chosen.point.counted.review_ok
    stored = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert stored["all labels"]["decisions"] == told
    assert ",decision," in (tmp_path / "out" / "predictions.csv").read_text().splitlines()[0]
    assert "decisions" not in next(iter(run_evaluation(new.path, **given).values()))


def test_a_bundle_of_before_the_list_of_seen_images_gets_none(bundle, judged, tmp_path):
    contents = {name: content for name, content in bundle.contents.items() if name != SEEN}
    older = write_bundle(tmp_path / "older.gain", bundle.description, contents)
    assert point_of(older) is None
    chosen = calibrate(older.path, None, data=tmp_path / "data" / "parts.csv")
    assert SEEN not in write_calibrated(chosen, tmp_path / "new.gain").contents


@pytest.fixture
def run(tmp_path, manifest, bundle):
    folder = tmp_path / "run"
    folder.mkdir()
    save_config(RunConfig().with_data(size=64, tile=None), folder / "config.yaml")
    result = {"epoch": 3, "validation": bundle.description.training["validation"]}
    (folder / "training.json").write_text(json.dumps(result))
    environment = {"data": {"root": str(tmp_path / "data"), "fingerprint": "abc"}}
    (folder / "environment.json").write_text(json.dumps(environment))
    save_validation_verdicts(validation_verdicts(Spots(), manifest), folder / "validation.json")
    return folder


def test_on_the_verdicts_of_its_run_nothing_is_judged(bundle, run, monkeypatch, tmp_path):
    monkeypatch.setattr(run_calibration, "open_backend", None)
    chosen = calibrate(bundle.path, Recall(recall=0.9), run=run)
    assert (chosen.seen, chosen.policy.split) == (None, "val")
    written = write_calibrated(chosen, tmp_path / "new.gain")
    assert written.contents[SEEN] == bundle.contents[SEEN]
    assert json.loads(written.contents[POINT])["goal"] == {"kind": "recall", "recall": 0.9}


def test_a_band_by_hand_is_decided_and_stored(bundle, run, tmp_path):
    chosen = calibrate(bundle.path, ByHand(threshold=0.6, review_from=0.4), run=run)
    assert (chosen.policy.threshold, chosen.policy.review_from) == (0.6, 0.4)
    written = read_bundle(write_calibrated(chosen, tmp_path / "new.gain").path)
    assert chosen_on_of(written) == chosen.parts
    assert outcome_of(chosen.parts.parts, chosen.policy) == point_of(written).counted
    without = calibrate(bundle.path, ByHand(threshold=0.6, review_from=0.6), run=run)
    assert without.policy.review_from is None


def test_the_run_must_be_that_of_the_bundle(bundle, run):
    (run / "training.json").write_text(json.dumps({"epoch": 3, "validation": {"recall": 0.6}}))
    with pytest.raises(GainspectError, match="not exported from this run"):
        calibrate(bundle.path, None, run=run)


def test_a_run_without_stored_verdicts_is_refused(bundle, run):
    (run / "validation.json").unlink()
    with pytest.raises(GainspectError, match="no stored verdicts"):
        calibrate(bundle.path, None, run=run)


@pytest.mark.parametrize("both", [True, False])
def test_a_policy_is_chosen_on_one_thing(bundle, run, both, tmp_path):
    given = {"run": run, "data": tmp_path / "data"} if both else {}
    with pytest.raises(GainspectError, match="Give either --run RUN or --data DIR"):
        calibrate(bundle.path, None, **given)


def test_nothing_is_written_over(bundle, run):
    chosen = calibrate(bundle.path, None, run=run)
    before = bundle.path.read_bytes()
    with pytest.raises(GainspectError, match="already such a file"):
        write_calibrated(chosen, bundle.path)
    assert bundle.path.read_bytes() == before


def test_scores_that_are_no_numbers_are_refused(bundle, judged, monkeypatch, tmp_path):
    class Broken(Spots):
        def __call__(self, images):
            found = super().__call__(images)
            return found | {"score": np.full_like(found["score"], np.nan)}

    monkeypatch.setattr(run_calibration, "open_backend", lambda *given: Broken())
    with pytest.raises(GainspectError, match="not finite"):
        calibrate(bundle.path, None, data=tmp_path / "data" / "parts.csv")


def test_data_without_ng_parts_are_refused(bundle, manifest, judged, tmp_path):
    good = replace(manifest, parts=tuple(part for part in manifest.parts if part.label == "ok"))
    save_manifest(good, tmp_path / "data" / "good.csv")
    with pytest.raises(GainspectError, match="the part calibration has no NG images"):
        calibrate(bundle.path, None, data=tmp_path / "data" / "good.csv")


def test_images_that_it_was_trained_on_are_refused(bundle, manifest, judged, tmp_path):
    trained = replace(manifest, parts=tuple(replace(part, split="train") for part in manifest.parts[:3]))
    contents = {**bundle.contents, SEEN: SeenImages.of(trained).to_json()}
    other = write_bundle(tmp_path / "other.gain", bundle.description, contents)
    with pytest.raises(GainspectError, match=r"trained on 3 of 24 images, part0\.png among them"):
        calibrate(other.path, None, data=tmp_path / "data" / "parts.csv")


def test_a_point_that_is_none_is_a_sentence(bundle, tmp_path):
    contents = {**bundle.contents, POINT: b'{"goal": 3}'}
    with pytest.raises(GainspectError, match=r"cannot read operating_point\.json \(goal"):
        point_of(write_bundle(tmp_path / "odd.gain", bundle.description, contents))


def test_ranges_of_inputs_are_fitted_anew_or_where_images_are_few_kept(
    bundle, manifest, run, judged, monkeypatch, tmp_path
):
    given = InputPolicy(ranges={"width": UsualRange(low=1, high=9)}, share=0.005, split="val", images=20)
    description = bundle.description.model_copy(
        update={"policy": bundle.description.policy.model_copy(update={"inputs": given})}
    )
    checked = write_bundle(tmp_path / "checked.gain", description, bundle.contents)
    for chosen in (
        calibrate(checked.path, None, data=tmp_path / "data" / "parts.csv"),
        calibrate(checked.path, None, run=run),
    ):
        inputs = chosen.policy.inputs
        assert inputs is not None and (inputs.split, inputs.images) == (chosen.policy.split, 12)
        assert "distance" not in inputs.ranges and inputs.ranges["width"].holds(SIZE)
    ok = [part for part in manifest.parts if part.label == "ok"][:3]
    few = replace(manifest, parts=(*ok, *(part for part in manifest.parts if part.label == "ng")))
    save_manifest(few, tmp_path / "data" / "few.csv")
    assert calibrate(checked.path, None, data=tmp_path / "data" / "few.csv").policy.inputs == given
