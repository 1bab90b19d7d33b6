"""What a drift alarm says, in sentences for the engineer of a line."""

from datetime import tzinfo

from gainspect.ledger.records.operation import DriftAlarm
from gainspect.report.texts import Wording

_LOOK = {
    "score": "score",
    "width": "size",
    "height": "size",
    "brightness": "light",
    "contrast": "light",
    "sharpness": "focus",
    "red": "color",
    "blue": "color",
    "distance": "distance",
}
"""Where to look, by the figure that has changed."""
_SIGNED = ("red", "blue")
"""Figures that may be negative: they have no ratio."""
_LARGE = 1.5
"""From this ratio on, a change is told as a factor."""


def drift_sentences(alarm: DriftAlarm, wording: Wording, zone: tzinfo | None = None) -> list[str]:
    """What has changed and since when, how it was noticed, where to look, and what the alarm is worth.

    Args:
        alarm: as it is recorded.
        wording: of the language.
        zone: of the times; None: this machine's.
    """
    return [
        drift_change(alarm, wording, zone),
        wording(
            "drift_noticed",
            parts=f"{alarm.parts:,}",
            ng_before=f"{alarm.ng_before.ng:,}",
            of_before=f"{alarm.ng_before.parts:,}",
            ng_since=f"{alarm.ng_since.ng:,}",
            of_since=f"{alarm.ng_since.parts:,}",
        ),
        wording(f"drift_look_{_LOOK[alarm.statistic]}"),
        wording("drift_promise", rate=f"{alarm.false_alarms * 100:g} %"),
    ]


def drift_change(alarm: DriftAlarm, wording: Wording, zone: tzinfo | None = None) -> str:
    """The first of the sentences: what has changed, and since when."""
    name = alarm.statistic
    side = "larger" if alarm.larger else "smaller"
    return wording(
        "drift_what",
        what=wording(f"drift_{name}_{side}"),
        much=_much(alarm, wording),
        part=alarm.since_part,
        time=f"{alarm.since_at.astimezone(zone):%Y-%m-%d %H:%M}",
        statistic=_statistic(name, wording),
        before=_number(alarm.before),
        after=_number(alarm.after),
    )


def _statistic(name: str, wording: Wording) -> str:
    return "P(NG)" if name == "score" else wording(f"statistic_{name}")


def _much(alarm: DriftAlarm, wording: Wording) -> str:
    """By how much: a factor, a small one in percent; a difference where there is no ratio."""
    low, high = sorted((alarm.before, alarm.after))
    if alarm.statistic in _SIGNED or low <= 0:
        return wording("drift_difference", difference=_number(high - low))
    if high / low >= _LARGE:
        return wording("drift_factor", factor=_number(high / low))
    return wording("drift_percent", percent=_number(abs(alarm.after / alarm.before - 1) * 100))


def _number(value: float) -> str:
    """With three digits.

    >>> _number(120.04), _number(-0.5), _number(1280.0), _number(0.01834)
    ('120', '−0.5', '1280', '0.0183')
    """
    return f"{value:.{max(3, len(str(int(abs(value)))))}g}".replace("-", "−")
