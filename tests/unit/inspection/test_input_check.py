"""The Inspector says by what an image is unlike the training; an OK becomes REVIEW, an NG keeps the note."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.bundle import Graph
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.stream import Inspected, record_of
from gainspect.policy import InputPolicy, UsualRange
from gainspect.types import Label, ReviewReason, Unlike
from report_parts import bundle as described

SIZE = 64
BRIGHTNESS = UsualRange(low=60, high=200)
LOOKED_AT = InputPolicy(
    ranges={"brightness": BRIGHTNESS, "distance": UsualRange(high=2)}, share=0.005, split="val", images=20
)


class Far:
    """P(NG) and evidence are the mean brightness; the distance is 100 times the share of red pixels."""

    size, runtime, precision = SIZE, "fake", "f32"

    def __call__(self, images):
        gray = images.astype(np.float32).mean(axis=3) / 255
        red = (images[..., 0] > 200) & (images[..., 1] < 50)
        distance = 100 * red.mean(axis=(1, 2), dtype=np.float32)
        return {"score": gray.mean(axis=(1, 2)), "evidence": gray, "distance": distance}


def flat(level, height=SIZE, width=SIZE):
    return np.full((height, width, 3), level, np.uint8)


def inspector(**settings):
    return Inspector(Far(), threshold=0.9, **{"inputs": LOOKED_AT} | settings)


def test_an_ok_image_unlike_the_training_is_review_and_says_by_what():
    dark, usual = inspector().inspect_many([flat(10), flat(100)])
    assert (dark.label, dark.review_reasons) == (Label.REVIEW, (ReviewReason.UNLIKE_TRAINING,))
    assert dark.unlike == (Unlike("brightness", 10, 60, 200),)
    assert (usual.label, usual.unlike) == (Label.OK, ())
    assert usual.inputs is not None and usual.inputs["brightness"] == 100
    assert usual.inputs["distance"] == 0


def test_an_ng_image_stays_ng_and_keeps_the_note():
    bright = inspector().inspect(flat(250))
    assert (bright.label, bright.review_reasons) == (Label.NG, ())
    assert [unlike.name for unlike in bright.unlike] == ["brightness"]


def test_without_ranges_no_image_is_looked_at():
    dark = inspector(inputs=None).inspect(flat(10))
    assert (dark.label, dark.inputs, dark.unlike) == (Label.OK, None, ())


def test_with_tiles_the_farthest_tile_counts_and_the_other_figures_are_of_the_whole_image():
    image = flat(100, 64, 640)
    image[:16, 600:616] = (255, 0, 0)
    whole = inspector().inspect(image)
    tiled = inspector(tiling=Tiling(64, 0.0), batch_size=3).inspect(image)
    assert whole.inputs is not None and tiled.inputs is not None
    assert (whole.unlike, [unlike.name for unlike in tiled.unlike]) == ((), ["distance"])
    assert tiled.inputs["distance"] == pytest.approx(100 * 16**2 / 64**2)  # of one tile's pixels
    assert {**tiled.inputs, "distance": 0} == {**whole.inputs, "distance": 0}


def test_an_image_is_looked_at_alike_alone_and_among_others():
    images = [flat(level, 40 + level, 64) for level in (20, 90, 200)]
    together = list(inspector().inspect_many(images))
    for image, verdict in zip(images, together, strict=True):
        assert inspector().inspect(image).inputs == verdict.inputs


def loaded(monkeypatch, outputs, policy=LOOKED_AT):
    monkeypatch.setattr(inspector_module, "open_backend", lambda *given: Far())
    bundle = described()
    description = bundle.description.model_copy(
        update={
            "graph": Graph(outputs=outputs, evidence_bias=0),
            "policy": bundle.description.policy.model_copy(update={"inputs": policy, "reason": None}),
        }
    )
    return Inspector.load(replace(bundle, description=description))


def test_a_bundle_applies_its_ranges_and_its_id_is_theirs(monkeypatch):
    found = loaded(monkeypatch, ("score", "evidence", "distance"))
    assert found.inspect(flat(10)).label is Label.REVIEW
    assert found.policy_id == found.bundle.description.policy.policy_id
    found.inputs = None
    assert found.policy_id is None


def test_a_limit_that_the_network_cannot_keep_is_refused(monkeypatch):
    with pytest.raises(GainspectError, match="its network gives none"):
        loaded(monkeypatch, ("score", "evidence"))
    without = LOOKED_AT.model_copy(update={"ranges": {"brightness": BRIGHTNESS}})
    assert loaded(monkeypatch, ("score", "evidence"), without).inspect(flat(10)).label is Label.REVIEW


def test_a_record_says_the_figures_and_what_is_unlike():
    one = inspector()
    verdict = one.inspect(flat(10))
    record = json.loads(json.dumps(record_of(Inspected("a.png", "0", None, verdict, None), one)))
    assert record["unlike"] == [{"name": "brightness", "value": 10, "low": 60, "high": 200}]
    assert record["review_reasons"] == ["unlike_training"]
    assert record["inputs"]["brightness"] == 10
