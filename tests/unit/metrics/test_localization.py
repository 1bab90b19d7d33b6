"""Segmentation figures against plain loops and closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gainspect.metrics import localization
from reference import cam_reference as reference

# Far enough apart that each falls into a bin of its own.
PROBABILITIES = st.sampled_from([0.001, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
IMAGES = st.lists(
    st.tuples(arrays(np.float32, (5, 6), elements=PROBABILITIES), arrays(np.bool_, (5, 6))),
    min_size=1,
    max_size=4,
)


def counted(images):
    return localization.pooled([localization.overlap(values, mask) for values, mask in images])


@given(IMAGES)
def test_aupro_equals_the_plain_loops(images):
    masks = np.array([mask for _, mask in images])
    expected = reference.aupro(images) if masks.any() and not masks.all() else None
    found = localization.aupro(counted(images))
    assert found is None if expected is None else found == pytest.approx(expected, abs=1e-6)


@given(IMAGES)
def test_pooled_figures_are_those_of_one_large_image(images):
    values, mask = (np.concatenate(side) for side in zip(*images, strict=True))
    region = values >= 0.5
    total = counted(images)
    both, either = (region & mask).sum(), (region | mask).sum()
    assert localization.pooled_iou(total) == (both / either if either else None)
    assert localization.pooled_dice(total) == (2 * both / (region.sum() + mask.sum()) if either else None)


@given(arrays(np.bool_, (4, 5)), arrays(np.bool_, (4, 5)))
def test_dice_follows_from_iou(region, mask):
    iou = localization.iou(region, mask)
    assert localization.dice(region, mask) == pytest.approx(2 * iou / (1 + iou))
    assert iou == pytest.approx(reference.fixed_iou(region, mask, 0.5) if (region | mask).any() else 1)


def square(*places, shape=(40, 40), side=6):
    mask = np.zeros(shape, np.bool_)
    for y, x in places:
        mask[y : y + side, x : x + side] = True
    return mask


def test_a_perfect_map_has_aupro_1_and_a_flat_one_half_the_limit():
    mask = square((3, 4), (20, 25))
    perfect, flat = mask.astype(np.float32), np.full((40, 40), 0.4, np.float32)
    assert localization.aupro(counted([(perfect, mask)])) == pytest.approx(1)
    assert localization.aupro(counted([(flat, mask)])) == pytest.approx(0.15)


def test_each_defect_counts_alike_whatever_its_size():
    large, small = square((2, 2), side=20), square((30, 30), side=2)
    found_small = counted([(small.astype(np.float32), large | small)])
    # Half of the defects from the start; the rest comes with everything else, on a line to (1, 1).
    assert localization.aupro(found_small) == pytest.approx(0.5 + 0.5 * 0.3 / 2)


def test_smooth_random_maps_agree_with_every_threshold_within_the_bins():
    rng = np.random.default_rng(5)
    mask = square((1, 2), (12, 3), shape=(20, 20), side=5)
    values = (1 / (1 + np.exp(-(rng.normal(-3, 2, (20, 20)) + 3 * mask)))).astype(np.float32)
    assert localization.aupro(counted([(values, mask)])) == pytest.approx(
        reference.aupro([(values, mask)]), abs=0.01
    )


def test_ok_images_count_for_the_false_positives():
    mask = square((3, 4))
    hit = (mask.astype(np.float32), mask)
    empty = np.zeros_like(mask)
    alarm = (np.full(mask.shape, 1.0, np.float32), empty)
    assert localization.aupro(counted([hit])) > localization.aupro(counted([hit, alarm]))
    assert localization.pooled_iou(counted([hit, alarm])) == 36 / (36 + 1600)


def test_without_a_defect_there_is_no_overlap():
    empty = np.zeros((4, 4), np.bool_)
    cold = counted([(np.zeros((4, 4), np.float32), empty)])
    assert localization.aupro(cold) is localization.pooled_iou(cold) is localization.pooled_dice(cold) is None
    assert localization.iou(empty, empty) == localization.dice(empty, empty) == 1


def test_a_map_of_exact_zeros_and_ones_is_counted():
    total = counted([(np.eye(4, dtype=np.float32), ~np.eye(4, dtype=np.bool_))])
    assert total.outside.sum() == 4
    assert total.outside[-1] == 4


def test_what_is_ignored_counts_as_if_it_were_cut_off():
    rng = np.random.default_rng(5)
    values, mask = rng.random((30, 40)), np.zeros((30, 40), bool)
    mask[4:9, 3:11] = True
    ignored = np.zeros_like(mask)
    ignored[:, 25:] = True
    found, cut = (
        localization.overlap(values, mask, ignored=ignored),
        localization.overlap(values[:, :25], mask[:, :25]),
    )
    assert (found.intersection, found.union, found.sizes) == (cut.intersection, cut.union, cut.sizes)
    np.testing.assert_array_equal(found.outside, cut.outside)
    np.testing.assert_array_equal(found.regions, cut.regions)


@given(arrays(np.float32, (9, 11), elements=st.floats(0, 1, width=32)), arrays(np.bool_, (9, 11)))
def test_a_defect_among_others_counts_as_it_does_alone(values, mask):
    found = localization.overlap(values, mask).regions
    alone = [np.zeros_like(mask) for _ in reference.defects(mask)]
    for one, pixels in zip(alone, reference.defects(mask), strict=True):
        one[tuple(np.array(sorted(pixels)).T)] = True
    shares = [localization.overlap(values, one).regions for one in alone]
    assert found.dtype == np.float32
    assert sorted(map(tuple, found)) == sorted(tuple(row) for rows in shares for row in rows)


def test_counts_of_many_images_do_not_overflow():
    """Three images of 2³¹ − 1 pixels each, which 32 bits just hold."""
    one = localization.overlap(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.bool_))
    full = replace(one, outside=np.stack([one.outside[0], one.outside[1] // 4 * np.int32(2**31 - 1)]))
    assert localization.pooled([full] * 3).outside.sum() == 3 * (2**31 - 1)
