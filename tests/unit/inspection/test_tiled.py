"""Large images by tiles, over a fake backend that sees bright pixels."""

import itertools
import tracemalloc

import cv2
import numpy as np
import pytest

from gainspect.data.framing import geometry_of, letterbox
from gainspect.data.tiles import Tiling, tiles_of
from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.regions.found import Contributions, regions_of
from gainspect.inspection.stream import inspect_files
from gainspect.types import Label


class Bright:
    """P(NG) is the brightest pixel of the frame; the maps are grey values at a quarter of the size."""

    size, runtime, precision = 256, "fake", "f32"

    def __init__(self):
        self.batches = []

    def __call__(self, images):
        self.batches.append(len(images))
        grey = images[..., 0].astype(np.float32) / 255
        cells = grey.reshape(len(grey), 64, 4, 64, 4).max(axis=(2, 4))
        return {"score": cells.max(axis=(1, 2)), "cam": cells - 0.6, "evidence": cells - 0.6}


def by_tiles(tile=512, overlap=0.25, batch_size=4, **options):
    tiling = Tiling(tile, overlap)
    return Inspector(Bright(), threshold=0.9, tiling=tiling, batch_size=batch_size, **options)


def part_of(height, width, *defects, side=20):
    """Grey, with bright squares at (y, x)."""
    image = np.full((height, width, 3), 100, np.uint8)
    for y, x in defects:
        image[y : y + side, x : x + side] = 255
    return image


PLACES = [(0, 0), (1980, 7980), (505, 3000), (1000, 379), (1237, 4091)]


@pytest.mark.parametrize("place", PLACES)
def test_a_defect_of_20_px_in_8000_x_2000_is_found_at_its_place(place):
    verdict = by_tiles(region_threshold=0.2).inspect(part_of(2000, 8000, place))
    assert (verdict.label, verdict.score) == (Label.NG, 1.0)
    (region,) = verdict.regions
    y, x = place
    # A cell of the map is 8 px of the image.
    left, top, width, height = region.box
    assert abs(left - x) <= 8 and abs(top - y) <= 8
    assert abs(left + width - x - 20) <= 8 and abs(top + height - y - 20) <= 8
    whole = Inspector(Bright(), threshold=0.9).inspect(part_of(2000, 8000, place))
    assert whole.label is Label.OK  # seen whole it is less than a pixel


@pytest.mark.parametrize("overlap", [0.0, 0.75])  # 64 and 854 tiles
def test_memory_is_the_formula(overlap):
    image = part_of(2000, 8000, (505, 3000))
    pixels, maps, batch, size, tile = 2000 * 8000, 2, 4, 256, 512
    network = 2**23  # what the fake takes: its batch as floats, and their halves
    cells = 64**2 * len(tiles_of(2000, 8000, Tiling(tile, overlap)))
    inspector = by_tiles(overlap=overlap)
    tracemalloc.start()
    verdict = inspector.inspect(image)
    peak = tracemalloc.get_traced_memory()[1]
    assert peak < 4 * maps * cells + 2 * 3 * batch * size**2 + network
    tracemalloc.reset_peak()
    verdict.evidence.maps()
    drawn = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn < 4 * maps * (cells + pixels) + 8 * (size**2 + tile**2) + network
    assert set(inspector.backend.batches[:-1]) == {batch}


def test_regions_take_what_is_stated():
    image = part_of(2000, 8000, *PLACES)
    inspector = by_tiles(region_threshold=0.0)
    evidence = inspector.inspect(image).evidence.evidence
    whole = Contributions(np.ones((64, 64), np.float32), geometry_of(*evidence.shape, 256))
    for given, of in ((evidence, None), (evidence, whole), (np.ones_like(evidence), whole)):
        tracemalloc.start()
        regions_of(given, 0.1, of)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 12 * evidence.size


class Summed(Bright):
    """Its contributions are the cells' excess over 0.6; the logit is their sum, and the score its sigmoid."""

    def __call__(self, images):
        results = super().__call__(images)
        contributions = np.maximum(results["cam"], 0)
        logit = contributions.sum(axis=(1, 2))
        score = 1 / (1 + np.exp(-logit.astype(np.float64))).astype(np.float32)
        return results | {"contributions": contributions, "logit": logit, "score": score}


def test_contributions_are_those_of_the_tile_that_decides_even_where_all_are_certain():
    """Three defects in three tiles that are NG with 1.0 each: the logit says which is the worst."""
    image = part_of(300, 2000, (40, 100), (140, 900), (240, 1700), side=40)
    image[140:200, 900:980] = 255
    inspector = Inspector(
        Summed(), threshold=0.5, region_threshold=0.2, tiling=Tiling(300, 0.0), batch_size=2
    )
    verdict = inspector.inspect(image)
    evidence = verdict.evidence
    left, top, width, height = evidence.tile
    assert verdict.score == 1.0
    assert left <= 900 and left + width >= 980 and (top, height) == (0, 300)
    frame, _ = letterbox(image[top : top + height, left : left + width], 256)
    expected = Summed()(frame[None])
    np.testing.assert_array_equal(evidence.contributions, expected["contributions"][0])
    first, *others = verdict.regions
    assert first.in_worst_tile and first.share == pytest.approx(1, abs=0.05)
    assert [(region.in_worst_tile, region.share) for region in others] == [(False, 0), (False, 0)]


def test_an_image_within_one_tile_has_no_worst_tile():
    tiled = Inspector(Summed(), threshold=0.5, region_threshold=0.2, tiling=Tiling(512, 0.25))
    image = part_of(300, 400, (40, 100))
    one, other = tiled.inspect(image), Inspector(Summed(), threshold=0.5, region_threshold=0.2).inspect(image)
    assert one.evidence.tile is None
    np.testing.assert_array_equal(one.evidence.contributions, other.evidence.contributions)
    assert one.regions == other.regions


def test_the_worst_tile_decides_and_maps_are_the_largest_in_overlaps():
    image = part_of(600, 900)
    image[::7, ::11] = 180
    image[450:460, 700:710] = 240
    inspector = by_tiles(tile=256, overlap=0.3, batch_size=3)
    verdict = inspector.inspect(image)
    # Tiles as large as the input are seen as they are: the map is the whole image's, cell by cell.
    scores = {}
    expected = np.full((600, 900), -np.inf)
    for top, left in itertools.product((0, 179, 344), (0, 179, 358, 537, 644)):
        frame, _ = letterbox(image[top : top + 256, left : left + 256], 256)
        np.testing.assert_array_equal(frame, image[top : top + 256, left : left + 256])
        results = Bright()(frame[None])
        scores[top, left] = results["score"][0]
        one = Inspector(Bright(), threshold=0.9).inspect(frame).evidence.cam
        place = expected[top : top + 256, left : left + 256]
        np.maximum(place, one, out=place)
    assert verdict.score == max(scores.values())
    np.testing.assert_array_equal(verdict.evidence.cam, expected.astype(np.float32))
    np.testing.assert_array_equal(verdict.evidence.evidence, np.maximum(expected, 0).astype(np.float32))
    assert inspector.backend.batches == [3] * 5


@pytest.mark.parametrize("shape", [(300, 400), (512, 512), (1, 512), (512, 40)])
def test_an_image_within_one_tile_is_judged_as_without_tiles(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    one, other = by_tiles().inspect(image), Inspector(Bright(), threshold=0.9).inspect(image)
    assert one.score == other.score
    np.testing.assert_array_equal(one.evidence.cam, other.evidence.cam)


def test_images_are_taken_one_at_a_time():
    taken = []
    images = (taken.append(place) or part_of(600, 1400, place) for place in [(0, 0), (5, 900), (300, 3)])
    verdicts = by_tiles().inspect_many(images)
    assert next(verdicts).evidence.evidence.argmax() == 0
    assert len(taken) == 1
    assert [verdict.score for verdict in verdicts] == [1.0, 1.0]


def test_files_are_read_one_at_a_time(tmp_path):
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), part_of(600, 1400))
    names = [str(tmp_path / f"{index}.png") for index in range(3)]
    reads = []
    found = inspect_files(by_tiles(), (reads.append(name) or name for name in names))
    assert next(found).verdict.label is Label.OK
    assert reads == names[:1]


def test_a_tile_without_numbers_passes_nothing():
    class Diverged(Bright):
        def __call__(self, images):
            results = super().__call__(images)
            if len(self.batches) == 2:
                results["score"][-1] = np.nan
            return results

    inspector = Inspector(Diverged(), threshold=0.9, tiling=Tiling(512, 0.25), batch_size=4)
    with pytest.raises(GainspectError, match="not finite \\(score\\)"):
        inspector.inspect(part_of(1500, 1500))
