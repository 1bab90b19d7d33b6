"""Where commands print."""

from rich.console import Console

console = Console()
"""Results and progress."""

errors = Console(stderr=True)
"""Errors and notes, on stderr."""
