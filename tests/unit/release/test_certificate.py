"""INT8 is accepted within the margin and refused with the figures beyond it; over fake networks."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle
from gainspect.release import certificate as certify
from gainspect.types import Label

BUNDLE = cast(
    Bundle,
    SimpleNamespace(
        description=SimpleNamespace(
            policy=SimpleNamespace(threshold=0.5), preprocessing=SimpleNamespace(tiling=None)
        )
    ),
)


class Answers:
    """Gives P(NG) by the place in the manifest, whatever the pixels; its evidence is flat."""

    size, runtime, precision = 64, "fake", "f32"

    def __init__(self, scores: NDArray[np.float32]) -> None:
        self.scores, self.given = scores, 0

    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        score = self.scores[self.given : self.given + len(images)]
        self.given += len(images)
        return {"score": score, "evidence": np.zeros((len(images), 8, 8), np.float32)}


@pytest.fixture
def truth(parts: Manifest) -> NDArray[np.float32]:
    return np.array([0.9 if part.label is Label.NG else 0.1 for part in parts.parts], np.float32)


def certified(
    parts: Manifest, f32: NDArray[np.float32], int8: NDArray[np.float32], patch: pytest.MonkeyPatch
) -> dict[str, Any]:
    patch.setattr(certify, "open_backend", lambda *args: Answers(int8))
    return certify.certify_int8(BUNDLE, Answers(f32), parts)


def test_int8_that_says_the_same_is_accepted_with_its_figures(
    parts: Manifest, truth: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = certified(parts, truth, truth, monkeypatch)
    good = float((truth < 0.5).mean())  # a flat map points nowhere, so only OK parts are right
    expected = {"recall": 1.0, "right_reason_rate": pytest.approx(good)}
    assert found == {"margin": 0.01, "f32": expected, "int8": expected}


def test_int8_that_misses_more_is_refused_with_the_figures(
    parts: Manifest, truth: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = truth.copy()
    defective = np.flatnonzero(truth > 0.5)
    worse[defective[0]] = 0.2
    after = 1 - 1 / len(defective)
    with pytest.raises(GainspectError, match=rf"INT8 is refused: recall .* falls from 1\.000 to {after:.3f}"):
        certified(parts, truth, worse, monkeypatch)


def test_int8_that_gives_no_numbers_is_refused(
    parts: Manifest, truth: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = truth.copy()
    broken[3] = np.nan
    with pytest.raises(GainspectError, match="INT8 is refused: the model gave numbers that are not finite"):
        certified(parts, truth, broken, monkeypatch)
