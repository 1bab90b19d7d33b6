"""Run lengths of COCO, against pycocotools and by themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from gainspect.data.importers.rle import decode_rle, encode_rle
from gainspect.errors import GainspectError

_MASKS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 1))


@given(_MASKS)
def test_what_is_encoded_is_decoded(mask: NDArray[np.uint8]) -> None:
    stored = encode_rle(mask)
    assert (decode_rle(stored["counts"], stored["size"], "a.json") == mask).all()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
@given(_MASKS)
def test_strings_are_those_of_pycocotools(mask: NDArray[np.uint8]) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    theirs = coco.encode(np.asfortranarray(mask))
    assert encode_rle(mask) == {"size": theirs["size"], "counts": theirs["counts"].decode()}
    assert (decode_rle(theirs["counts"].decode(), theirs["size"], "a.json") == coco.decode(theirs)).all()


def test_long_runs_are_those_of_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.mask")
    mask = np.zeros((3000, 2000), np.uint8)
    mask[100:2900, 5] = mask[7, 1990:] = 1
    assert encode_rle(mask)["counts"] == coco.encode(np.asfortranarray(mask))["counts"].decode()


@given(st.one_of(st.text(max_size=30), st.lists(st.integers(-3, 50), max_size=8), st.none(), st.integers()))
def test_garbage_is_a_sentence_with_its_place(counts: object) -> None:
    try:
        mask = decode_rle(counts, [6, 5], "a.json, annotation 3")
    except GainspectError as error:
        assert str(error).startswith("a.json, annotation 3: its ")
    else:
        assert mask.shape == (6, 5)


@pytest.mark.parametrize("size", [[3], [0, 3], ["a", 3], "33", None, [2**40, 3], [1.5, 2]])
def test_a_size_that_is_none_is_refused(size: object) -> None:
    with pytest.raises(GainspectError, match=r"a\.json: .*size"):
        decode_rle([9], size, "a.json")


def test_a_size_over_the_limit_is_refused_before_anything_is_decoded() -> None:
    with pytest.raises(GainspectError, match="over the limit"):
        decode_rle([10**8], [10**4, 10**4], "a.json", limit=10**6)
