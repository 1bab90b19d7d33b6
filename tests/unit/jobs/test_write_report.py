"""A report of a bundle and labeled data: its panel has the judged parts and those that it was chosen on."""

import csv
import json
import re
from dataclasses import replace

import pytest

from gainspect.data.manifest import save_manifest
from gainspect.data.seen import SEEN, SeenImages
from gainspect.data.stratified_sample import stratified_sample
from gainspect.errors import GainspectError
from gainspect.evaluation.chosen_on import CHOSEN_ON, ChosenOn, chosen_content
from gainspect.evaluation.goals import POINT, content_of
from gainspect.evaluation.judged_parts import JudgedPart
from gainspect.evaluation.saved_verdicts import read_verdicts
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.bundle import write_bundle
from gainspect.jobs import write_report as module
from gainspect.jobs.write_report import write_inspection_report
from gainspect.types import Label
from report_parts import Spots, parts, point_with_floor
from report_parts import bundle as described

STRANGE = JudgedPart(name="elsewhere.png", group="x", ng=True, score=0.01)
SEEN_BEFORE = JudgedPart(name="part1.png", group="y", ng=True, score=0.02)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(inspector_module, "open_backend", lambda *given: Spots())
    manifest = parts(tmp_path / "data")
    save_manifest(manifest, tmp_path / "data" / "parts.csv")
    return manifest


def bundle_with(path, contents):
    description = described().description
    description = description.model_copy(update={"formats": {"onnx": ("model.onnx",)}, "schema_version": 2})
    return write_bundle(path, description, {"model.onnx": b"a graph", **contents})


def report(path, tmp_path, **options):
    out = tmp_path / "report.html"
    given = {"data": tmp_path / "data" / "parts.csv", "seen": "allow", **options}
    write_inspection_report(path, out=out, **given)
    text = out.read_text(encoding="utf-8")
    found = re.search(r'id="panel-data">(.*?)</script>', text)
    return text, json.loads(found[1])


def test_the_panel_has_both_sets_and_the_command(data, tmp_path):
    stored = ChosenOn(split="val", parts=(STRANGE, SEEN_BEFORE))
    contents = {POINT: content_of(point_with_floor(0.15)), CHOSEN_ON: chosen_content(stored)}
    bundle = bundle_with(tmp_path / "my spots.gain", contents)
    text, panel = report(bundle.path, tmp_path)
    assert [row[0] for row in panel["sets"][0]] == [data.key(part) for part in data.parts]
    assert [(row[0], row[2]) for row in panel["sets"][1]] == [("elsewhere.png", 0.01), ("part1.png", 0.02)]
    assert panel["command"] == "gainspect calibrate 'my spots.gain' --data DIR"
    assert (panel["costs"]["miss"], panel["prevalence"]) == (30, 0.02)
    blind = text[text.index("What it is blind to") :]
    # Of the parts that were chosen on, one is not at hand: it is named, and has no picture.
    assert "Without a picture: elsewhere.png." in blind
    assert re.findall(r"<h4>(.*?)</h4>", blind.partition("</section>")[0]) == ["part1.png"]


def test_a_part_chosen_on_is_shown_only_if_it_is_the_file_that_was_seen(data, tmp_path):
    first, rest = data.parts[1], [part for place, part in enumerate(data.parts) if place != 1]
    split = [("val", first), *(("test", part) for part in rest)]
    known = type(data)(data.root, tuple(type(part)(**vars(part) | {"split": name}) for name, part in split))
    save_manifest(known, tmp_path / "data" / "parts.csv")
    stored = ChosenOn(split="val", parts=(SEEN_BEFORE,))
    contents = {POINT: content_of(point_with_floor(0.05)), CHOSEN_ON: chosen_content(stored)}
    for hashes, pictured in ((SeenImages.of(known), ["part1.png"]), (SeenImages({}, {}), [])):
        bundle = bundle_with(tmp_path / "b.gain", contents | {SEEN: hashes.to_json()})
        text, panel = report(bundle.path, tmp_path)
        assert len(panel["sets"][0]) == 23
        blind = text[text.index("What it is blind to") :].partition("</section>")[0]
        assert re.findall(r"<h4>(.*?)</h4>", blind) == pictured


def test_an_older_bundle_has_the_judged_parts_only(data, tmp_path):
    text, panel = report(bundle_with(tmp_path / "old.gain", {}).path, tmp_path, language="ko")
    assert len(panel["sets"]) == 1 and "이전 버전에서" in text


def test_verdicts_are_saved_before_anything_is_drawn(data, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise GainspectError("the report is too large (99 MiB)")

    monkeypatch.setattr(module, "write_report", fails)
    with pytest.raises(GainspectError, match="too large"):
        report(bundle_with(tmp_path / "spots.gain", {}).path, tmp_path)
    saved = read_verdicts(tmp_path / "report.csv")
    assert set(saved.images) == {data.key(part) for part in data.parts}
    assert list(saved.labels) == [
        {data.key(part): part.label is Label.NG for part in data.parts}[image] for image in saved.images
    ]


@pytest.mark.parametrize(("language", "told"), [("en", "A sample: 10 of 24 images"), ("ko", "24장 중 10장")])
def test_a_sample_is_judged_and_the_report_says_so(data, tmp_path, language, told):
    bundle = bundle_with(tmp_path / "spots.gain", {})
    text, panel = report(bundle.path, tmp_path, limit=10, language=language)
    wanted = [data.key(part) for part in stratified_sample(data, 10).parts]
    assert [row[0] for row in panel["sets"][0]] == wanted
    assert set(read_verdicts(tmp_path / "report.csv").images) == set(wanted)
    assert text.count(told) == 2  # above, and under its origin
    whole, _ = report(bundle.path, tmp_path, limit=24, language=language)
    assert "24 of 24" not in whole and told.partition(" 10")[0] not in whole


def test_a_report_names_the_runtime_that_it_was_told_to_judge_with(data, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(inspector_module, "open_backend", lambda *told: given.append(told) or Spots())
    bundle = bundle_with(tmp_path / "spots.gain", {})
    text, _ = report(bundle.path, tmp_path, runtime="openvino", precision="bf16", threads=3)
    assert "Judged by fake f32." in text  # what the backend calls itself
    assert [told[1:] for told in given] == [("openvino", "bf16", 3)]


def test_verdicts_of_a_report_name_the_parts_of_several_images(data, tmp_path):
    together = tuple(replace(part, part=part.group) for part in data.parts)
    save_manifest(replace(data, parts=together), tmp_path / "data" / "parts.csv")
    report(bundle_with(tmp_path / "spots.gain", {}).path, tmp_path)
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        assert {row["image"]: row["part"] for row in csv.DictReader(file)} == {
            data.key(part): part.part for part in together
        }
