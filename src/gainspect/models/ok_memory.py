"""A memory of what OK parts look like, which the decoder is told the distance from."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.types import MEMORY_SHARES


class OkMemory(nn.Module):
    """Centers of features of OK training parts at one stride; features must not change after it is filled.

    Says of each place how the feature there differs from the nearest center. An image of the training is not
    compared with what its own group gave: at inspection no image finds itself either.

    Source: Roth et al., Towards Total Recall in Industrial Anomaly Detection (CVPR 2022), section 3; with
    centers of k-means in the place of a coreset.

    Args:
        channels: C, of the features.
        centers: K.
    """

    mean: Tensor
    spread: Tensor
    centers: Tensor
    usual: Tensor

    def __init__(self, channels: int, centers: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))
        self.register_buffer("centers", torch.zeros(MEMORY_SHARES + 1, centers, channels))
        self.register_buffer("usual", torch.ones(()))

    @property
    def out_channels(self) -> int:
        """Of what it says: the difference, and its length."""
        return len(self.mean) + 1

    def forward(self, features: Tensor, share: Tensor | None = None) -> Tensor:
        """(B, C, h, w) features → (B, C + 1, h, w), float32, without a gradient.

        Args:
            features: at the stride that the memory is of.
            share: (B,) of each image, 0 … `MEMORY_SHARES` − 1; None: no image was in the training.
        """
        with torch.autocast(features.device.type, enabled=False), torch.no_grad():
            found = self.standardized(features)
            places = found.flatten(2).transpose(1, 2)
            centers = self.centers[MEMORY_SHARES:] if share is None else self.centers[share]
            distances = centers.square().sum(2).unsqueeze(1) - 2 * places @ centers.transpose(1, 2)
            nearest = distances.argmin(dim=2)
            if share is None:
                near = centers[0][nearest]
            else:
                near = centers.gather(1, nearest.unsqueeze(2).expand(-1, -1, centers.shape[2]))
            away = (places - near).transpose(1, 2).reshape(found.shape)
            length = away.square().mean(dim=1, keepdim=True).sqrt() / self.usual
            return torch.cat([away, length], dim=1)

    def standardized(self, features: Tensor) -> Tensor:
        """Averaged over 3×3 cells, with mean 0 and deviation 1 in each channel of the OK parts."""
        smooth = F.avg_pool2d(features.float(), 3, stride=1, padding=1, count_include_pad=False)
        return (smooth - self.mean.view(1, -1, 1, 1)) / self.spread.view(1, -1, 1, 1)
