"""A progress bar for images on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def image_bar(title: str, total: int, console: Console | None) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each image. The bar disappears at the end; no bar without a terminal."""
    if console is None or not console.is_terminal:
        yield lambda: None
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        job = bar.add_task(title, total=total)
        yield lambda: bar.advance(job)
