"""Counts and durations in words."""


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "step"), plural(12, "step"), plural(2, "entry"), plural(3, "day")
    ('1 step', '12 steps', '2 entries', '3 days')
    """
    if count != 1:
        ends_in_y = noun.endswith("y") and noun[-2:-1] not in "aeiou"
        noun = f"{noun[:-1]}ies" if ends_in_y else f"{noun}s"
    return f"{count} {noun}"


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
