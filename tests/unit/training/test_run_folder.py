"""A run folder is read without torch; one of before policies were stored is read too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gainspect.config import RunConfig, save_config
from gainspect.errors import GainspectError
from gainspect.files import write_json
from gainspect.policy import HeatScale, Policy, ReasonPolicy
from gainspect.strategies import STRATEGIES
from gainspect.training.run_folder import RunFolder

OLDER = {
    "epoch": 3,
    "operating_point": {
        "threshold": 0.25,
        "target_recall": 0.98,
        "split": "val",
        "ng": 4,
        "ok": 9,
        "accuracy": 0.8,
        "recall": 1.0,
        "precision": 0.5,
        "f1": 0.6,
        "false_alarm_rate": 0.4,
        "map_thresholds": {"cam": 2.0, "evidence": 0.35},
    },
    "seconds": 12.5,
}
"""training.json as gainspect wrote it at a491b67."""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    save_config(RunConfig().with_data(size=64, tile=None), tmp_path / "config.yaml")
    return RunFolder(tmp_path)


def test_the_policy_is_the_one_that_was_stored(run: RunFolder) -> None:
    policy = Policy(
        threshold=0.125,
        target_recall=0.9,
        split="val",
        ng=3,
        ok=5,
        recall=1.0,
        false_alarm_rate=0.2,
        region_threshold=0.4,
        map_thresholds={"evidence": 0.4},
        heat=HeatScale(cold=0.1, hot=0.9),
        reason=ReasonPolicy(min_drop=0.2, split="val", verdicts=3),
    )
    run.result_file.write_text(json.dumps({"policy": policy.model_dump(mode="json")}))
    assert run.policy() == policy


def test_a_run_of_an_older_version_goes_on_as_it_was(run: RunFolder) -> None:
    older = run.config()
    assert (older.training.repairs, older.model.finest_stride, older.model.tta) == (0.0, 4, 1)
    save_config(RunConfig().resolved(), run.config_file)
    own, now = STRATEGIES["S9"], run.config()
    assert (now.training.repairs, now.model.finest_stride) == (own.repairs, own.finest_stride)
    assert own.repairs > 0.0 and own.finest_stride == 2
    assert now.model.tta == own.tta == 2


def test_frozen_are_as_many_stages_as_the_record_says_or_as_an_older_run_set(run: RunFolder) -> None:
    save_config(RunConfig.model_validate({"training": {"frozen_stages": 3}}), run.config_file)
    assert run.frozen_stages() == 3
    save_config(RunConfig(), run.config_file)
    write_json(run.environment_file, {"frozen_stages": 4})
    assert run.frozen_stages() == 4


def test_of_an_older_run_the_policy_is_its_operating_point(run: RunFolder) -> None:
    run.result_file.write_text(json.dumps(OLDER))
    policy = run.policy()
    assert (policy.threshold, policy.target_recall, policy.split) == (0.25, 0.98, "val")
    assert (policy.ng, policy.ok, policy.recall, policy.false_alarm_rate) == (4, 9, 1.0, 0.4)
    assert (policy.map_thresholds, policy.region_threshold) == ({"cam": 2.0, "evidence": 0.35}, 0.35)
    assert (policy.heat, policy.reason) == (None, None)


def test_a_training_that_has_not_ended_has_no_policy(run: RunFolder) -> None:
    with pytest.raises(GainspectError, match=r"has not ended.*--resume"):
        run.policy()
    with pytest.raises(GainspectError, match="not a run folder"):
        RunFolder(run.path / "elsewhere").policy()


def test_a_run_folder_is_read_without_torch(run: RunFolder) -> None:
    run.result_file.write_text(json.dumps(OLDER))
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['torch', 'lightning', 'safetensors'], None))\n"
        "from pathlib import Path\n"
        "from gainspect.training.run_folder import RunFolder\n"
        "run = RunFolder(Path(sys.argv[1]))\n"
        "print(run.policy().threshold, run.config().strategy)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True)
    assert done.stdout.split() == ["0.25", "S9"], done.stderr
