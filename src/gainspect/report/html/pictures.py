"""Pictures inside an HTML file: small, as data URIs."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gainspect.data.good_parts import GoodParts
from gainspect.data.repair import repair
from gainspect.policy import HeatScale
from gainspect.report.drawing.heat import LOCALIZATION_SCALE, heat_of, heated, outlined, resized
from gainspect.types import BoolMask, Fill, Image, Verdict

LARGEST = 240
"""Longer side of a picture, pixels, and smaller ones:"""
_SIDES = (LARGEST, 200, 160, 128, 96, 64)
_QUALITY = 78


@dataclass(frozen=True)
class Picture:
    """A JPEG and what it shows."""

    name: str
    """Key of its text: picture_NAME."""
    content: bytes

    @property
    def uri(self) -> str:
        """For an <img>."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.content).decode()}"


def pictures_of(
    image: Image,
    mask: BoolMask | None,
    verdict: Verdict,
    repaired: tuple[BoolMask, Fill] | None,
    good: GoodParts | None,
    scale: HeatScale,
) -> list[Picture]:
    """What a person compares: image with mask, evidence, localization, repaired image.

    Args:
        image: (H, W, 3).
        mask: (H, W), the marked defect.
        verdict: of this image.
        repaired: (H, W), the region that was repaired, and what with; its picture is left out where there is
            none.
        good: good parts that it may come from.
        scale: of the evidence.
    """
    factor = LARGEST / max(image.shape[:2])
    small = resized(image, factor)

    def fitted(region: BoolMask) -> BoolMask:
        return np.asarray(resized(region.astype(np.float32), factor) > 0)

    evidence = resized(verdict.evidence.evidence, factor)
    drawn = {
        "image": small if mask is None else outlined(small, fitted(mask), 2),
        "evidence": heated(small, heat_of(evidence, scale)),
    }
    if verdict.evidence.localization is not None:
        localization = resized(verdict.evidence.localization, factor)
        drawn["localization"] = heated(small, heat_of(localization, LOCALIZATION_SCALE))
    if repaired is not None and repaired[0].any():
        region, fill = repaired
        name = "repaired" if verdict.check is not None else "mask_repaired"
        drawn[name] = outlined(
            resized(repair(image, region, fill=fill, good=good), factor), fitted(region), 2
        )
    return [Picture(name, jpeg_of(picture)) for name, picture in drawn.items()]


def pictures_before_and_after(
    image: Image,
    mask: BoolMask | None,
    verdicts: tuple[Verdict, Verdict],
    scales: tuple[HeatScale, HeatScale],
) -> list[Picture]:
    """An image with its mask, and the evidence of two bundles for it, each on the scale of its bundle.

    Args:
        image: (H, W, 3).
        mask: (H, W), the marked defect.
        verdicts: of the old and of the new bundle.
        scales: of their evidence.
    """
    factor = LARGEST / max(image.shape[:2])
    small = resized(image, factor)
    marked = small
    if mask is not None:
        marked = outlined(small, np.asarray(resized(mask.astype(np.float32), factor) > 0), 2)
    drawn = {"image": marked}
    for name, verdict, scale in zip(("before", "after"), verdicts, scales, strict=True):
        evidence = resized(verdict.evidence.evidence, factor)
        drawn[f"evidence_{name}"] = heated(small, heat_of(evidence, scale))
    return [Picture(name, jpeg_of(picture)) for name, picture in drawn.items()]


def within_budget(sets: Sequence[list[Picture]], budget: int) -> list[list[Picture]]:
    """The same pictures, all made smaller by the same steps until their bytes fit into a budget."""
    for side in _SIDES[1:]:
        if sum(len(picture.content) for pictures in sets for picture in pictures) <= budget:
            break
        sets = [[Picture(p.name, _smaller(p.content, side)) for p in pictures] for pictures in sets]
    return list(sets)


def _smaller(content: bytes, side: int) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None  # written by ourselves
    image = np.asarray(pixels, np.uint8)[:, :, ::-1]
    return jpeg_of(resized(np.ascontiguousarray(image), min(1.0, side / max(image.shape[:2]))))


def jpeg_of(image: Image) -> bytes:
    """Encode a small picture (H, W, 3)."""
    done, encoded = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done  # small pictures are never too large
    return encoded.tobytes()
