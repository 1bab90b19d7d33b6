"""Sentences before and after what a job does."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from gainspect.evaluation.model_rows import ModelRows
from gainspect.wording import plural

_NAMES = 10


def say(console: Console | None, *sentences: str | None) -> None:
    """Print sentences, each on a line of its own; nothing without a console, and nothing for None."""
    if console is None:
        return
    for sentence in sentences:
        if sentence is not None:
            console.print(sentence)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first ten, and how many more there are.

    >>> listed(["a", "b"]), listed(["a"] * 12)[-10:]
    ('a, b', 'and 2 more')
    """
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{', '.join(names[:_NAMES])}{more}"


def rows_sentences(made: ModelRows, reference: Path | None) -> Iterator[str]:
    """How many rows there are, and what was left out."""
    trials = len({row.trial for row in made.rows})
    parts = len({row.part for row in made.rows})
    yield f"{plural(len(made.rows), 'row')}: {plural(parts, 'part')}, {plural(trials, 'trial')}."
    if made.unread:
        yield f"{plural(made.unread, 'image')} could not be read: the decision is review."
    if made.left_out:
        yield f"{reference} says nothing of {plural(len(made.left_out), 'image')}: {listed(made.left_out)}."
    if made.not_judged:
        count = plural(len(made.not_judged), "part")
        yield f"Not judged: {count} of {reference}: {listed(made.not_judged)}."
    if reference is None:
        yield "The reference is left open: `gainspect msa PEOPLE.csv ROWS.csv` takes it from PEOPLE.csv."
