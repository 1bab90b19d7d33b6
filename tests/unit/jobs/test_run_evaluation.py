"""What a bundle cannot be judged on is a sentence, before anything is judged."""

from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import is_bundle, write_bundle
from gainspect.jobs.run_evaluation import evaluate_bundle
from unit.inspection.test_bundle import CONTENTS, description


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "part.gain", description(), CONTENTS).path


def test_data_must_be_named_and_be_there(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="does not know where its data lies"):
        evaluate_bundle(bundle, data=None, out=tmp_path / "out")
    with pytest.raises(GainspectError, match="no such file or folder"):
        evaluate_bundle(bundle, data=tmp_path / "gone", out=tmp_path / "out")


def test_a_map_threshold_that_is_not_measured_is_refused(bundle: Path, tmp_path: Path) -> None:
    policy = description().policy.model_copy(update={"map_thresholds": {"evidence": 0.123}})
    odd = write_bundle(bundle, description().model_copy(update={"policy": policy}), CONTENTS)
    with pytest.raises(GainspectError, match=r"0\.123, that this gainspect does not measure"):
        evaluate_bundle(odd.path, data=tmp_path, out=tmp_path / "out")


def test_a_run_folder_is_no_bundle_and_an_unpacked_one_is(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    assert not is_bundle(tmp_path / "run")
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "bundle.json").touch()
    assert is_bundle(tmp_path / "unpacked") and is_bundle(bundle)
    assert is_bundle(
        tmp_path / "gone.gain"
    )  # so that it is called a missing bundle, not a run without settings
