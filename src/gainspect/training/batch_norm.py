"""BatchNorm over the batch of all ranks, as GPUs have it.

On CPUs there is no such BatchNorm: each rank normalizes by its own share of the batch.
"""

from lightning.pytorch.plugins import LayerSync
from timm.layers import convert_sync_batchnorm
from torch import nn


class SynchronizedBatchNorm(LayerSync):
    """Tells Lightning how to make BatchNorm synchronized, which it does just before it trains.

    timm's layers have activations in them, which the conversion of torch, Lightning's usual one, would drop.
    """

    def apply(self, model: nn.Module) -> nn.Module:
        """The same model with the same parameters; what was in evaluation mode stays there."""
        training = {name: module.training for name, module in model.named_modules()}
        converted: nn.Module = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        for name, module in converted.named_modules():
            module.training = training.get(name, module.training)
        return converted

    def revert(self, model: nn.Module) -> nn.Module:
        """Leave it: a model is not used after its training, only what was saved of it."""
        return model
