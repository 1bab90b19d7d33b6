"""Between which values the figures of new OK images will lie: the ranges of the input check."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from gainspect.policy import InputPolicy, UsualRange
from gainspect.types import InputStatistics, StatisticName

REVIEW_SHARE = 0.005
"""Of new OK images, the share that may lie outside of some range. It is divided by the number of ends of all
ranges, so that many figures raise no more alarms than one."""
FEW_IMAGES = 8
"""With fewer OK images no range is fitted."""


class _Scale(NamedTuple):
    """On which scale a figure is spread evenly, and by how much it may differ at least."""

    added: float | None
    """The scale is that of the logarithm of the figure plus this; None: that of the figure itself."""
    tolerance: float
    """What lies so close to the values seen is never outside, on that scale."""
    low: bool = True
    """Whether a small value is unlike the training too."""
    bounds: tuple[float, float] = (0.0, float("inf"))
    """No figure lies beyond; an end of a range that would is put there, where nothing is outside."""


_TENTH = float(np.log(1.1))
_SCALES: Mapping[StatisticName, _Scale] = {
    "width": _Scale(0.0, _TENTH),
    "height": _Scale(0.0, _TENTH),
    "brightness": _Scale(None, 4.0, bounds=(0.0, 255.0)),
    "contrast": _Scale(1.0, _TENTH),
    "sharpness": _Scale(1.0, _TENTH),
    "red": _Scale(None, 4.0, bounds=(-255.0, 255.0)),
    "blue": _Scale(None, 4.0, bounds=(-255.0, 255.0)),
    "distance": _Scale(0.01, _TENTH, low=False),
}


def fit_inputs(
    images: Sequence[InputStatistics], training: Sequence[InputStatistics], split: str
) -> InputPolicy | None:
    """Fit the usual range of every figure on OK images.

    Each end of a range is that of a prediction interval for one more image (Student's t with n − 1 degrees
    of freedom, on the scale of the figure): it is the wider the fewer images there are. It holds for figures
    of a normal distribution; for others it is a guide, so that a range never ends within the values seen, nor
    closer to them than a tolerance.

    The network knows the images of the training, so their distances say nothing: these come from the
    validation part alone, all other figures from both.

    Args:
        images: the figures of the OK images of the validation part.
        training: those of OK images of the training, if they are known.
        split: what the validation part is called.

    Returns:
        The ranges of the figures that `FEW_IMAGES` images have; None: there is no such figure.
    """
    values = {name: _values(name, images, () if name == "distance" else training) for name in _SCALES}
    known = {name: found for name, found in values.items() if len(found) >= FEW_IMAGES}
    if not known:
        return None
    ends = sum(1 + _SCALES[name].low for name in known)
    ranges = {name: _range(_SCALES[name], found, REVIEW_SHARE / ends) for name, found in known.items()}
    policy = InputPolicy(
        ranges=ranges, share=REVIEW_SHARE, split=split, images=len(images), training=len(training)
    )
    return policy.model_copy(update={"outside": sum(bool(policy.unlike(image)) for image in images)})


def _values(
    name: StatisticName, images: Sequence[InputStatistics], training: Sequence[InputStatistics]
) -> list[float]:
    return [image[name] for image in (*images, *training) if name in image]


def _range(scale: _Scale, values: Sequence[float], share: float) -> UsualRange:
    """Outside of each end of the range lies this share of new values."""
    seen = np.asarray(values, np.float64)
    if scale.added is not None:
        seen = np.log(seen + scale.added)
    count = len(seen)
    reach = student.ppf(1 - share, count - 1) * seen.std(ddof=1) * np.sqrt(1 + 1 / count)
    low = min(seen.mean() - reach, seen.min() - scale.tolerance)
    high = max(seen.mean() + reach, seen.max() + scale.tolerance)
    return UsualRange(low=_back(scale, low) if scale.low else None, high=_back(scale, high))


def _back(scale: _Scale, value: float) -> float:
    figure = float(value if scale.added is None else np.exp(value) - scale.added)
    return min(max(figure, scale.bounds[0]), scale.bounds[1])
