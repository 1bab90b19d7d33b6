"""Guided attention (S_am of GAIN): where the model is allowed to look."""

import math
from typing import Any

import torch
from timm.layers.cbam import CbamModule
from torch import Tensor, nn


def conv_bn_relu(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    """Convolution (same size), BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def to_logits(channels: int, prior: float) -> nn.Conv2d:
    """1×1 convolution to one logit, which at the start gives the probability `prior` (0…1) everywhere.

    Nearly all of a part is free of defects, and a few epochs would not bring the background down from 0.5,
    because the optimizer moves a bias by little more than the learning rate per step.

    Source: Lin et al., Focal Loss (ICCV 2017), section 4.1.
    """
    convolution = nn.Conv2d(channels, 1, 1)
    assert convolution.bias is not None
    nn.init.constant_(convolution.bias, math.log(prior / (1 - prior)))
    return convolution


class AttentionHead(nn.Sequential):
    """(B, C, h, w) → (B, 1, h, w) attention logits: 3×3 conv-BN-ReLU twice, then a 1×1 convolution."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            conv_bn_relu(in_channels, channels, 3),
            conv_bn_relu(channels, channels, 3),
            to_logits(channels, prior=0.1),
        )


class GuidedAttention(nn.Module):
    """CBAM attention and a mining head, averaged as logits.

    Source: Woo et al., CBAM (ECCV 2018), section 3; Li et al., GAIN (CVPR 2018), section 3.2.

    The channel attention of CBAM has C/16 hidden units, but at least `hidden`: with the two or three that
    C/16 gives for the levels of a narrow pyramid, it can hardly weigh one channel apart from another.
    """

    hidden = 8

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.cbam = CbamModule(in_channels, rd_channels=max(self.hidden, in_channels // 16))
        self.head = AttentionHead(in_channels, channels)
        self.mining = AttentionHead(in_channels, channels)
        # The logarithm, so that no step can make the temperature 0 or negative.
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.register_load_state_dict_pre_hook(_as_wide_as)  # type: ignore[no-untyped-call]  # torch has no types for it

    def forward(self, deep: Tensor) -> Tensor:
        """(B, C, h, w) features F → (B, 1, h, w) attention logits, float32."""
        guided: Tensor = self.head(self.cbam(deep)).float() / self.log_temperature.exp()
        mean: Tensor = 0.5 * (guided + self.mining(deep).float())
        return mean


def _as_wide_as(guided: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Give CBAM as many hidden units as it has in `state`: networks from before `hidden` have fewer."""
    assert isinstance(guided, GuidedAttention)
    saved = state.get(f"{prefix}cbam.channel.fc1.weight")
    own = guided.cbam.channel.fc1.weight
    if saved is not None and saved.shape[1:] == own.shape[1:] and len(saved) != len(own):
        guided.cbam = CbamModule(own.shape[1], rd_channels=len(saved)).to(own.device)
        guided.cbam.train(guided.training)


def normalize_by_max(attention: Tensor, floor: float = 0.1) -> Tensor:
    """Scale (B, 1, h, w) per image so that its maximum is 1.

    If the maximum of an image is less than `floor`, it is divided by `floor` instead, so that very weak
    attention is not amplified.
    """
    return attention / attention.amax(dim=(2, 3), keepdim=True).clamp_min(floor)
