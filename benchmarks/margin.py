"""How much longer the margin of a repair takes by a dilation, as before, than by a distance transform."""

import timeit

import cv2
import numpy as np

from gainspect.data.repair_regions import with_margin

SIDES = (512, 1024, 2048, 4472)
"""Sides of square images, pixels; the last has 20 megapixels."""


def main() -> None:
    """Print a line for each size: how many times as long the dilation takes."""
    for side in SIDES:
        region = np.zeros((side, side), np.bool_)
        region[side // 2 : side // 2 + side // 16, side // 3 : side // 3 + side // 16] = True
        margin = max(1, round(0.03 * side))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        image = region.astype(np.uint8)
        before = min(
            timeit.repeat(lambda image=image, kernel=kernel: cv2.dilate(image, kernel), number=1, repeat=2)
        )
        after = min(timeit.repeat(lambda region=region: with_margin(region), number=1, repeat=3))
        print(f"{side**2 / 1e6:5.1f} megapixels: the dilation takes {before / after:.1f} times as long")


if __name__ == "__main__":
    main()
