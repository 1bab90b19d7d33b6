"""Whatever is imported has a sample of our own, and no damage to a file of it ends in a traceback."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_labels import imported
from format_samples import SAMPLES
from gainspect.data.importers.registry import IMPORTERS, importer_of
from gainspect.data.importers.source import FOUND_BY_NAME, Source
from garbage import sentence_or_import

FORMATS = [importer.name for importer in IMPORTERS]


def test_every_format_has_a_sample() -> None:
    assert sorted(SAMPLES) == sorted(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_sample_is_recognized_and_read_whole(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    sample.write(tmp_path / "set", 4)
    source = tmp_path / "set" / sample.inside
    assert importer_of(Source(source)).name == name
    done, manifest = imported(source, tmp_path / "out", defect=sample.defect)
    outcome = done.record["outcome"]
    assert outcome["ok"] >= 2
    assert outcome["ng"] >= 2
    assert outcome["notes"].keys() <= {FOUND_BY_NAME}
    assert len(manifest.parts) == outcome["ok"] + outcome["ng"]


_BYTES = st.binary(max_size=30) | st.sampled_from(
    [
        b"{}",
        b"[]",
        b"null",
        b'"',
        b"<annotations/>",
        b"\xff\xfe\x00",
        b"0 1 2",
        b"-1",
        b"1e999",
        b",,,,",
        b"\n",
    ]
)


def _damaged(content: bytes, place: float, cut: float, put: bytes) -> bytes:
    """Some bytes in the place of others: from `place` on, as many as the share `cut` of the rest."""
    start = int(place * len(content))
    end = start + int(cut * (len(content) - start))
    return content[:start] + put + content[end:]


@settings(max_examples=12)
@given(
    which=st.integers(0, 10**6),
    place=st.floats(0, 1),
    cut=st.floats(0, 1),
    put=_BYTES,
    said=st.booleans(),
)
@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    which: int,
    place: float,
    cut: float,
    put: bytes,
    *,
    said: bool,
) -> None:
    folder, sample = tmp_path_factory.mktemp("damage"), SAMPLES[name]
    sample.write(folder / "set", 2)
    files = sorted(file for file in (folder / "set").rglob("*") if file.is_file())
    # Labels are few among images: every other time one of them, if there is one.
    labels = [file for file in files if file.suffix.lower() not in (".png", ".jpg", ".bmp")] or files
    chosen = (labels if which % 2 else files)[which // 2 % len(labels if which % 2 else files)]
    chosen.write_bytes(_damaged(chosen.read_bytes(), place, cut, put))
    sentence_or_import(
        folder, chosen.name, inside=sample.inside, format=name if said else "auto", defect=sample.defect
    )
