"""Each public set, folders of classes and tables: imported, and trained for an epoch."""

from pathlib import Path

import pytest

from drawn_labels import imported
from drawn_sets import INSIDE, SETS
from small_runs import trained_on


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_set_trains(name: str, tmp_path: Path) -> None:
    SETS[name](tmp_path / "set")
    source = tmp_path / "set" / INSIDE.get(name, "")
    done, manifest = imported(source, tmp_path / "out")
    if done.record["one_class"]:
        done, manifest = imported(source, tmp_path / "out", resplit=True)
    trained = trained_on(tmp_path / "out", tmp_path / "run")
    assert trained.result_file.is_file()
    assert len(trained.manifest().parts) == len(manifest.parts)
