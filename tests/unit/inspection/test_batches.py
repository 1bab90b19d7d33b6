"""Of large images fewer are in memory at once; the verdicts are the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gainspect.inspection import batches as module
from gainspect.inspection.batches import MOST_PIXELS, batches
from gainspect.inspection.inspector import Inspector


@given(sizes=st.lists(st.integers(0, 2 * MOST_PIXELS), max_size=30), count=st.integers(1, 9))
def test_batches_hold_all_in_order_and_are_as_large_as_they_may_be(sizes, count):
    found = list(batches(sizes, count, lambda size: size))
    assert [size for batch in found for size in batch] == sizes
    for index, batch in enumerate(found):
        assert 1 <= len(batch) <= count
        assert sum(batch[:-1]) < MOST_PIXELS
        if index < len(found) - 1:  # none is cut off early
            assert len(batch) == count or sum(batch) >= MOST_PIXELS


class Grey:
    """P(NG) and evidence are the brightness; it tells how many frames it was given."""

    size, runtime, precision = 32, "fake", "f32"

    def __init__(self):
        self.given = []

    def __call__(self, images):
        self.given.append(len(images))
        maps = images[:, ::4, ::4, 0].astype(np.float32) / 255
        return {"score": maps.max(axis=(1, 2)), "evidence": maps}


def test_large_images_are_judged_and_read_few_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 1000)
    read = []

    def images():
        for index, side in enumerate([10, 10, 40, 10, 30, 31, 32, 33]):
            read.append(index)
            yield np.full((side, side, 3), 20 * index, np.uint8)

    backend = Grey()
    verdicts = Inspector(backend, threshold=0.5, batch_size=3).judge(images())
    scores = []
    for place, verdict in enumerate(verdicts):
        scores.append(verdict.score)
        assert len(read) <= [3, 3, 3, 5, 5, 7, 7, 8][place]
    assert backend.given == [3, 2, 2, 1]
    np.testing.assert_allclose(scores, [20 * index / 255 for index in range(8)], atol=1e-6)
