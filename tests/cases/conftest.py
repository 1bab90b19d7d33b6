"""What cases share: an inspector that needs no training."""

import pytest

from brightness import loaded
from gainspect.inspection.inspector import Inspector


@pytest.fixture
def any_bundle(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that `gainspect inspect` takes for a bundle."""
    monkeypatch.setattr(Inspector, "load", loaded)
    return "any.gain"
