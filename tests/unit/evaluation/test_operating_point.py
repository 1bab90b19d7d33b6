"""The limits of the reason check are fitted on images seen as the bundle will see them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from gainspect.data.manifest import Manifest, Part
from gainspect.data.tiles import Tiling
from gainspect.evaluation.operating_point import with_reason_check
from gainspect.policy import Policy
from gainspect.types import Label


class BrightShare:
    """P(NG) and evidence are how bright the frame is: a spot fills a tile, but not the whole image."""

    size, runtime, precision = 32, "fake", "f32"

    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        grey = images.astype(np.float32).mean(axis=3) / 255
        return {"score": grey.mean(axis=(1, 2)), "evidence": grey}


@pytest.mark.parametrize(("tiling", "verdicts"), [(None, 0), (Tiling(32, 0.0), 1)])
def test_they_are_fitted_with_the_tiles_of_the_training(
    tmp_path: Path, tiling: Tiling | None, verdicts: int
) -> None:
    spot = np.zeros((128, 128), np.uint8)
    spot[32:64, 32:64] = 255
    for name in ("image", "mask"):
        Pillow.fromarray(spot).save(tmp_path / f"{name}.png")
    part = Part(tmp_path / "image.png", Label.NG, mask=tmp_path / "mask.png", group="one")
    policy = Policy(threshold=0.5, split="val", ng=1, ok=0, region_threshold=0.5)
    fitted = with_reason_check(policy, BrightShare(), Manifest(tmp_path, (part,)), tiling).reason
    assert fitted is not None and fitted.verdicts == verdicts
