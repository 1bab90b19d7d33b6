"""Samples by kind: shares of the whole, the same images each time, parts as a whole."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.manifest import Manifest, Part
from gainspect.data.stratified_sample import stratified_sample
from gainspect.errors import GainspectError
from gainspect.types import Label

ROOT = Path("data")
KINDS = st.sampled_from([(Label.OK, None), (Label.NG, "pit"), (Label.NG, "scratch"), (Label.NG, None)])


def manifest_of(kinds: list[tuple[Label, str | None]], views: int = 1) -> Manifest:
    parts = [
        Part(ROOT / f"{place:03d}-{view}.png", label, defect_type=kind, part=f"p{place}" if views > 1 else "")
        for place, (label, kind) in enumerate(kinds)
        for view in range(views)
    ]
    return Manifest(ROOT, tuple(parts))


def kind_of(part: Part) -> tuple[Label, str | None]:
    return part.label, part.defect_type


sets = st.lists(KINDS, min_size=2, max_size=60).filter(lambda kinds: len({label for label, _ in kinds}) == 2)


@given(sets, st.data())
def test_each_kind_has_its_share_and_each_class_a_part(
    kinds: list[tuple[Label, str | None]], data: st.DataObject
) -> None:
    """Its share to one part, plus one where the first of a class was put ahead of its turn."""
    limit = data.draw(st.integers(2, len(kinds)))
    manifest = manifest_of(kinds)
    sample = stratified_sample(manifest, limit)
    assert len(sample.parts) == limit
    whole, taken = Counter(map(kind_of, manifest.parts)), Counter(map(kind_of, sample.parts))
    assert all(abs(taken[kind] - limit * count / len(kinds)) <= 2 for kind, count in whole.items())
    assert {label for label, _ in taken} == {Label.OK, Label.NG}
    assert [part for part in manifest.parts if part in set_of(sample)] == list(sample.parts)  # in its order


def set_of(manifest: Manifest) -> list[Part]:
    return list(manifest.parts)


@given(sets, st.integers(2, 60), st.integers(0, 2**31))
def test_a_larger_limit_keeps_what_a_smaller_one_takes_whatever_the_order(
    kinds: list[tuple[Label, str | None]], limit: int, seed: int
) -> None:
    manifest = manifest_of(kinds)
    images = {part.image for part in stratified_sample(manifest, limit).parts}
    assert images <= {part.image for part in stratified_sample(manifest, limit + 1).parts}
    mixed = random.Random(seed).sample(manifest.parts, len(manifest.parts))
    again = stratified_sample(replace(manifest, parts=tuple(mixed)), limit)
    assert {part.image for part in again.parts} == images


def test_images_that_are_decided_together_are_taken_together() -> None:
    manifest = manifest_of([(Label.OK, None)] * 20 + [(Label.NG, "pit")] * 10, views=3)
    sample = stratified_sample(manifest, 20)
    assert Counter(Counter(part.part for part in sample.parts).values()) == {3: 6}  # a seventh has no room
    assert Counter(part.label for part in sample.parts) == {Label.OK: 12, Label.NG: 6}


def test_what_has_no_room_for_both_classes_is_refused() -> None:
    manifest = manifest_of([(Label.OK, None)] * 5 + [(Label.NG, "pit")] * 5, views=3)
    with pytest.raises(GainspectError, match="no room for an OK part and an NG part in a sample of 5 images"):
        stratified_sample(manifest, 5)


def test_with_as_many_as_there_are_all_are_taken() -> None:
    manifest = manifest_of([(Label.OK, None), (Label.NG, "pit")])
    assert stratified_sample(manifest, 2) is manifest
