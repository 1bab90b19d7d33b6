"""Configuration: what goes in comes back; what is wrong is named."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gainspect.config import (
    EFFORTS,
    FEWEST_EPOCHS,
    MONITORS,
    Effort,
    ExperimentalConfig,
    RunConfig,
    TrainingConfig,
    load_config,
    save_config,
)
from gainspect.errors import GainspectError
from gainspect.strategies import STRATEGIES, stages_at


def _written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# --- what goes in comes back -------------------------------------------------------------------------


@given(
    strategy=st.sampled_from(sorted(STRATEGIES)),
    size=st.integers(2, 128).map(lambda k: 32 * k),
    lr=st.floats(1e-12, 10),
    alpha=st.one_of(st.just("auto"), st.floats(0.001, 0.999)),
    starts=st.tuples(st.just(0.0), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    patience=st.one_of(st.none(), st.integers(1, 99)),
    weights=st.sampled_from(["auto", "none", "none.safetensors", "no", "~", "1e3", "ä ß: #"]),
)
def test_a_saved_configuration_is_the_same_one(
    tmp_path_factory: pytest.TempPathFactory,
    strategy: str,
    size: int,
    lr: float,
    alpha: Any,
    starts: Any,
    patience: int | None,
    weights: str,
) -> None:
    config = RunConfig.model_validate(
        {
            "strategy": strategy,
            "data": {"size": size},
            "model": {"weights": weights},
            "training": {
                "lr": lr,
                "focal_alpha": alpha,
                "stage_starts": starts,
                "patience": patience,
                "monitor": "ap",
            },
        }
    )
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    save_config(config, path)
    assert load_config(path) == config


def test_the_saved_file_names_every_setting(tmp_path: Path) -> None:
    save_config(RunConfig(), tmp_path / "config.yaml")
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert list(saved) == ["strategy", "data", "model", "training", "experimental"]
    assert set(saved["training"]) == set(TrainingConfig.model_fields)


def test_nothing_given_is_the_defaults(tmp_path: Path) -> None:
    assert load_config() == RunConfig()
    assert load_config(_written(tmp_path, "")) == RunConfig()
    assert load_config(_written(tmp_path, "# nothing yet\n")) == RunConfig()


def test_a_file_goes_over_the_defaults_and_overrides_over_the_file(tmp_path: Path) -> None:
    path = _written(tmp_path, "strategy: S3\ntraining:\n  lr: 5e-4\n  epochs: 7\n")
    config = load_config(path, {"training.epochs": 9, "data.size": 256, "strategy": "s4"})
    expected = {"strategy": "S4", "data": {"size": 256}, "training": {"lr": 0.0005, "epochs": 9}}
    assert config == RunConfig.model_validate(expected)


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().training.lr = 1.0


# --- the figure by which a checkpoint is chosen -------------------------------------------------------


@pytest.mark.parametrize(("figure", "direction"), [("auroc", "max"), ("loss/total", "min")])
def test_the_monitored_figure_has_its_direction(figure: str, direction: str) -> None:
    assert MONITORS[load_config(overrides={"training.monitor": figure}).training.monitor] == direction


def test_every_loss_of_every_strategy_can_be_monitored() -> None:
    for name, row in STRATEGIES.items():
        for loss in ("total", *row.weights):
            overrides = {"strategy": name, "training.monitor": f"loss/{loss}"}
            assert MONITORS[load_config(overrides=overrides).training.monitor] == "min"


# --- what is wrong is named --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("training: {learning_rate: 0.1}", "training.learning_rate", "Extra inputs are not permitted"),
        ("optimizer: adam", "optimizer", "Extra inputs are not permitted"),
        ("training: {lr: .nan}", "training.lr", "finite number"),
        ("training: {lr: .inf}", "training.lr", "finite number"),
        ("training: {weight_decay: .inf}", "training.weight_decay", "finite number"),
        ("training: {focal_gamma: .nan}", "training.focal_gamma", "finite number"),
        ("training: {stage_starts: [0, .nan, 0.5, 0.7]}", "training.stage_starts", "finite number"),
        ("training: {lr: fast}", "training.lr", "valid number"),
        ("training: {lr: 0}", "training.lr", "greater than 0"),
        ("training: {epochs: 2.5}", "training.epochs", "valid integer"),
        ("training: {epochs: 0}", "training.epochs", "greater than or equal to 1"),
        ("training: {batch_size: -4}", "training.batch_size", "greater than or equal to 1"),
        ("training: {ema: 1}", "training.ema", "less than 1"),
        ("training: {precision: fp8}", "training.precision", "'auto', '32' or 'bf16'"),
        ("training: {focal_gamma: 0.5}", "training.focal_gamma", "infinite"),
        ("training: {stage_starts: [0, 0.5]}", "training.stage_starts", "Field required"),
        ("training: {stage_starts: [0.1, 0.25, 0.5, 0.75]}", "training.stage_starts", "must begin at 0"),
        ("training: {frozen_stages: 99}", "training.frozen_stages", "less than or equal to 8"),
        ("training: 3", "training", "valid dictionary"),
        ("training:", "training", "valid dictionary"),
        ("data: {size: 100}", "data.size", "multiple of 32"),
        ("data: {size: 32}", "data.size", "greater than or equal to 64"),
        ("data: {val_fraction: 1.0}", "data.val_fraction", "less than 1"),
        ("model: {output_stride: 8}", "model.output_stride", "16 or 32"),
        ("model: {backbone: 18}", "model.backbone", "valid string"),
        ("strategy: S10", "strategy", "Choose one of S1, S2, S3, S4, S5, S6, S7, S8, S9"),
        ("strategy: 6", "strategy", "valid string"),
        ("{data: {size: 64}, training: {start_size: 0.5}}", "start_size", "less than 64 px"),
        ("training: {monitor: beauty}", "training.monitor", "choose one of right_reason_at_recall"),
        ("training: {monitor: epoch}", "training.monitor", "there is no figure 'epoch'"),
        ("{strategy: S1, training: {monitor: loss/mining}}", "S1 has no loss/mining", "loss/total"),
        ("{strategy: S3, training: {monitor: localization_iou}}", "training.monitor", "S3 has no localiz"),
    ],
)
def test_each_fault_is_named_with_its_key_and_file(tmp_path: Path, text: str, key: str, reason: str) -> None:
    path = _written(tmp_path, text)
    with pytest.raises(GainspectError) as caught:
        load_config(path)
    assert key in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.where == str(path)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match=r"data\.size.*training\.lr"):
        load_config(_written(tmp_path, "data: {size: 100}\ntraining: {lr: -1}\n"))


@pytest.mark.parametrize("text", ["- S6\n- S1\n", "just words", "6", "[]", "false", "0"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(GainspectError, match=r"config\.yaml: the configuration is not a mapping"):
        load_config(_written(tmp_path, text))


@pytest.mark.parametrize(
    "content", [b"a: [1, 2", b"a: b: c", b"\tx: 1", b"caf\xe9: 1", b"a: !!python/none x"]
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(GainspectError, match=r"config\.yaml: cannot read the configuration"):
        load_config(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match=r"nowhere\.yaml: cannot read the configuration"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(GainspectError, match="cannot read the configuration"):
        load_config(tmp_path)


@pytest.mark.parametrize("text", ["training: 3", "training:", "training: [1]"])
def test_an_override_into_what_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(GainspectError, match=r"cannot set training\.lr: training is"):
        load_config(_written(tmp_path, text), {"training.lr": 0.1})


@pytest.mark.parametrize("name", ["training.lrr", "trainig.lr", "training.lr.peak"])
def test_an_override_of_an_unknown_key_is_named(name: str) -> None:
    with pytest.raises(GainspectError, match=name.removesuffix(".peak").removesuffix(".lr")):
        load_config(None, {name: 0.1})


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_strategies_are_known_in_either_case(name: str) -> None:
    assert load_config(None, {"strategy": name.lower()}).strategy == name


def test_a_size_is_a_number_or_left_to_the_defects(tmp_path: Path) -> None:
    assert RunConfig().data.size == "auto"
    with pytest.raises(GainspectError, match="the image size is not chosen yet"):
        _ = RunConfig().data.input_size
    chosen = RunConfig.model_validate({"training": {"lr": 1e-3}}).with_data(size=256, tile=None)
    assert (chosen.data.size, chosen.data.input_size, chosen.training.lr) == (256, 256, 1e-3)
    with pytest.raises(ValidationError, match="less than 64 px"):
        RunConfig.model_validate({"training": {"start_size": 0.2}}).with_data(size=256, tile=None)


OLDER = """strategy: S9
data: {size: 256, mask_share: 0.5, boxes: true}
model: {evidence_power: 1.0, attention_stride: 4, fpn_channels: 16}
training: {attention_loss: energy, weighting: uncertainty, epochs: 3}
"""
"""As gainspect wrote it before some settings became experimental (a491b67)."""


def test_settings_are_read_where_they_stood_before_they_became_experimental(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(OLDER)
    config = load_config(tmp_path / "c.yaml", {"training.weighting": "fixed", "experimental.boxes": False})
    assert config.experimental.model_dump() == ExperimentalConfig().model_dump() | {
        "mask_share": 0.5,
        "boxes": False,
        "evidence_power": 1.0,
        "attention_stride": 4,
        "attention_loss": "energy",
        "weighting": "fixed",
    }
    assert (config.data.size, config.model.fpn_channels, config.training.epochs) == (256, 16, 3)
    save_config(config, tmp_path / "again.yaml")
    assert load_config(tmp_path / "again.yaml") == config
    assert "boxes" not in yaml.safe_load((tmp_path / "again.yaml").read_text())["data"]


def test_what_was_tried_and_is_gone_is_read_where_a_run_did_without() -> None:
    without = {"repairs": 0.25, "memory": 0, "evidence_context": False}
    config = RunConfig.model_validate({"experimental": without | {"boxes": True}})
    assert config.experimental.boxes and config.training.repairs == 0.25
    with pytest.raises(GainspectError, match=r"experimental\.memory"):
        load_config(overrides={"experimental.memory": 1024})


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_left_to_the_strategy_is_written_out(name: str) -> None:
    own = STRATEGIES[name]
    resolved = RunConfig.model_validate({"strategy": name}).resolved()
    assert (resolved.model.pyramid, resolved.training.transplants) == (own.pyramid, own.transplants)
    assert (resolved.model.finest_stride, resolved.model.tta) == (own.finest_stride, own.tta)
    assert resolved.training.repairs == own.repairs
    assert resolved.training.stage_starts is not None
    assert stages_at(resolved.training.stage_starts) == own.stages
    assert resolved.resolved() == resolved


def test_what_older_runs_and_bundles_do_not_say_was_as_it_was_then() -> None:
    older = RunConfig.model_validate({"strategy": "S9", "model": {"pyramid": "unet"}}).with_older_defaults()
    assert (older.training.repairs, older.model.finest_stride, older.model.tta) == (0.0, 4, 1)
    assert older.training.repair_fill == "diffused"
    saved = RunConfig.model_validate({"strategy": "S9"}).resolved()
    assert saved.with_older_defaults() == saved
    assert (saved.model.finest_stride, saved.model.tta) == (2, 2)
    assert saved.training.repair_fill == "matched"


def test_what_a_run_says_itself_stays_when_the_rest_is_written_out() -> None:
    settings = {
        "strategy": "S9",
        "model": {"pyramid": "fpn", "finest_stride": 4, "tta": 1},
        "training": {
            "transplants": 0.0,
            "repairs": 0.0,
            "repair_fill": "diffused",
            "stage_starts": [0.0, 0.1, 0.2, 0.3],
            "epochs": 3,
        },
    }
    config = RunConfig.model_validate(settings)
    assert config.resolved() == config


@pytest.mark.parametrize(
    "written",
    ["1=defect,255=ignore", {1: "defect", 255: "ignore"}, {"255": "IGNORE", "#010101": "defect"}],
)
def test_mask_values_are_written_in_one_way(tmp_path: Path, written: object) -> None:
    config = load_config(overrides={"data.mask_values": written})
    assert config.data.mask_values == {"0": "background", "1": "defect", "255": "ignore"}
    save_config(config, tmp_path / "c.yaml")
    assert load_config(tmp_path / "c.yaml") == config


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("mask_values", "1=ignored", "Did you mean ignore"),
        ("mask_values", {"300": "defect"}, "'300' is not a value that a mask can have"),
        ("mask_values", ["1"], "data.mask_values"),
        ("bits", 7, "data.bits"),
        ("bits", "twelve", "data.bits"),
    ],
)
def test_what_is_no_depth_and_no_mask_value_is_a_sentence(setting: str, value: object, what: str) -> None:
    with pytest.raises(GainspectError, match=what):
        load_config(overrides={f"data.{setting}": value})


@pytest.mark.parametrize("folds", [1, 0, -3, 2.5])
def test_folds_are_at_least_two(folds: float) -> None:
    with pytest.raises(GainspectError, match=r"training\.folds"):
        load_config(None, {"training.folds": folds})


@given(
    images=st.integers(1, 10**6),
    batch=st.integers(1, 64),
    accumulate=st.integers(1, 4),
    effort=st.sampled_from(list(EFFORTS)),
)
def test_epochs_that_are_left_open_give_the_steps_within_one_epoch(
    images: int, batch: int, accumulate: int, effort: Effort
) -> None:
    settings = TrainingConfig(batch_size=batch, accumulate=accumulate)
    epochs = settings.epochs_for(images, effort)
    an_epoch = max(1, images // batch) / accumulate
    target, most = EFFORTS[effort]
    assert FEWEST_EPOCHS <= epochs <= most
    assert epochs == most or epochs * an_epoch >= target - an_epoch / 2
    assert epochs == FEWEST_EPOCHS or epochs * an_epoch <= target + an_epoch / 2


def test_epochs_that_are_not_chosen_yet_are_an_error_that_says_so() -> None:
    with pytest.raises(GainspectError, match="the number of epochs is not chosen yet"):
        _ = TrainingConfig().epoch_count
    assert TrainingConfig(epochs=4).epoch_count == 4


def test_patience_needs_a_figure() -> None:
    with pytest.raises(ValidationError, match="name it as monitor"):
        TrainingConfig(patience=3)
    assert TrainingConfig(patience=3, monitor="ap").monitor == "ap"


@pytest.mark.parametrize(
    ("settings", "what"),
    [({"patience": 3}, "patience needs a validation part"), ({"monitor": "ap"}, "monitor has no effect")],
)
def test_with_folds_nothing_is_chosen_by_a_figure(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        TrainingConfig(folds=3, **settings)
    assert TrainingConfig(folds=3).folds == 3
    assert TrainingConfig(folds=3, monitor="right_reason_at_recall")  # as runs from before recorded it
    assert RunConfig(training=TrainingConfig(folds=3)).without_folds() == RunConfig()
