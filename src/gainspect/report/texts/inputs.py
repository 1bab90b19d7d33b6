"""By what an image is unlike those of the training, in words."""

from collections.abc import Iterable

from gainspect.policy import InputPolicy
from gainspect.report.texts import Wording
from gainspect.types import StatisticName, Unlike

_PIXELS = ("width", "height")


def unlike_in_words(unlike: Iterable[Unlike], wording: Wording) -> str:
    """Figures with their values and usual ranges, in a list."""
    return ", ".join(
        f"{wording(f'statistic_{name}')} {_number(name, value)} ({_usual(name, low, high, wording)})"
        for name, value, low, high in unlike
    )


def values_in_words(unlike: Iterable[Unlike], wording: Wording) -> str:
    """The same without usual ranges."""
    return ", ".join(f"{wording(f'statistic_{one.name}')} {_number(one.name, one.value)}" for one in unlike)


def usual_in_words(unlike: Iterable[Unlike], wording: Wording) -> str:
    """The usual range of each figure that occurs, in a list, without values."""
    ranges = {one.name: _usual(one.name, one.low, one.high, wording) for one in unlike}
    return ", ".join(f"{wording(f'statistic_{name}')} ({usual})" for name, usual in ranges.items())


def ranges_in_words(policy: InputPolicy, wording: Wording) -> dict[StatisticName, tuple[str, str]]:
    """What each figure is called, and its usual range."""
    return {
        name: (wording(f"statistic_{name}"), _usual(name, usual.low, usual.high, wording))
        for name, usual in policy.ranges.items()
    }


def _usual(name: StatisticName, low: float | None, high: float | None, wording: Wording) -> str:
    if high is None:
        high = float("inf")
    if low is None:
        return wording("usual_up_to", high=_number(name, high))
    return wording("usual_between", low=_number(name, low), high=_number(name, high))


def _number(name: StatisticName, value: float) -> str:
    """With three digits; sizes in whole pixels.

    >>> _number("width", 640.0), _number("brightness", 92.345), _number("red", -0.04)
    ('640 px', '92.3', '−0.04')
    """
    return (f"{value:.0f} px" if name in _PIXELS else f"{value:.3g}").replace("-", "−")
