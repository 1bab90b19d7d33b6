"""gainspect: a visual inspector for manufacturing that has to show its reason."""

__version__ = "0.1.0"
