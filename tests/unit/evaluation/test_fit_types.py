"""Class means against scikit-learn, the limit by leaving one out, the confusion matrix by counting."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import NearestCentroid

from gainspect.data.manifest import Manifest
from gainspect.evaluation.fit_types import KNOWN_SHARE, LEAST_PARTS, Sample, fit_types, types_from
from gainspect.inspection.regions.defect_types import DefectTypes
from gainspect.policy import Policy
from report_parts import Spots, parts


def samples(seed, counts, spread=1.0, channels=6):
    rng = np.random.default_rng(seed)
    middles = {name: rng.normal(0, 3, channels) for name in sorted(counts)}
    return [
        Sample(name, f"{name}{index}", middles[name] + spread * rng.normal(0, 1, channels))
        for name, count in counts.items()
        for index in range(count)
    ]


@given(seed=st.integers(0, 2**32 - 1))
def test_the_nearest_class_is_that_of_scikit_learn(seed):
    learned = samples(seed, {"pit": 9, "chip": 6, "stain": 14})
    types = types_from(learned, [])
    scale = np.array(types.scale)
    known = NearestCentroid().fit(np.stack([s.features for s in learned]) / scale, [s.type for s in learned])
    np.testing.assert_allclose(known.centroids_, types.means, rtol=1e-9)
    everything = types.model_copy(update={"limit": 1e9})
    new = np.random.default_rng(seed + 1).normal(0, 3, (20, 6))
    assert [everything.nearest(features) for features in new] == list(known.predict(new / scale))


def test_the_scale_is_the_deviation_within_the_types():
    learned = samples(1, {"pit": 9, "chip": 6})
    within = [np.stack([s.features for s in learned if s.type == name]) for name in ("chip", "pit")]
    squares = sum(((values - values.mean(axis=0)) ** 2).sum(axis=0) for values in within)
    assert types_from(learned, []).scale == pytest.approx(np.sqrt(squares / 13))


def test_the_limit_is_the_distance_from_the_mean_of_the_others():
    learned = samples(2, {"pit": 9, "chip": 6})
    types = types_from(learned, [])
    away = []
    for left_out in learned:
        others = [s.features for s in learned if s.type == left_out.type and s is not left_out]
        away.append(np.linalg.norm((left_out.features - np.mean(others, axis=0)) / types.scale))
    assert types.limit == pytest.approx(np.quantile(away, KNOWN_SHARE))
    assert types.nearest(np.full(6, 1e6)) == "unknown"


def test_the_confusion_matrix_counts_types_others_and_unknown():
    learned = samples(3, {"pit": 9, "chip": 6, "rare": LEAST_PARTS - 1}, spread=2)
    tried = samples(3, {"pit": 5, "chip": 7, "rare": 3, "new": 2}, spread=3)
    types = types_from(learned, tried, without_region=4)
    assert (types.names, types.too_rare, types.without_region) == (("chip", "pit"), {"rare": 4}, 4)
    truth = [s.type if s.type in types.names else "zz" for s in tried]
    called = [types.nearest(s.features) for s in tried]
    called = ["zz" if name == "unknown" else name for name in called]
    expected = confusion_matrix(truth, called, labels=["chip", "pit", "zz"])
    np.testing.assert_array_equal(types.confusion, expected)
    assert DefectTypes.model_validate_json(types.model_dump_json()) == types


@pytest.mark.parametrize("counts", [{}, {"pit": 20}, {"pit": 20, "chip": LEAST_PARTS - 1}])
def test_with_fewer_than_two_types_none_is_told_apart(counts):
    types = types_from(samples(4, counts), [])
    assert (types.names, types.too_rare, types.confusion) == ((), counts, ())


def test_a_feature_that_never_varies_outweighs_nothing():
    learned = [s._replace(features=np.append(s.features, 7.0)) for s in samples(5, {"pit": 9, "chip": 6})]
    types = types_from(learned, [])
    assert min(types.scale) > 0 and np.isfinite(types.limit)


@pytest.mark.parametrize(
    "change", [{"names": ("a",)}, {"scale": (1.0, 0.0)}, {"confusion": ()}, {"names": ("a", "a")}]
)
def test_what_does_not_fit_together_is_refused(change):
    whole = types_from(samples(6, {"a": 5, "b": 5}, channels=2), []).model_dump()
    with pytest.raises(ValidationError, match="do not fit together"):
        DefectTypes.model_validate({**whole, **change})


class Featured(Spots):
    """Features that tell how dark a place is, on a coarser grid than the evidence."""

    def __call__(self, images):
        found = super().__call__(images)
        dark = found["evidence"].reshape(len(images), 12, 8, 12, 8).mean(axis=(2, 4))
        return found | {"features": np.stack([dark, dark**2, 1 - dark], axis=1).astype(np.float32)}


POLICY = Policy(threshold=0.5, split="val", ng=1, ok=1, region_threshold=0.05)


def in_split(manifest, name):
    return tuple(replace(part, split=name) for part in manifest.parts)


def test_types_are_learned_in_training_and_tried_in_validation(tmp_path):
    found = parts(tmp_path)
    manifest = Manifest(found.root, in_split(found, "train") + in_split(found, "val"))
    steps = []
    types = fit_types(Featured(), manifest, POLICY, on_step=steps.append)
    assert types.parts == {"pit": 6, "scratch": 6} and steps == ["learn the types of defects"]
    rows = np.sum(types.confusion, axis=1)
    assert list(rows) == [6, 6, 0] and types.without_region == 0
    hot = POLICY.model_copy(update={"region_threshold": 0.3})  # the six faintest show no region
    assert fit_types(Featured(), manifest, hot).names == ()


def test_the_region_that_touches_the_mark_counts(tmp_path):
    """Each image gets a darker spot beside its marked defect; the features tell the two apart."""

    class Elsewhere(Featured):
        def __call__(self, images):
            found = super().__call__(images)
            found["evidence"][:, :6, :6] = 0.9
            corner = np.zeros((len(images), 12, 12), np.float32)
            corner[:, 0, 0] = 1
            return found | {
                "features": np.stack([corner, 1 - corner, found["evidence"][:, ::8, ::8]], axis=1)
            }

    found = parts(tmp_path)
    manifest = Manifest(found.root, in_split(found, "train") + in_split(found, "val"))
    means = np.array(fit_types(Elsewhere(), manifest, POLICY).means)
    assert means[:, 0] == pytest.approx([0, 0])  # nothing of the corner
    bare = Manifest(found.root, tuple(replace(part, mask=None) for part in manifest.parts))
    assert np.array(fit_types(Elsewhere(), bare, POLICY).means)[:, 0].max() > 0


def test_without_features_or_types_nothing_is_learned_or_judged(tmp_path):
    manifest = parts(tmp_path)
    train = Manifest(manifest.root, tuple(replace(part, split="train") for part in manifest.parts))
    assert fit_types(Spots(), train, POLICY).names == ()
    untyped = Manifest(train.root, tuple(replace(part, defect_type=None) for part in train.parts))
    assert fit_types(None, untyped, POLICY) == DefectTypes()
