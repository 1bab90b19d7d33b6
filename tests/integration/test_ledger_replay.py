"""A decision is judged again from its pictures and its bundle: it comes out so, or the change is seen."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from command_line import Run
from gainspect.data.synthetic import probe_frames
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import PARITY, Bundle, read_bundle, write_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.parity import MAX_SCORE_DIFFERENCE, score_limit
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.jobs.replay_decision import replay_decision
from gainspect.jobs.run_inspection import run_inspection
from gainspect.ledger import open_ledger, replaying
from gainspect.ledger.inspected import made_with_now
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.upkeep import RetentionRule
from gainspect.ledger.replays import compare
from gainspect.ledger.retention import remove_by_rule
from gainspect.policy import ReasonPolicy
from gainspect.types import Image, Label
from ledger_records import Intruder

pytest.importorskip("torch")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZE = 64
PARTS = "([^/]+)_[0-9][.]png"


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        from untrained import untrained_bundle

    path = tmp_path_factory.mktemp("bundle") / "u.gain"
    return untrained_bundle(path, backbone="test_efficientnet", size=SIZE, familiar=True)


@pytest.fixture(scope="module")
def ranked(untrained: Bundle) -> list[tuple[float, Image]]:
    """Frames with what a network with random weights says of each, from the highest score to the lowest."""
    frames = list(probe_frames(SIZE))
    scores = [verdict.score for verdict in Inspector.load(untrained, check=False).judge(frames)]
    return sorted(zip(scores, frames, strict=True), key=lambda row: -row[0])


@pytest.fixture(scope="module")
def bundle(untrained: Bundle, ranked: list[tuple[float, Image]]) -> Path:
    """The two images that score highest are NG, and reasons are checked."""
    reason = ReasonPolicy(
        min_drop=0.2, max_control_drop=0.3, min_agreement=0.5, split="val", verdicts=9, marked=9
    )
    threshold = (ranked[1][0] + ranked[-3][0]) / 2
    assert ranked[1][0] > threshold
    policy = untrained.description.policy.model_copy(update={"threshold": threshold, "reason": reason})
    path = untrained.path.with_name("spots.gain")
    write_bundle(path, untrained.description.model_copy(update={"policy": policy}), untrained.contents)
    return path


@pytest.fixture(scope="module")
def lot(ranked: list[tuple[float, Image]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three parts of two images or one, of which the first is NG, and one that is none."""
    folder = tmp_path_factory.mktemp("lot")
    for name, place in {"a_1": 0, "a_2": 1, "b_1": -1, "b_2": -2, "c_1": -3}.items():
        cv2.imwrite(str(folder / f"{name}.png"), ranked[place][1][..., ::-1])
    (folder / "d_1.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def ledger(ledger_url: str, bundle: Path, lot: Path, tmp_path: Path) -> LedgerPlace:
    place = LedgerPlace(ledger_url, str(tmp_path / "pictures"))
    run_inspection(bundle, [str(lot)], ledger=place, parts=PARTS)
    run_inspection(bundle, [str(lot / "a_1.png")], ledger=place, check=False)
    return place


def decisions(place: LedgerPlace) -> list[Decision]:
    with open_ledger(place.url, pictures=place.pictures, create=False) as opened:
        return [entry.record for entry in opened.records() if isinstance(entry.record, Decision)]


def replay(place: LedgerPlace, which: str, bundle: Path, **settings: Any) -> Any:
    return replay_decision(place.url, which, bundle, pictures=place.pictures, **settings)


def test_every_decision_comes_out_as_it_was_recorded(ledger: LedgerPlace, bundle: Path) -> None:
    found = decisions(ledger)
    assert [len(decision.images) for decision in found] == [2, 2, 1, 1, 1]
    assert {decision.label for decision in found} > {Label.OK}
    assert any(image.details.get("regions") for decision in found for image in decision.images)
    assert any(image.details.get("check") for decision in found for image in decision.images)
    assert found[0].made_with.policy_id is not None and found[-1].made_with.policy_id is None
    for index, decision in enumerate(found):
        for which in (str(index), decision.key):
            done = replay(ledger, which, bundle, threads=1)
            assert done.equal and done.now.images == decision.images
            assert (done.now.label, done.now.fired, done.now.score) == (
                decision.label,
                decision.fired,
                decision.score,
            )


@pytest.mark.parametrize("field", ["label", "score", "regions"])
def test_a_record_that_was_changed_comes_out_otherwise(
    run: Run, ledger: LedgerPlace, bundle: Path, field: str
) -> None:
    decision = decisions(ledger)[0]
    other = Label.NG if decision.label is Label.OK else Label.OK
    old, new, what = {
        "label": (f'"label":"{decision.label}"', f'"label":"{other}"', f"decision is {other} in the record"),
        "score": (f'"score":{json.dumps(decision.score)}', '"score":0.25', "P(NG) is 0.25 in the record"),
        "regions": ('"regions":[{', '"regions":[],"x":[{', "regions of image 1 is [] in the record"),
    }[field]
    Intruder(ledger.url).rewrite(0, old.encode(), new.encode())
    command = ("ledger", "replay", ledger.url, "0", "--bundle", bundle, "--pictures", str(ledger.pictures))
    done = run(*command)
    assert done.returncode == 1 and f"Wrong: {what}" in done.stdout
    assert run(*command[:3], "1", *command[4:]).returncode == 0


def test_another_picture_bundle_or_policy_is_refused(
    ledger: LedgerPlace, bundle: Path, tmp_path: Path
) -> None:
    made = read_bundle(bundle)
    other = tmp_path / "other.gain"
    write_bundle(other, made.description.model_copy(update={"name": "another"}), made.contents)
    with pytest.raises(GainspectError, match=f"was decided by the bundle {made.sha256}, and this one is"):
        replay(ledger, "0", other)
    first, second = (image.sha256 for image in decisions(ledger)[0].images)
    assert first is not None and second is not None
    file = Path(str(ledger.pictures)) / second[:2] / second
    file.write_bytes(b"another")
    with pytest.raises(GainspectError, match=f"picture {second} of record 0 was replaced"):
        replay(ledger, "0", bundle)
    file.unlink()
    with pytest.raises(GainspectError, match=f"picture {second} of record 0 is missing"):
        replay(ledger, "0", bundle)
    policy = decisions(ledger)[1].made_with.policy_id
    assert policy is not None
    Intruder(ledger.url).rewrite(1, policy.encode(), b"0" * 64)
    with pytest.raises(GainspectError, match=f"by the policy 0{{64}}, and the bundle has {policy}"):
        replay(ledger, "1", bundle)


def test_pictures_that_a_rule_removed_are_named_with_the_record(ledger: LedgerPlace, bundle: Path) -> None:
    with open_ledger(ledger.url, pictures=ledger.pictures, create=False) as opened:
        size = opened.head().size
        rule = RetentionRule(name="all", older_than_days=0, labels=tuple(Label))
        assert remove_by_rule(opened, rule, station="line 3") == 6
    with pytest.raises(GainspectError, match=rf"was removed by a rule \(record {size}\)"):
        replay(ledger, "0", bundle)
    with pytest.raises(GainspectError, match=f"record {size} is no decision"):
        replay(ledger, str(size), bundle)
    for which, match in (("99", "no record 99"), ("f" * 32, "no record with the key f")):
        with pytest.raises(GainspectError, match=match):
            replay(ledger, which, bundle)


def test_pictures_that_were_never_kept_are_asked_for(bundle: Path, lot: Path, tmp_path: Path) -> None:
    place = LedgerPlace(str(tmp_path / "line.ledger"))
    run_inspection(bundle, [str(lot / "c_1.png")], ledger=place)
    (decision,) = decisions(place)
    Intruder(place.url).run("DELETE FROM ledger_pictures")
    with pytest.raises(GainspectError, match=f"picture {decision.images[0].sha256} of record 0 is not in"):
        replay(place, "0", bundle)


def test_on_another_cpu_the_score_is_held_to_the_limits_of_the_bundle(
    ledger: LedgerPlace, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(inspector: Inspector) -> Any:
        return made_with_now(inspector).model_copy(update={"isa": "aarch64"})

    monkeypatch.setattr(replaying, "made_with_now", elsewhere)
    done = replay(ledger, "0", bundle)
    assert done.limit == MAX_SCORE_DIFFERENCE and done.equal
    recorded = done.entry.record
    for off, wrong in ((0.5, False), (1.5, True)):
        score = recorded.score + off * MAX_SCORE_DIFFERENCE
        image = recorded.images[0].model_copy(
            update={"details": recorded.images[0].details | {"regions": []}}
        )
        changed = recorded.model_copy(update={"score": score, "images": (image, *recorded.images[1:])})
        found = compare(done.entry, changed, done.now, done.limit)
        assert bool(found.wrong) is wrong and found.farthest == pytest.approx(abs(recorded.score - score))
        assert [difference.what for difference in found.other] == ["regions of image 1"]
    flipped = recorded.model_copy(update={"label": Label.OK})
    assert [one.what for one in compare(done.entry, flipped, done.now, done.limit).wrong] == ["decision"]


def test_the_limit_follows_from_the_parity_of_the_bundle(bundle: Path) -> None:
    read = read_bundle(bundle)
    figures = [{"outputs": {"score": {"max": value, "mean": 0}}} for value in (0.001, 0.004)]
    row = {"runtime": "openvino", "precision": "bf16", "probe": figures[0], "validation": figures[1]}
    contents = {**read.contents, PARITY: json.dumps({"formats": [row]}).encode()}
    found = replace(read, contents=contents)
    assert score_limit(found, "openvino", "bf16") == 0.008
    assert score_limit(found, "openvino", "int8") == 0 == score_limit(read, "openvino", "bf16")
    assert score_limit(found, "onnxruntime", "f32") == MAX_SCORE_DIFFERENCE


def test_on_the_command_line(run: Run, ledger: LedgerPlace, bundle: Path) -> None:
    done = run("ledger", "replay", ledger.url, "0", "--bundle", bundle, "--pictures", str(ledger.pictures))
    assert done.returncode == 0 and "Equal to the record" in done.stdout and "2 pictures" in done.stdout
    file = hashlib.sha256(b"no image").hexdigest()
    assert any(image.sha256 == file for decision in decisions(ledger) for image in decision.images)
