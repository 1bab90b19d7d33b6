"""Where commands print."""

from rich.console import Console

console = Console()
"""Results and progress."""

errors = Console(stderr=True)
"""What went wrong."""
