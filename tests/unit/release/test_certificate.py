"""INT8 is accepted within the margin and refused with the figures beyond it; over fake networks."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle
from gainspect.policy import InputPolicy, UsualRange
from gainspect.release import certificate as certify
from gainspect.types import Label

BUNDLE = cast(
    Bundle,
    SimpleNamespace(
        description=SimpleNamespace(
            policy=SimpleNamespace(
                threshold=0.5,
                inputs=InputPolicy(
                    ranges={"distance": UsualRange(high=2)}, share=0.005, split="val", images=20
                ),
            ),
            preprocessing=SimpleNamespace(tiling=None),
        )
    ),
)


class Answers:
    """Gives P(NG) by the place in the manifest, whatever the pixels; its evidence is flat.

    The first `far` OK images are far from the training.
    """

    size, runtime, precision = 64, "fake", "f32"

    def __init__(self, scores: NDArray[np.float32], far: int = 0) -> None:
        self.scores, self.given, self.far = scores, 0, far

    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        score = self.scores[self.given : self.given + len(images)]
        self.given += len(images)
        left = self.far - np.cumsum(score < 0.5)
        self.far -= int((score < 0.5).sum())
        distance = np.where((score < 0.5) & (left >= 0), 3, 1).astype(np.float32)
        evidence = np.zeros((len(images), 8, 8), np.float32)
        return {"score": score, "evidence": evidence, "distance": distance}


@pytest.fixture
def truth(parts: Manifest) -> NDArray[np.float32]:
    return np.array([0.9 if part.label is Label.NG else 0.1 for part in parts.parts], np.float32)


def certified(
    parts: Manifest,
    f32: NDArray[np.float32],
    int8: NDArray[np.float32],
    patch: pytest.MonkeyPatch,
    far: int = 0,
) -> dict[str, Any]:
    patch.setattr(certify, "open_backend", lambda *args: Answers(int8, far))
    return certify.certify_int8(BUNDLE, Answers(f32), parts)


def test_int8_that_says_the_same_is_accepted_with_its_figures(
    parts: Manifest, truth: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = certified(parts, truth, truth, monkeypatch)
    good = float((truth < 0.5).mean())  # a flat map points nowhere, so only OK parts are right
    ok = int((truth < 0.5).sum())
    expected = {"recall": 1.0, "right_reason_rate": pytest.approx(good), "unlike": (0, ok)}
    assert found == {"margin": 0.01, "review_margin": 0.02, "f32": expected, "int8": expected}


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


def test_int8_that_finds_more_ok_images_unlike_the_training_is_refused(
    parts: Manifest, truth: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    ok = int((truth < 0.5).sum())
    assert certified(parts, truth, truth, monkeypatch, far=1)["int8"]["unlike"] == (1, ok)
    with pytest.raises(GainspectError, match=rf"2 of {ok} OK images .* unlike the training, 0 in f32"):
        certified(parts, truth, truth, monkeypatch, far=2)
