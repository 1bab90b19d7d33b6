"""Figures of an image by which it is compared with those of the training: size, light, sharpness, color.

All but the size are taken on the image as the network sees it: shrunk (or enlarged) to its frame, without the
border. So a figure does not depend on how many pixels the camera has.
"""

import cv2
import numpy as np

from gainspect.data.framing import Geometry, content_of
from gainspect.types import Image, InputStatistics


def image_statistics(frame: Image, geometry: Geometry) -> InputStatistics:
    """The figures of an image.

    * width, height: pixels of the image.
    * brightness: mean of its gray values, 0…255; contrast: their standard deviation.
    * sharpness: root of the mean square of the second differences (3 × 3 Laplacian) of the gray values.
    * red, blue: mean of red less green, and of blue less green, −255…255; both are 0 in a gray image.

    Args:
        frame: (S, S, 3), the image letterboxed.
        geometry: where the image lies in it.
    """
    content = content_of(frame, geometry)
    gray = cv2.cvtColor(content, cv2.COLOR_RGB2GRAY)
    mean, deviation = cv2.meanStdDev(gray)
    edges = cv2.Laplacian(gray, cv2.CV_16S)
    red, green, blue = cv2.mean(content)[:3]
    return {
        "width": float(geometry.width),
        "height": float(geometry.height),
        "brightness": float(mean[0, 0]),
        "contrast": float(deviation[0, 0]),
        "sharpness": float(cv2.norm(edges, cv2.NORM_L2) / np.sqrt(edges.size)),
        "red": red - green,
        "blue": blue - green,
    }
