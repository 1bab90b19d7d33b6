"""An old and a new bundle on old and new parts: what changes is what each decides, with pictures."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import Run
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.data.seen import SEEN, SeenImages
from gainspect.evaluation.bundle_comparison import COMPARISON, BundleComparison, require_compared
from gainspect.inspection.bundle import Bundle, read_bundle, write_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.types import Label

pytest.importorskip("torch")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZE = 64


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        from untrained import untrained_bundle

    path = tmp_path_factory.mktemp("bundle") / "u.gain"
    return untrained_bundle(path, backbone="test_efficientnet", size=SIZE)


def with_policy(bundle: Bundle, path: Path, threshold: float, seen: SeenImages) -> Path:
    """The same network that decides by another threshold, and says that it has seen these images."""
    policy = bundle.description.policy.model_copy(update={"threshold": threshold, "reason": None})
    description = bundle.description.model_copy(update={"policy": policy, "name": path.stem})
    write_bundle(path, description, {**bundle.contents, SEEN: seen.to_json()})
    return path


def only(manifest: Manifest, numbers: slice, split: str | None) -> Manifest:
    parts = (replace(part, split=split) for part in manifest.parts[numbers])
    return replace(manifest, parts=tuple(parts))


def test_changes_are_those_that_the_two_thresholds_say(
    run: Run, untrained: Bundle, parts: Manifest, tmp_path: Path
) -> None:
    tested = only(parts, slice(0, 14), "test")
    trained = only(parts, slice(14, 16), "train")
    fresh, learned = only(parts, slice(16, 26), None), only(parts, slice(26, 29), "train")
    valid = only(parts, slice(29, 30), "val")
    old_data, new_data = tmp_path / "old.csv", tmp_path / "new.csv"
    save_manifest(replace(tested, root=tmp_path, parts=tested.parts + trained.parts), old_data)
    reviewed = [replace(part, split=None) for one in (fresh, learned, valid) for part in one.parts]
    save_manifest(replace(fresh, root=tmp_path, parts=tuple(reviewed)), new_data)
    inspector = Inspector.load(untrained, check=False)
    scores = dict(
        zip(
            (part.image.name for part in parts.parts),
            inspector.scores(map(parts.image, parts.parts)),
            strict=True,
        )
    )
    low, high = np.quantile([*scores.values()], [0.3, 0.7])
    old = with_policy(untrained, tmp_path / "old.gain", float(low), SeenImages.of(trained))
    seen = SeenImages.of(replace(parts, parts=learned.parts + valid.parts))
    new = with_policy(untrained, tmp_path / "new.gain", float(high), seen)
    out = tmp_path / "out"
    done = run(
        "bundle", "compare", old, new, "--old-parts", old_data, "--new-parts", new_data, "--out", out
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = BundleComparison.model_validate_json((out / COMPARISON).read_bytes())
    for compared, judged in zip(found.sets, (tested.parts, fresh.parts + valid.parts), strict=True):
        expected = {part.image.name: part for part in judged if low <= scores[part.image.name] < high}
        assert {Path(change.part).name for change in compared.changes} == set(expected)
        for change in compared.changes:
            truth = expected[Path(change.part).name].label
            assert (change.before, change.after, change.label) == (Label.NG, Label.OK, truth)
            assert change.better is (truth is Label.OK)
            assert change.score_before == pytest.approx(scores[Path(change.part).name], abs=1e-4)
        assert compared.count == len(judged)
        assert sum(compared.before) == sum(compared.after) == len(judged)
    assert [one.trained_on for one in found.sets] == [0, 3]
    assert [one.validated_on for one in found.sets] == [0, 1]
    require_compared(found, read_bundle(old).sha256, read_bundle(new).sha256, found.new.policy_id)
    page = (out / "comparison.html").read_text(encoding="utf-8")
    changes = sum(len(one.changes) for one in found.sets)
    assert len(re.findall("data:image/jpeg", page)) == 3 * changes and changes > 4
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", page)
    assert "the decision on" in done.stdout and "Newly missed (worse)" in done.stdout
    assert json.loads((out / "comparison.json").read_text())["page_sha256"] == found.page_sha256

    again = run(
        "bundle", "compare", old, new, "--old-parts", old_data, "--new-parts", new_data, "--out", out
    )  # fmt: skip
    assert again.returncode == 2 and "there is already" in again.stderr
    for arguments, what in (
        ((old, old, old_data, new_data), "both are the same bundle"),
        ((untrained.path, new, old_data, new_data), "does not say which images it was trained on"),
    ):
        first, second, one, two = arguments
        refused = run(
            "bundle", "compare", first, second, "--old-parts", one, "--new-parts", two, "--out",
            tmp_path / "none", "--lang", "ko",
        )  # fmt: skip
        assert refused.returncode == 2 and what in refused.stderr
    save_manifest(replace(learned, root=tmp_path), new_data)
    refused = run(
        "bundle", "compare", old, new, "--old-parts", old_data, "--new-parts", new_data, "--out",
        tmp_path / "none", "--lang", "ko",
    )  # fmt: skip
    assert refused.returncode == 2 and "of the new parts nothing is left" in refused.stderr
    assert not (tmp_path / "none").exists()
