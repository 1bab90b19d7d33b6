"""What a bundle cannot be judged on is a sentence, before anything is judged."""

from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import is_bundle, write_bundle
from gainspect.jobs.run_evaluation import run_evaluation
from unit.inspection.test_bundle import CONTENTS, description


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "part.gain", description(), CONTENTS).path


def test_data_must_be_named_and_be_there(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="does not know where its data are"):
        run_evaluation(bundle, out=tmp_path / "out")
    with pytest.raises(GainspectError, match="no such file or folder"):
        run_evaluation(bundle, data=tmp_path / "gone", out=tmp_path / "out")


def test_a_map_threshold_that_is_not_measured_is_refused(bundle: Path, tmp_path: Path) -> None:
    policy = description().policy.model_copy(update={"map_thresholds": {"evidence": 0.123}})
    odd = write_bundle(bundle, description().model_copy(update={"policy": policy}), CONTENTS)
    with pytest.raises(GainspectError, match=r"0\.123, that this gainspect does not measure"):
        run_evaluation(odd.path, data=tmp_path, out=tmp_path / "out")


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


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (("train", "val"), r"no test part \(it has train, val\)\. Choose --split train or val"),
        (("", ""), "its manifest does not define a split.*column `split`"),
    ],
)
def test_a_part_that_is_not_there_is_named_with_those_that_are(
    bundle: Path, tmp_path: Path, splits: tuple[str, str], message: str
) -> None:
    rows = ["image,label,split"]
    for name, label, split in zip("ab", ("ok", "ng"), splits, strict=True):
        (tmp_path / f"{name}.png").touch()
        rows.append(f"{name}.png,{label},{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    with pytest.raises(GainspectError, match=message):
        run_evaluation(bundle, data=tmp_path, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
