"""Sentences before and after what a job does."""

from rich.console import Console


def say(console: Console | None, *sentences: str | None) -> None:
    """Print sentences, each on a line of its own; nothing without a console, and nothing for None."""
    if console is None:
        return
    for sentence in sentences:
        if sentence is not None:
            console.print(sentence)
