"""A set in each format that is imported: imported, and trained for an epoch."""

from pathlib import Path

import pytest

from drawn_labels import imported
from format_samples import SAMPLES
from gainspect.data.importers.registry import IMPORTERS
from small_runs import trained_on


@pytest.mark.slow
@pytest.mark.parametrize("name", [importer.name for importer in IMPORTERS])
def test_a_set_trains(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    sample.write(tmp_path / "set", 16)
    source = tmp_path / "set" / sample.inside
    done, manifest = imported(source, tmp_path / "out", defect=sample.defect)
    assert done.record["format"] == name
    if done.record["one_class"]:
        done, manifest = imported(source, tmp_path / "out", resplit=True)
    trained = trained_on(tmp_path / "out", tmp_path / "run", bundle=False)
    assert trained.result_file.is_file()
    assert len(trained.manifest().parts) == len(manifest.parts)
