"""What cases share: an inspector that needs no training."""

from types import SimpleNamespace

import pytest

from brightness import Brightness
from gainspect.inspection.inspector import Inspector
from gainspect.policy import HeatScale


@pytest.fixture
def any_bundle(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that `gainspect inspect` takes for a bundle."""

    def load(*_: object, **__: object) -> Inspector:
        inspector = Inspector(Brightness(), threshold=0.5, region_threshold=0.5, batch_size=3)
        policy = SimpleNamespace(heat_scale=lambda: HeatScale(cold=0.1, hot=0.9))
        inspector.bundle = SimpleNamespace(sha256="0", description=SimpleNamespace(policy=policy))  # type: ignore[assignment]
        return inspector

    monkeypatch.setattr(Inspector, "load", load)
    return "any.gain"
