"""`gainspect demo`."""


def demo() -> None:
    """Placeholder."""
