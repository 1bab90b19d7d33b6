"""One training step of the multi-task model, for Lightning."""

from typing import Any

import lightning.pytorch as pl
import torch
from timm.optim import param_groups_layer_decay
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gainspect.config import RunConfig, TrainingConfig
from gainspect.data.loading.dataset import Draw, Sample, TrainingSet, batches, epoch_order
from gainspect.data.loading.epoch_batches import EpochBatches
from gainspect.models.gain_mtl import GainMTL
from gainspect.strategies import LossName, curriculum_alpha, stages_at
from gainspect.training.device import device_at_hand
from gainspect.training.objective import Divisors, UncertaintyWeights, divisors, named_losses
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.schedule import augmentation_strength, image_size, learning_rate_factor


class InspectionTask(pl.LightningModule):
    """Trains a `GainMTL` on a training set in the stages of its strategy.

    Everything random in a step is a function of (seed, epoch, step), so a resumed run gives the same result
    as an uninterrupted one. On several ranks a step takes the same batch, each rank its share, and the sums
    of its losses are divided by the counts over all ranks; only dropout and stochastic depth depend on the
    rank.

    Args:
        config: the configuration of the run.
        model: the network, with its initial weights.
        data: the training part.
        workers: number of processes that load images for this rank.
        ranks: the ranks that train together.

    Raises:
        GainspectError: a batch has fewer images than there are ranks.
    """

    def __init__(
        self, config: RunConfig, model: GainMTL, data: TrainingSet, workers: int, ranks: Ranks = ALONE
    ) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.data = data
        self.workers = workers
        self.ranks = ranks
        self.drawn = EpochBatches(self.batches, data.manifest.labels, ranks.rank, ranks.count)
        ranks.require_images(len(self.batches(epoch=0)[0]))
        self._loader: DataLoader[Sample] | None = None
        self._loaded_size: int | None = None
        self.steps_per_epoch = -(-len(self.batches(epoch=0)) // config.training.accumulate)
        self.total_steps = self.steps_per_epoch * config.training.epoch_count
        starts, ramp = config.training.stage_starts, config.experimental.stage_ramp
        self.stages = model.strategy.stages if starts is None else stages_at(starts, ramp)
        self.focal_alpha = self._focal_alpha()
        learned = config.experimental.weighting == "uncertainty"
        self.uncertainty = UncertaintyWeights(model.strategy.weights) if learned else None
        self.ema = (
            ModelEmaV3(model, decay=config.training.ema, use_warmup=True) if config.training.ema else None
        )
        self._last_averaged_step = 0

    @property
    def kept_model(self) -> GainMTL:
        """The model that is validated and kept: the weight average, if there is one."""
        return self.model if self.ema is None else self.ema.module

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0…1."""
        return self.global_step / self.total_steps

    @property
    def is_complete(self) -> bool:
        """Whether every loss of the strategy had its full weight in the whole epoch that ends here.

        The last epoch counts as such, however short the training is.
        """
        begun = (self.global_step - self.steps_per_epoch) / self.total_steps
        return self.progress >= 1 or begun >= self.model.strategy.complete_from(self.stages) - 1e-9

    def train_dataloader(self) -> DataLoader[Sample]:
        """This rank's share of the current epoch's batches.

        Lightning asks for it before every epoch. On a GPU its processes stay from epoch to epoch, as long as
        images have the same size: they share the memory of those that are kept.
        """
        self.drawn.set_epoch(self.current_epoch)
        self.data.keep(self.drawn.size)
        if (
            self._loader is None
            or not self._loader.persistent_workers
            or self._loaded_size != self.drawn.size
        ):
            gpu = device_at_hand() == "cuda"
            self._loader = DataLoader(
                self.data,
                batch_sampler=self.drawn,
                num_workers=self.workers,
                pin_memory=gpu,
                persistent_workers=gpu and self.workers > 0,
            )
            self._loaded_size = self.drawn.size
        return self._loader

    def training_step(self, batch: Sample, batch_index: int) -> Tensor:
        """Weighted sum of the losses that are active now."""
        # The random numbers of a step (dropout, stochastic depth) depend only on its position in the run.
        place = (self.config.training.seed, self.current_epoch, batch_index)
        torch.manual_seed(hash(place if self.ranks.leads else (*place, self.ranks.rank)) % 2**63)
        counted = divisors(batch, self.ranks.summed, self.ranks.count)
        total, named = self.objective(self.model, batch, self.progress, counted)
        losses = {f"loss/{name}": value.detach() for name, value in named.items()} | {
            "loss/total": total.detach()
        }
        if self.ranks.alone:
            self.log_dict(losses, on_step=False, on_epoch=True)
        else:  # their mean over the ranks is that of the batch, however many images each rank has of it
            self.log_dict(losses, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)
        return total

    def objective(
        self, model: GainMTL, batch: Sample, progress: float, counted: Divisors | None = None
    ) -> tuple[Tensor, dict[LossName, Tensor]]:
        """The weighted sum of the losses, and each loss unweighted, at `progress` (0…1) of the run.

        Args:
            model: the network.
            batch: what it sees.
            progress: share of the run that is done.
            counted: what sums over images are divided by; None: the images of this batch are all there are.
        """
        weights = model.strategy.weights_at(progress, self.stages)
        output = model(
            batch.image,
            batch.mask,
            batch.has_mask,
            curriculum_alpha(progress),
            losses=weights,
        )
        settings = self.config.training
        named = named_losses(
            output,
            batch,
            weights,
            alpha=self.focal_alpha,
            gamma=settings.focal_gamma,
            attention_loss=self.config.experimental.attention_loss,
            counted=counted,
        )
        if self.uncertainty is not None:
            shares = {name: weight / model.strategy.weights[name] for name, weight in weights.items()}
            return self.uncertainty(named, shares), named
        return torch.stack([weights[name] * value for name, value in named.items()]).sum(), named

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Average the weights after each optimizer step."""
        del outputs, batch, batch_idx
        if self.ema is not None and self.global_step != self._last_averaged_step:
            self.ema.update(self.model, step=self.global_step)
            self._last_averaged_step = self.global_step

    def on_fit_start(self) -> None:
        """Begin with the same statistics of BatchNorm on all ranks; Lightning makes the weights equal."""
        self.equalize_statistics()

    def equalize_statistics(self) -> None:
        """Give all ranks the statistics of BatchNorm of rank 0."""
        self.ranks.equalize_buffers(self.model)
        if self.ema is not None:
            self.ranks.equalize_buffers(self.ema)

    def configure_optimizers(self) -> Any:
        """AdamW with layer-wise learning rates in the backbone; warm-up and cosine schedule per step."""
        settings = self.config.training
        heads = [module for name, module in self.model.named_children() if name != "backbone"]
        optimizer = adamw(self.model.backbone.net, [*heads, *filter(None, [self.uncertainty])], settings)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, self.total_steps, settings.warmup)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def batches(self, epoch: int) -> list[list[Draw]]:
        """The images that each step of an epoch draws, on all ranks together."""
        settings = self.config.training
        order = epoch_order(
            self.data.manifest.labels,
            balanced=settings.sampler == "balanced",
            seed=settings.seed,
            epoch=epoch,
        )
        progress = epoch / max(1, settings.epoch_count - 1)
        return batches(
            order,
            settings.batch_size,
            epoch=epoch,
            size=image_size(self.config, progress),
            strength=augmentation_strength(settings, progress),
        )

    def _focal_alpha(self) -> float:
        settings = self.config.training
        if settings.focal_alpha != "auto":
            return settings.focal_alpha
        return 0.5 if settings.sampler == "balanced" else float((~self.data.manifest.labels).mean())


def adamw(backbone: nn.Module, heads: list[nn.Module], settings: TrainingConfig) -> torch.optim.AdamW:
    """AdamW: the heads learn at the peak rate; in a timm backbone, earlier layer groups learn more slowly."""
    groups = param_groups_layer_decay(backbone, settings.weight_decay, layer_decay=settings.layer_decay)
    groups += _decay_groups(heads, settings.weight_decay)
    for group in groups:
        group["lr"] = settings.lr * group.pop("lr_scale", 1.0)
    return torch.optim.AdamW(groups)


def _decay_groups(modules: list[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    """Two parameter groups: weights with weight decay; biases, BatchNorm and scalars without."""
    parameters = [p for module in modules for p in module.parameters()]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
