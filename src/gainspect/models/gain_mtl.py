"""GAIN-MTL, the complete network: it contains a strategy's modules and runs those that are needed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.config import ExperimentalConfig, ModelConfig, RunConfig
from gainspect.models.attention import GuidedAttention, conv_bn_relu, normalize_by_max
from gainspect.models.backbone import PYRAMID_STRIDES, Backbone
from gainspect.models.decoders import PYRAMIDS, pyramid_widths
from gainspect.models.evidence import EvidenceHead
from gainspect.models.suppression import FeatureSuppression, is_surrounded
from gainspect.strategies import LossName, Strategy, Tta, strategy

OK, NG = 0, 1


class LinearHead(nn.Module):
    """Global average pooling and a linear layer; the evidence is exact: mean(evidence) + bias = margin.

    Source: Zhou et al., CAM (CVPR 2016), equation 2. A hidden layer in between would break this identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, 2)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w) → logits (B, 2) and evidence margin (B, 1, h, w); float32 even under autocast.

        The margin logits[:, NG] − logits[:, OK] is the mean of the evidence plus `bias_margin()`.
        """
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            logits = self.linear(features.mean(dim=(2, 3)))
            weight = self.linear.weight[NG] - self.linear.weight[OK]
            evidence = F.conv2d(features, weight.view(1, -1, 1, 1))
        return logits, evidence

    def bias_margin(self) -> Tensor:
        """b_NG − b_OK, a scalar."""
        return self.linear.bias[NG] - self.linear.bias[OK]


@dataclass
class Output:
    """The result of one forward pass, float32; None for modules that are not there or were not run."""

    logits: Tensor
    """(B, 2) logits of the classification head."""
    cam: Tensor
    """(B, 1, h, w) CAM_NG − CAM_OK."""
    attention_logits: Tensor | None = None
    """(B, 1, h, w) before the sigmoid; the model's own attention, independent of the gate."""
    gate: Tensor | None = None
    """(B, 1, h, w) the effective attention, by which F was multiplied, 0…1."""
    attended_logits: Tensor | None = None
    """(B, 2) logits of the head on attended features."""
    attended_evidence: Tensor | None = None
    """(B, 1, h, w): its mean plus the attended bias is the attended margin."""
    localization_logits: Tensor | None = None
    """(B, 1, H/s, W/s) at the finest stride s (2 or 4)."""
    evidence_margin: Tensor | None = None
    """(B,) logit of P(NG)."""
    contributions: Tensor | None = None
    """(B, 1, H/s, W/s), at least 0: their sum plus the evidence head's bias is the evidence margin."""
    counterfactual_logits: Tensor | None = None
    """(B, 2) logits of the classification head on features with the defect suppressed; training only."""
    surrounded: Tensor | None = None
    """(B,) whether the defect leaves anything that it can be replaced by (`is_surrounded`)."""
    pyramid: Sequence[Tensor] = ()
    """C2 … C5 of the backbone."""


class GainMTL(nn.Module):
    """The network of one strategy.

    Args:
        config: backbone and channels; weights are loaded by `load_weights`, not here.
        strategy: defines the modules.
        experimental: settings of the evidence head and of the attention.
    """

    def __init__(
        self,
        config: ModelConfig,
        strategy: Strategy,
        experimental: ExperimentalConfig = ExperimentalConfig(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__()
        self.strategy = strategy
        self.tta: Tta = config.tta or strategy.tta
        """In how many positions an inspection sees an image (`models.graph`); training sees one at a time."""
        self.backbone = Backbone(config.backbone, config.output_stride)
        channels = self.backbone.out_channels
        self.classification = LinearHead(channels)
        pyramid = config.pyramid or strategy.pyramid
        finest_stride = config.finest_stride or strategy.finest_stride
        finest = self.backbone.finest_channels if finest_stride == 2 else None
        self.reads_finest = finest is not None
        joined = [*([] if finest is None else [finest]), *self.backbone.pyramid_channels]
        widths = pyramid_widths(pyramid, config.fpn_channels, len(joined))
        self.attention_level = PYRAMID_STRIDES.index(experimental.attention_stride) - len(PYRAMID_STRIDES)
        if "attention" in strategy.modules:
            fine = widths[self.attention_level]
            self.attention = (
                GuidedAttention(fine, fine)
                if strategy.attends == "pyramid"
                else GuidedAttention(channels, config.attention_channels)
            )
        if "attended" in strategy.modules:
            self.adapter = conv_bn_relu(channels, config.attention_channels, 1)
            self.attended = LinearHead(config.attention_channels)
        if "localization" in strategy.modules:
            join, head = PYRAMIDS[pyramid]
            self.pyramid = join(joined, config.fpn_channels)
            self.localization = head(widths[0])
        if "suppression" in strategy.modules:
            self.suppression = FeatureSuppression(channels)
        if "evidence" in strategy.modules:
            self.verdict = EvidenceHead(experimental.evidence_power)
        self.register_load_state_dict_pre_hook(_read_older_names)  # type: ignore[no-untyped-call]  # torch has no types for it

    def forward(
        self,
        images: Tensor,
        masks: Tensor | None = None,
        has_mask: Tensor | None = None,
        alpha: float = 0.0,
        losses: Iterable[LossName] | None = None,
    ) -> Output:
        """The predictions for images; with masks (in training) also the outputs that only training needs.

        Args:
            images: (B, H, W, 3) RGB, uint8 or float in 0…255.
            masks: (B, H, W) defect masks, 0 or 1; training only.
            has_mask: (B,) bool, which images are defective and have a mask.
            alpha: α of the curriculum: share of the mask in the gate, for images that have a mask.
            losses: those that will be computed from the output: only the modules that they need are run;
                None: all are.
        """
        modules = self.strategy.modules if losses is None else self.strategy.needed(losses)
        deep, features, finest = self.backbone(images)
        logits, cam = self.classification(deep)
        output = Output(logits, cam, pyramid=features)
        attended_to = deep
        if "localization" in modules:
            levels = self.pyramid([finest, *features] if self.reads_finest else features)
            output.localization_logits = self.localization(levels)
            if self.strategy.attends == "pyramid":
                attended_to = levels[self.attention_level]
        small = None if masks is None else mask_at(masks, deep.shape[-2:])
        if "attention" in modules:
            output.attention_logits = self.attention(attended_to)
        if "attended" in modules:
            output.gate = self._gate(output, small, has_mask, alpha)
            attended = self.adapter(deep * output.gate.to(deep.dtype))
            output.attended_logits, output.attended_evidence = self.attended(attended)
        if "evidence" in modules:
            output.evidence_margin, output.contributions = self.verdict(self.evidence(output))
        if "suppression" in modules and small is not None:
            suppressed = self.suppression(deep, small.to(deep.dtype))
            output.counterfactual_logits, _ = self.classification(suppressed)
            output.surrounded = is_surrounded(small)
        return output

    def margin(self, output: Output) -> Tensor:
        """(B,) logit of P(NG), from the head that decides in this strategy."""
        if self.strategy.decides == "evidence":
            assert output.evidence_margin is not None
            return output.evidence_margin
        logits = output.logits if self.strategy.decides == "classification" else output.attended_logits
        assert logits is not None  # a strategy that decides by attention has attention (tested)
        return logits[:, NG] - logits[:, OK]

    def evidence(self, output: Output) -> Tensor:
        """(B, 1, h, w) the strategy's own evidence map, at least 0 (if fused: at the finest stride, 0…1)."""
        if self.strategy.evidence == "cam":
            return output.cam.clamp_min(0)
        assert output.attention_logits is not None
        attention = output.attention_logits.sigmoid()
        if self.strategy.evidence == "attention":
            return attention
        assert output.localization_logits is not None
        fine = output.localization_logits.sigmoid()
        # Unlike the gate, not normalized by its maximum: on a fixed scale, an OK part must look cold.
        return fine * F.interpolate(attention, size=fine.shape[-2:], mode="bilinear")

    def contributions(self, output: Output) -> Tensor:
        """(B, 1, h, w): what each place adds to the logit; their sum plus `bias_margin()` is `margin`."""
        if self.strategy.decides == "evidence":
            assert output.contributions is not None
            return output.contributions
        evidence = output.cam if self.strategy.decides == "classification" else output.attended_evidence
        assert evidence is not None
        return evidence / (evidence.shape[-2] * evidence.shape[-1])

    def bias_margin(self) -> Tensor:
        """The value of `margin` without any evidence, a scalar."""
        if self.strategy.decides == "evidence":
            return self.verdict.bias
        head = self.classification if self.strategy.decides == "classification" else self.attended
        return head.bias_margin()

    def _gate(self, output: Output, mask: Tensor | None, has_mask: Tensor | None, alpha: float) -> Tensor:
        """Effective attention.

        It is the model's own attention. If the evidence is fused, it is multiplied by the localization; in
        training with the curriculum, it is blended with the mask.
        """
        assert output.attention_logits is not None
        attention = output.attention_logits.sigmoid()
        gate = attention
        if self.strategy.evidence == "fused":
            assert output.localization_logits is not None
            # Max-pooled, so that a small defect found at a finer stride still opens its cell. Detached,
            # because the gate must not teach localization to open wherever that helps the classifier.
            found = output.localization_logits.detach().sigmoid()
            gate = normalize_by_max(attention * F.adaptive_max_pool2d(found, attention.shape[-2:]))
        if self.strategy.curriculum and mask is not None and has_mask is not None:
            drawn = alpha * mask + (1 - alpha) * normalize_by_max(mask * attention)
            gate = torch.where(has_mask.view(-1, 1, 1, 1), drawn, gate)
        return gate


def model_of(config: RunConfig) -> GainMTL:
    """The network of a run, with random weights."""
    own = strategy(config.strategy).with_counterfactual(config.experimental.counterfactual)
    return GainMTL(config.model, own, config.experimental)


def _read_older_names(_: nn.Module, state: dict[str, Any], prefix: str, *__: Any) -> None:
    """Rename tensors from before the module was called `suppression`, and leave out what it does not have."""
    older = {"counterfactual.suppression.": "suppression.strength.", "counterfactual.": "suppression."}
    for name in [key for key in state if key.startswith(f"{prefix}counterfactual.")]:
        begins = next(start for start in older if name.startswith(prefix + start))
        state[prefix + older[begins] + name.removeprefix(prefix + begins)] = state.pop(name)
    gone = tuple(f"{prefix}suppression.{name}." for name in ("replace", "refine"))
    for name in [key for key in state if key.startswith(gone)]:
        del state[name]


def mask_at(masks: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """(B, H, W) masks, max-pooled to a map's size (B, 1, h, w) so that a tiny defect never vanishes."""
    return F.adaptive_max_pool2d(masks.unsqueeze(1).float(), tuple(size))
