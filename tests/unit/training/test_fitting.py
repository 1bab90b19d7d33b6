"""What is asked of a GPU, looked at without one, and what a run asks of Lightning."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.utils.data import default_collate

from gainspect.config import RunConfig
from gainspect.data.loading.dataset import TrainingSet
from gainspect.data.manifest import Manifest
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.training import fitting, task
from gainspect.training.batch_norm import SynchronizedBatchNorm
from gainspect.training.checkpoint import load_state, save_state
from gainspect.training.device import arithmetic
from gainspect.training.fitting import initial_model
from gainspect.training.launch import train
from gainspect.training.own_processes import OnThisMachine
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.task import InspectionTask


def config(size: int = 64, **training: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "data": {"size": size, "val_fraction": 0.3},
            "model": {"backbone": "test_efficientnet", "weights": "none"},
            "training": {"batch_size": 4, "epochs": 4, **training},
        }
    )


def a_task(parts: Manifest, workers: int = 0, **settings_of_run: Any) -> InspectionTask:
    settings = config(**settings_of_run)
    return InspectionTask(
        settings, initial_model(settings), TrainingSet(parts.split("train"), 1, room=10**7), workers
    )


def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Load images as for a GPU, but for memory that only a GPU can pin; return what was asked, as it is."""
    asked: list[dict[str, Any]] = []

    def loader(*arguments: Any, pin_memory: bool, **settings: Any) -> Any:
        asked.append({"pin_memory": pin_memory, **settings})
        return torch.utils.data.DataLoader(*arguments, **settings)

    monkeypatch.setattr(task, "device_at_hand", lambda: "cuda")
    monkeypatch.setattr(task, "DataLoader", loader)
    return asked


def test_synchronized_batch_norm_is_the_same_function_with_the_same_parameters() -> None:
    """Of timm's layers with an activation in them too; what is in evaluation mode stays there."""
    model = initial_model(config()).eval()
    model.backbone.train().freeze(2)
    frozen = {name for name, module in model.named_modules() if not module.training}
    changed = SynchronizedBatchNorm().apply(copy.deepcopy(model))
    norms = [module for module in changed.modules() if isinstance(module, _BatchNorm)]
    assert norms and all(isinstance(norm, SyncBatchNorm) for norm in norms)
    assert {name for name, module in changed.named_modules() if not module.training} == frozen
    assert changed.state_dict().keys() == model.state_dict().keys()
    same = SynchronizedBatchNorm().apply(model)
    assert [id(one) for one in same.parameters()] == [id(one) for one in model.parameters()]
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    plain = initial_model(config()).eval()
    with torch.inference_mode():
        torch.testing.assert_close(vars(changed.eval()(images)), vars(plain(images)))


def test_weights_in_channels_last_are_saved_as_any_others(tmp_path: Path) -> None:
    model = initial_model(config())
    changed = copy.deepcopy(model).to(memory_format=torch.channels_last)
    save_state(changed.state_dict(), tmp_path / "model.safetensors")
    loaded = load_state(tmp_path / "model.safetensors")
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())
    changed.load_state_dict(loaded)
    convolutions = [module.weight for module in changed.modules() if isinstance(module, nn.Conv2d)]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in convolutions)


def test_tf32_is_used_where_it_is_asked_for_and_what_was_set_comes_back() -> None:
    def allowed() -> tuple[bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    before = allowed()
    for tf32 in (True, False):
        with pytest.raises(KeyError), arithmetic(tf32=tf32):
            assert allowed() == (tf32, tf32)
            raise KeyError
        assert allowed() == before


def test_in_bfloat16_verdicts_are_float32_and_nearly_the_same() -> None:
    model = initial_model(config()).eval()
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8).numpy()
    exact, rounded = TorchBackend(model, 64)(images), TorchBackend(model, 64, bf16=True)(images)
    for name, values in exact.items():
        assert rounded[name].dtype == values.dtype == "float32"
        assert abs(rounded[name] - values).max() <= 0.05 * max(1.0, abs(values).max()), name
    assert any((rounded[name] != exact[name]).any() for name in exact)


def test_on_a_gpu_loading_processes_stay_and_share_what_is_kept(
    parts: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their batches are those of new processes, epoch by epoch; memory is pinned."""

    def epochs(one: InspectionTask) -> list[list[list[torch.Tensor]]]:
        found = []
        for epoch in range(3):
            monkeypatch.setattr(InspectionTask, "current_epoch", epoch)
            found.append([list(batch) for batch in one.train_dataloader()])
        return found

    plain = epochs(a_task(parts))
    asked = as_on_a_gpu(monkeypatch)
    gpu = epochs(a_task(parts, workers=1))
    assert [(one["pin_memory"], one["persistent_workers"]) for one in asked] == [(True, True)]
    torch.testing.assert_close(gpu, plain, rtol=0, atol=0, equal_nan=True)  # NaN: no box is turned
    asked.clear()
    growing = epochs(a_task(parts, workers=1, size=128, start_size=0.5, epochs=3))
    assert [epoch[0][0].shape[1] for epoch in growing] == [64, 128, 128]
    assert len(asked) == 2


@pytest.mark.slow
def test_a_training_with_processes_that_stay_is_the_same(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(workers=1, epochs=3)
    plain = train(settings, parts, tmp_path / "plain")
    asked = as_on_a_gpu(monkeypatch)
    stay = train(settings, parts, tmp_path / "stay")
    assert len(asked) == 1
    states = [load_state(run.last_checkpoint)["state_dict"] for run in (plain, stay)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_without_a_gpu_the_loader_is_new_every_epoch(
    parts: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = a_task(parts, workers=1)
    monkeypatch.setattr(InspectionTask, "current_epoch", 0)
    first, second = one.train_dataloader(), one.train_dataloader()
    assert first is not second
    assert not first.pin_memory and not first.persistent_workers


def test_several_ranks_train_with_ddp_and_one_does_not() -> None:
    environment = OnThisMachine(0, 2)
    several = Ranks(0, 0, 2, 1, environment)
    trainers = {
        ranks.count: fitting._trainer(
            config(), fitting.Monitor.__new__(fitting.Monitor), None, ranks, bar=False
        )
        for ranks in (ALONE, several)
    }
    assert not isinstance(trainers[1].strategy, DDPStrategy)
    assert trainers[1].world_size == 1
    strategy = trainers[2].strategy
    assert isinstance(strategy, DDPStrategy)
    assert strategy.cluster_environment is environment
    assert (trainers[2].num_devices, trainers[2].num_nodes) == (2, 1)
    assert strategy._layer_sync is None


def test_on_gpus_ranks_synchronize_batch_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(fitting, "device_at_hand", lambda: "cuda")
    monkeypatch.setattr(fitting.pl, "Trainer", lambda **settings: asked.update(settings))
    monitor = fitting.Monitor.__new__(fitting.Monitor)
    fitting._trainer(config(), monitor, None, Ranks(0, 0, 2, 1, OnThisMachine(0, 2)), bar=False)
    assert asked["accelerator"] == "cuda"
    assert [type(one) for one in asked["plugins"]].count(SynchronizedBatchNorm) == 1
    fitting._trainer(config(), monitor, None, ALONE, bar=False)
    assert asked["accelerator"] == "auto"
    assert SynchronizedBatchNorm not in [type(one) for one in asked["plugins"]]


def test_chance_in_a_step_differs_from_rank_to_rank_and_that_of_rank_0_is_one_processs(
    parts: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout draws from the generator that is seeded at the start of a step."""
    monkeypatch.setattr(InspectionTask, "current_epoch", 0)
    monkeypatch.setattr(InspectionTask, "progress", 0.0)
    monkeypatch.setattr(InspectionTask, "log_dict", lambda *_, **__: None)
    monkeypatch.setattr(Ranks, "summed", lambda _, counts: counts)

    def drawn(ranks: Ranks, step: int) -> float:
        settings = config()
        one = InspectionTask(
            settings, initial_model(settings), TrainingSet(parts.split("train"), 1), 0, ranks
        )
        one.objective = lambda *_: (torch.rand(()), {})  # type: ignore[method-assign]
        batch = default_collate([one.data[draw] for draw in one.drawn.share(one.batches(0)[0])])
        return float(one.training_step(batch, step))

    alone = [drawn(ALONE, step) for step in range(2)]
    ranked = [[drawn(Ranks(rank, devices=2), step) for step in range(2)] for rank in range(2)]
    assert ranked[0] == alone
    assert len({*ranked[0], *ranked[1]}) == 4


def test_what_steps_are_said_to_give_is_what_was_measured() -> None:
    """By the results of `benchmarks/recipe.py epochs`: 14 steps are an epoch of the screws."""
    results = Path(__file__).parents[3] / "benchmarks" / "results" / "recipe_epochs.md"
    screws = results.read_text(encoding="utf-8").split("## screw")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")] for line in screws.splitlines() if "|" in line]
    rows = {line[1]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}
    named = {"6 epochs": 84, "S9 as it is": 168, "40 epochs": 560}
    told = ", ".join(
        f"{steps} steps {rows[label]['auroc'].removesuffix(' *')}" for label, steps in named.items()
    )
    expected = told.replace("steps ", "steps gave AUROC ", 1).replace(", 560", ", and 560")
    assert fitting._WHAT_STEPS_GIVE.startswith(f"On screws of 192 px, {expected} (")
