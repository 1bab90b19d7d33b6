"""Counts and durations in words."""


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "step"), plural(12, "step")
    ('1 step', '12 steps')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def in_words(seconds: float) -> str:
    """A duration in words.

    >>> in_words(40), in_words(100), in_words(3600 * 2.24)
    ('under a minute', 'about 2 minutes', 'about 2.2 hours')
    """
    if seconds < 55:
        return "under a minute"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {plural(minutes, 'minute')}"
    return f"about {seconds / 3600:.1f} hours"
