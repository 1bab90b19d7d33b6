"""The inspection graph, which the torch backend runs and from which every format is exported."""

from torch import Tensor, nn

from gainspect.models.backbone import PYRAMID_STRIDES
from gainspect.models.familiarity import Familiarity
from gainspect.models.gain_mtl import GainMTL


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
            "distance" (B,), see `Familiarity`.
        """
        output = self.model(images)
        logit = self.model.margin(output)
        named = {
            "logit": logit,
            "score": logit.sigmoid(),
            "evidence": self.model.evidence(output),
            "contributions": self.model.contributions(output),
            "cam": output.cam,
        }
        if output.attention_logits is not None:
            named["attention"] = output.attention_logits.sigmoid()
        if output.localization_logits is not None:
            named["localization"] = output.localization_logits.sigmoid()
        maps = (named[name].float().squeeze(1) for name in self.maps)
        features = output.pyramid[PYRAMID_STRIDES.index(16)].float()
        distance = [] if self.familiarity is None else [self.familiarity(output.pyramid)]
        return named["logit"].float(), named["score"].float(), *maps, features, *distance
