"""`gainspect msa` as a person meets it: people's table, a model's verdicts, the study of both, its report."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agreement_parts import APPRAISERS, people
from command_line import Run
from gainspect.data.manifest import save_manifest
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.stream import find_images, inspect_files, record_of
from report_parts import Spots
from report_parts import parts as spotted_parts


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """24 images, a manifest of them, and the verdicts of a model, twice."""
    manifest = spotted_parts(tmp_path / "data")
    save_manifest(manifest, tmp_path / "data" / "manifest.csv")
    inspector = Inspector(Spots(), threshold=0.5, region_threshold=0.3)
    found = find_images([str(part.image) for part in manifest.parts])
    for trial in (1, 2):
        records = [record_of(seen, inspector) for seen in inspect_files(inspector, found.images)]
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (tmp_path / f"{trial}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_study_of_people_and_a_model(run: Run, judged: Path) -> None:
    made = run(
        "msa", "rows", judged / "1.jsonl", "--out", judged / "first.csv", "--reference", judged / "data"
    )
    assert made.returncode == 0, made.stderr
    assert "24 rows: 24 parts, 1 trial." in made.stdout
    with (judged / "first.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["part", "appraiser", "trial", "decision", "reference", "sha256"]
    lines = ["part,appraiser,trial,decision,reference"]
    for trial in (1, 2):
        for row in rows:
            said = "불량" if row["part"] == "part4.png" and trial == 2 else row["reference"]
            lines.append(f"{row['part'].removesuffix('.png')},Kim,{trial},{said},{row['reference']}")
    (judged / "people.csv").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    broken = run("msa", judged / "people.csv")
    assert broken.returncode == 2
    assert "appraiser 'Kim' has no decision on part 'part23' in trial 2." in broken.stderr
    (judged / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    both = [judged / "1.jsonl", judged / "2.jsonl"]
    made = run("msa", "rows", *both, "--reference", judged / "people.csv", "--out", judged / "model.csv")
    assert "48 rows: 24 parts, 2 trials." in made.stdout
    result = run(
        "msa", judged / "people.csv", judged / "model.csv", "--out", judged / "s.html", "--lang", "ko"
    )
    assert result.returncode == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "24 parts: 12 OK, 12 NG" in text
    assert "model, with itself (same files) 100.0 %" in text
    assert "a deterministic model repeats itself" in text
    assert re.search(r"part4 OK Kim OK NG · model NG NG 75%", text)
    page = (judged / "s.html").read_text(encoding="utf-8")
    assert "계수형 측정시스템 분석" in page
    assert "결정론적 모델" in page
    # Without a name for the command and with it: the same study.
    named = run("msa", "study", judged / "people.csv", judged / "model.csv")
    assert named.stdout.splitlines()[:5] == result.stdout.splitlines()[:5]


def test_the_reference_may_be_left_to_the_other_table(run: Run, judged: Path) -> None:
    made = run("msa", "rows", judged / "1.jsonl", "--out", judged / "open.csv", "--appraiser", "모델 A")
    assert "The reference is left open" in made.stdout
    alone = run("msa", judged / "open.csv")
    assert alone.returncode == 2
    assert "open.csv, line 2: part 'part0.png' has no reference" in alone.stderr
    run(
        "msa",
        "rows",
        judged / "2.jsonl",
        "--out",
        judged / "b.csv",
        "--appraiser",
        "B",
        "--reference",
        judged / "data",
    )
    together = run("msa", judged / "b.csv", judged / "open.csv")
    assert together.returncode == 0
    assert "B and 모델 A" in together.stdout


def test_rows_are_made_where_there_is_no_more_than_inspecting_needs(judged: Path) -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(['scipy', 'sklearn', 'matplotlib', 'jinja2', 'torch']); "
        "from gainspect.cli import main; main()"
    )
    made = [judged / "1.jsonl", "--out", judged / "rows.csv", "--reference", judged / "data"]
    arguments = [sys.executable, "-c", code, "msa", "rows", *map(str, made)]
    ended = subprocess.run(arguments, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert (judged / "rows.csv").is_file()


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_report_says_everything_and_escapes_names(run: Run, tmp_path: Path, language: str) -> None:
    result = run("msa", people(tmp_path / "p.csv"), "--out", tmp_path / "s.html", "--lang", language)
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "<b>Co" not in page
    assert "Lee &amp; &lt;b&gt;Co" in page
    assert page.count("<tr>") == len(re.findall(r"^ 판-", result.stdout, re.MULTILINE)) + 3 + 3 + 3 + 2 + 3
    assert APPRAISERS[0] in page
    assert "http" not in page.replace("http-equiv", "")


def test_tables_fit_80_columns(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", "80")
    result = run("msa", people(tmp_path / "p.csv"))
    assert max(map(cell_len, result.stdout.splitlines())) <= 80
    for whole in ("Effective", "False alarm", "of NG", "unacceptable"):
        assert whole in result.stdout


def test_errors_are_one_sentence(run: Run, tmp_path: Path) -> None:
    table = people(tmp_path / "p.csv")
    for arguments, sentence in (
        ((tmp_path / "none.csv",), "cannot read it"),
        ((table, "--lang", "fr"), "there is no language 'fr'"),
        (("rows", tmp_path / "none.jsonl", "--out", tmp_path / "o.csv"), "cannot read it"),
        (("rows", table, "--out", table), "this file would be overwritten"),
        (("rows", table, "--out", tmp_path / "o.csv", "--appraiser", " "), "an appraiser needs a name"),
        (("rows", table, "--out", tmp_path / "o.csv"), "line 1: this is no record of a verdict"),
    ):
        result = run("msa", *arguments)
        assert result.returncode == 2, arguments
        assert sentence in result.stderr
        assert "Traceback" not in result.stderr
    assert not (tmp_path / "o.csv").exists()
