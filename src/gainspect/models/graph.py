"""The inspection graph, which the torch backend runs and from which every format is exported."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gainspect.models.backbone import PYRAMID_STRIDES
from gainspect.models.familiarity import Familiarity
from gainspect.models.gain_mtl import GainMTL
from gainspect.strategies import Tta


class InspectionGraph(nn.Module):
    """A trained model as a function of pixels, including the normalization; this is what is exported.

    Args:
        model: the model; it is not copied.
        familiarity: how far images are from those of the training; None: the graph does not say.
    """

    def __init__(self, model: GainMTL, familiarity: Familiarity | None = None) -> None:
        super().__init__()
        self.model = model
        self.familiarity = familiarity
        strategy = model.strategy
        names = ["logit", "score", "evidence", "contributions", "cam"]
        names += [name for name in ("attention", "localization") if name in strategy.modules]
        self.maps = tuple(names[2:])
        """Those of the outputs that are maps."""
        names += ["features"]
        names += [] if familiarity is None else ["distance"]
        self.outputs = tuple(names)
        """Names of the tensors that `forward` returns, in order."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The predictions for (B, S, S, 3) RGB images, uint8.

        Returns:
            The tensors named in `outputs`, float32: "logit" and "score" (B,), the logit of P(NG) and P(NG)
            itself; maps (B, h, w), each at its own resolution: "evidence" (the strategy's own),
            "contributions" (their sum plus the model's evidence bias is the logit), "cam" (logits),
            "attention" and "localization" (0…1). Then "features" (B, C, S/16, S/16), of the backbone, and
            "distance" (B,), see `Familiarity`, both of the image as it is. With test-time augmentation maps
            are the mean of what is found in each position, turned back, and the verdict is that of the mean.
        """
        tta = self.model.tta
        output = self.model(seen(images, tta))
        maps = {"evidence": self.model.evidence(output), "cam": output.cam}
        if output.attention_logits is not None:
            maps["attention"] = output.attention_logits.sigmoid()
        if output.localization_logits is not None:
            maps["localization"] = output.localization_logits.sigmoid()
        if self.model.strategy.decides == "evidence" and tta > 1:
            maps = {name: mean_of(found, tta) for name, found in maps.items()}
            logit, maps["contributions"] = self.model.verdict(maps["evidence"])
        else:  # of a linear head the mean of the margins is the margin of the mean
            maps["contributions"] = self.model.contributions(output)
            maps = {name: mean_of(found, tta) for name, found in maps.items()}
            logit = _mean(_each(self.model.margin(output), tta))
        pyramid = [_each(level, tta)[0] for level in output.pyramid]
        distance = [] if self.familiarity is None else [self.familiarity(pyramid)]
        features = pyramid[PYRAMID_STRIDES.index(16)].float()
        ordered = (maps[name].float().squeeze(1) for name in self.maps)
        return logit.float(), logit.sigmoid().float(), *ordered, features, *distance


def seen(images: Tensor, tta: Tta) -> Tensor:
    """(B, S, S, 3) images → (tta·B, S, S, 3): as they are, mirrored, then both after each quarter turn."""
    if tta == 1:
        return images
    mirrored = images.flip(2)
    return torch.cat(
        [(mirrored if position % 2 else images).rot90(position // 2, (1, 2)) for position in range(tta)]
    )


def mean_of(maps: Tensor, tta: Tta) -> Tensor:
    """(tta·B, C, h, w) maps of what was `seen` → (B, C, h, w): turned back, and their mean."""
    if tta == 1:
        return maps
    straight = [of.rot90(-(position // 2), (2, 3)) for position, of in enumerate(_each(maps, tta))]
    return _mean([of.flip(3) if position % 2 else of for position, of in enumerate(straight)])


def _each(batch: Tensor, tta: Tta) -> Sequence[Tensor]:
    """(tta·B, …) → for each position (B, …)."""
    return (batch,) if tta == 1 else batch.reshape(tta, -1, *batch.shape[1:]).unbind()


def _mean(found: Sequence[Tensor]) -> Tensor:
    return found[0] if len(found) == 1 else torch.stack(list(found)).mean(dim=0)
