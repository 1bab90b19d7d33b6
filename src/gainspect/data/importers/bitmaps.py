"""Pixels that lie in image files of their own, or in the labels as an image."""

from functools import partial
from pathlib import Path

import numpy as np

from gainspect.data import masks
from gainspect.data.decode import mask_samples
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_within
from gainspect.data.importers.annotations import Pixels
from gainspect.data.importers.source import Source
from gainspect.types import Mask


def pixels_of_file(source: Source, file: Path) -> Pixels:
    """A mask file of black and one other value, as one of several shapes of an image.

    A single ready-made mask of an image is `AnnotatedImage.mask` instead, which is not drawn anew.
    """
    source.used.add(file)
    return Pixels(partial(_read_file, file))


def pixels_of_image(content: bytes, where: str, *, left: int = 0, top: int = 0) -> Pixels:
    """An image's bytes (PNG) with the shape in any value but black, or opaque where all is black.

    Args:
        content: the bytes.
        where: names them in errors.
        left: column in the picture of its first column.
        top: row of its first row.
    """
    return Pixels(partial(_read_image, content, where), left, top)


def _read_file(file: Path) -> Mask:
    require_within(file, require_limit(), where=file, hint=RAISE_BY_ENVIRONMENT)
    return masks.read_marks(file).defect


def _read_image(content: bytes, where: str) -> Mask:
    require_within(content, require_limit(), where=where, hint=RAISE_BY_ENVIRONMENT)
    values = mask_samples(content, where).values
    values = values[:, :, None] if values.ndim == 2 else values
    color, shown = values, np.zeros(values.shape[:2], np.bool_)
    if values.shape[2] in (2, 4):
        color, shown = values[:, :, :-1] * (values[:, :, -1:] > 0), values[:, :, -1] > 0
    colored = color.any(axis=2)
    return np.asarray(colored if colored.any() else shown, np.uint8)
