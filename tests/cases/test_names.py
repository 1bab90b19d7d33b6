"""File names of any kind: nothing is lost, and what is written is valid text that leads back to the file."""

import csv
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from case_inputs import grey, layout, mask
from command_line import Run
from gainspect.data.checks import check
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import save_manifest
from gainspect.errors import GainspectError
from gainspect.names import composed, escaped, printable, unescaped

NAMES = [
    "[bold]x.png",
    "part[1].png",
    "[b].png",
    ":warning:.png",
    "a b, 'c' \"d\";e.png",
    "a\\xba.png",
    "a\\b.png",
    "x.PNG",
    "y.TiFf",
    "부품.png",
    unicodedata.normalize("NFD", "부품 나.png"),
    "line\nbreak.png",
    "esc\x1b[31m.png",
    "-.png",
    " blank .png",
    "nan.png",
    "#1%20.png",
    os.fsdecode("불량_01.png".encode("cp949")),
    "n" * 245 + ".png",
    "똑" * 81 + "가.png",
]


@given(st.text(st.characters(categories=None)))
@example("\\xba")
@example("\\\udcba")
@example("\\ud800\ud800\\x5c")
def test_escaped_names_are_valid_and_lead_back(name: str) -> None:
    text = escaped(name)
    text.encode("utf-8")
    assert text.isprintable() or not any(ord(character) < 32 for character in text)
    assert unescaped(text) == name
    printable(name).encode("utf-8")


def test_plain_names_stay_as_they_are() -> None:
    for name in ("a.png", "부품 1.png", "C:\\data\\part.png", "a\\x.png", "é"):
        assert escaped(name) == name


def name_of(file: bytes) -> str:
    return os.fsdecode(file)


@given(
    name=st.binary(min_size=1, max_size=60).filter(
        lambda raw: not set(raw) & {0, ord("/")} and raw not in (b".", b"..") and not raw.startswith(b".")
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_manifest_with_any_name_is_saved_and_read_again(
    name: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    for index, place in enumerate(("train/normal", "train/defective", "test/normal", "test/defective")):
        grey(root / "images" / place / f"{index}.png")
    odd = grey(root / "images/train/defective" / (name_of(name) + ".png"))
    mask(root / "masks/train/defective" / odd.name)
    manifest = load_manifest(root)
    assert odd in [part.image for part in manifest.parts]
    save_manifest(manifest, root / "run.csv")
    assert load_manifest(root / "run.csv") == manifest
    assert sum(part.mask is not None for part in manifest.parts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_inspected_and_written_down(
    name: str, run: Run, any_bundle: str, tmp_path: Path
) -> None:
    lot = tmp_path / "lot"
    grey(lot / name)
    grey(lot / "other.png")
    done = run("inspect", any_bundle, lot, "--out", tmp_path / "out", "--overlay")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out/verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert {Path(unescaped(record["image"])).name for record in records} == {name, "other.png"}
    assert len(list((tmp_path / "out/overlays").iterdir())) == 2
    assert escaped(name) in done.stdout.replace("\n", "") or len(name) > 60
    as_json = run("inspect", any_bundle, lot / name, "--jsonl")
    assert unescaped(json.loads(as_json.stdout)["image"]) == str(lot / name)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_checked_and_kept_in_the_manifest(name: str, run: Run, tmp_path: Path) -> None:
    root = layout(tmp_path / "data")
    grey(root / "images/train/defective" / name)
    mask(root / "masks/train/defective" / Path(name).with_suffix(".png"))
    as_json = json.loads(run("data", "check", root, "--json").stdout)
    assert as_json["images"] == 9
    assert not {"unreadable", "ng-without-mask", "not-taken"} & {f["code"] for f in as_json["findings"]}
    manifest = load_manifest(root)
    save_manifest(manifest, tmp_path / "split.csv")
    with (tmp_path / "split.csv").open(encoding="utf-8", newline="") as file:
        assert escaped(name) in {
            Path(row["image"]).name if "\\" not in name else row["image"].rpartition("/")[2]
            for row in csv.DictReader(file)
        }
    assert load_manifest(tmp_path / "split.csv", root=root) == manifest
    assert run("data", "check", tmp_path / "split.csv").returncode == 2  # its images lie elsewhere


@pytest.mark.parametrize("name", ["[bold]x.png", "part[1].png", "[/]a.png", ":warning:.png"])
def test_brackets_and_colons_are_printed_as_they_are(
    name: str, run: Run, any_bundle: str, tmp_path: Path
) -> None:
    root = layout(tmp_path / "[red]data")
    grey(root / "images/train/normal" / name).write_bytes(b"no image")
    checked = run("data", "check", root)
    assert f"images/train/normal/{name}" in checked.stdout
    judged = run("inspect", any_bundle, root / "images", "--out", tmp_path / "[dim]out")
    assert judged.returncode == 3
    assert f"images/train/normal/{name}: " in judged.stderr
    assert "[dim]out/verdicts.jsonl" in judged.stdout
    assert "[red]data/images/" in judged.stdout
    gone = run("inspect", any_bundle, tmp_path / f"gone-{name}")
    assert f"gone-{name}: there is no such file" in gone.stderr


def test_brackets_in_folders_are_no_pattern_where_the_folder_is_there(
    run: Run, any_bundle: str, tmp_path: Path
) -> None:
    grey(tmp_path / "lot[1]/a.png")
    grey(tmp_path / "lot1/b.png")
    (line,) = run("inspect", any_bundle, tmp_path / "lot[1]/*.png", "--jsonl").stdout.splitlines()
    assert json.loads(line)["image"].endswith("lot[1]/a.png")


FORMS = ["NFC", "NFD"]


@pytest.mark.parametrize("of_image", FORMS)
@pytest.mark.parametrize("of_mask", FORMS)
@pytest.mark.parametrize("of_table", [*FORMS, None])
def test_unicode_forms_match(of_image: str, of_mask: str, of_table: str | None, tmp_path: Path) -> None:
    rows = ["file,group"]
    for kind, word in (("normal", "양품"), ("defective", "불량")):
        for index in range(2):
            name = f"부품 {word}{index}.png"
            grey(tmp_path / "images/train" / kind / unicodedata.normalize(of_image, name))
            if kind == "defective":
                mask(tmp_path / "masks/train" / kind / unicodedata.normalize(of_mask, name))
            rows.append(unicodedata.normalize(of_table or "NFC", f"{name},그룹{word}{index}"))
    if of_table is not None:
        (tmp_path / "split.csv").write_text("\n".join(rows), encoding="utf-8")
    parts = load_manifest(tmp_path).parts
    assert [part.mask is not None for part in parts] == [False, False, True, True]
    groups = ["그룹양품0", "그룹양품1", "그룹불량0", "그룹불량1"]
    alone = ["부품 양품0", "부품 양품1", "부품 불량0", "부품 불량1"]
    assert [part.group for part in parts] == (alone if of_table is None else groups)


@pytest.mark.parametrize("on_disk", FORMS)
@pytest.mark.parametrize("in_table", FORMS)
def test_a_manifest_in_another_unicode_form_finds_its_files(
    on_disk: str, in_table: str, tmp_path: Path
) -> None:
    grey(tmp_path / unicodedata.normalize(on_disk, "로트 가/부품.png"))
    mask(tmp_path / unicodedata.normalize(on_disk, "로트 가/부품_m.png"))
    row = unicodedata.normalize(in_table, "로트 가/부품.png,불량,로트 가/부품_m.png")
    (tmp_path / "m.csv").write_text(f"image,label,mask\n{row}\n", encoding="utf-8")
    (part,) = load_manifest(tmp_path / "m.csv").parts
    assert part.image.is_file()
    assert part.mask is not None
    assert composed(part.group) == "부품"


def test_a_name_in_cp949_that_a_table_has_in_utf8_is_told(tmp_path: Path) -> None:
    grey(tmp_path / os.fsdecode("불량_01.png".encode("cp949")))
    (tmp_path / "m.csv").write_text("image,label\n불량_01.png,ng\n", encoding="utf-8")
    with pytest.raises(GainspectError, match=r"line 2: image '불량_01.png' does not exist.*in CP949: rename"):
        load_manifest(tmp_path / "m.csv")


def test_two_images_that_differ_in_their_form_only_are_named(tmp_path: Path) -> None:
    layout(tmp_path)
    for form in FORMS:
        grey(tmp_path / "images/train/normal" / unicodedata.normalize(form, "부품.png"))
    with pytest.raises(GainspectError, match="differ in their Unicode form only"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("image", "its_mask"),
    [
        ("a.png", "a.PNG"),
        ("a.PNG", "a.png"),
        ("a.jpg", "a.bmp"),
        ("a.jpg", "a.BMP"),
        ("a.jpg", "a_mask.png"),
        ("a.JPG", "a_mask.Png"),
        ("a.jfif", "a.tif"),
        ("a.b.png", "a.b.png"),
    ],
)
def test_a_mask_has_the_stem_of_its_image(image: str, its_mask: str, tmp_path: Path) -> None:
    layout(tmp_path)
    grey(tmp_path / "images/train/defective" / image)
    mask(tmp_path / "masks/train/defective" / its_mask)
    (part,) = [p for p in load_manifest(tmp_path).parts if p.image.name == image]
    assert part.mask is not None
    assert part.mask.name == its_mask


def test_an_image_that_is_called_mask_keeps_its_own(tmp_path: Path) -> None:
    for name in ("a.png", "a_mask.png"):
        grey(tmp_path / "images/train/defective" / name)
        mask(tmp_path / "masks/train/defective" / name)
    masks = {p.image.name: p.mask and p.mask.name for p in load_manifest(tmp_path).parts}
    assert masks == {"a.png": "a.png", "a_mask.png": "a_mask.png"}


@pytest.mark.parametrize(
    ("images", "masks", "named"),
    [
        (["a.png", "a.jpg"], ["a.png"], ["a.png", "a.jpg"]),
        (["a.png"], ["a.png", "a.bmp"], ["a.png", "a.bmp"]),
        (["a.png"], ["a.png", "a_mask.png"], ["a.png", "a_mask.png"]),
        (["a.png"], ["b.PNG"], ["b.PNG"]),
    ],
)
def test_one_mask_an_image_and_one_image_a_mask(
    images: list[str], masks: list[str], named: list[str], tmp_path: Path
) -> None:
    layout(tmp_path)
    for name in images:
        grey(tmp_path / "images/train/defective" / name)
    for name in masks:
        mask(tmp_path / "masks/train/defective" / name)
    with pytest.raises(GainspectError) as refused:
        load_manifest(tmp_path)
    assert all(f"defective/{name}'" in refused.value.what for name in named)


def test_images_that_differ_in_their_suffix_are_one_part(tmp_path: Path) -> None:
    layout(tmp_path)
    grey(tmp_path / "images/train/normal/twin.png")
    grey(tmp_path / "images/train/normal/twin.jpg")
    twins = {p.group for p in load_manifest(tmp_path).parts if p.image.stem == "twin"}
    assert twins == {"images/train/normal/twin"}


def test_overlays_do_not_overwrite_each_other(run: Run, any_bundle: str, tmp_path: Path) -> None:
    for name in ("a-2.png", "a.jpg", "a.png", "A.bmp", "a-3.png"):
        grey(tmp_path / "lot" / name)
    run("inspect", any_bundle, tmp_path / "lot", "--out", tmp_path / "out", "--overlay")
    names = [file.name for file in (tmp_path / "out/overlays").iterdir()]
    assert len({name.casefold() for name in names}) == 5


def test_links_to_images_are_images(tmp_path: Path) -> None:
    layout(tmp_path / "data")
    real = grey(tmp_path / "store/x.png")
    (tmp_path / "data/images/train/normal/link.png").symlink_to(real)
    assert check(load_manifest(tmp_path / "data"), size=64).images == 9


@pytest.mark.usefixtures("only_latin")
def test_a_name_that_no_font_has_is_explained_and_said_once(
    run: Run, any_bundle: str, tmp_path: Path
) -> None:
    result = run("explain", any_bundle, grey(tmp_path / "긁힘.png"), "--out", tmp_path / "why.png")
    assert result.returncode == 0 and (tmp_path / "why.png").is_file()
    assert result.stderr.count("No installed font has 긁, 힘") == 1


@pytest.mark.usefixtures("only_latin")
def test_names_that_no_font_has_are_drawn_in_overlays_and_said_once(
    run: Run, any_bundle: str, tmp_path: Path
) -> None:
    for name in ("긁힘 1.png", "긁힘 2.png", "찍힘.png", "part-17.png"):
        grey(tmp_path / "lot" / name)
    (tmp_path / "lot" / "깨짐.png").write_bytes(b"")  # no overlay, so nothing to say of its letters
    result = run("inspect", any_bundle, tmp_path / "lot", "--out", tmp_path / "out", "--overlay", "--jsonl")
    assert result.returncode == 3 and len(list((tmp_path / "out/overlays").iterdir())) == 4
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 5
    assert result.stderr.count("No installed font has 긁, 찍, 힘, so") == 1
    assert result.stderr.count("fonts-nanum") == 1
    for arguments in ((tmp_path / "lot/part-17.png", "--overlay"), (tmp_path / "lot/찍힘.png",)):
        quiet = run("inspect", any_bundle, *arguments, "--out", tmp_path / "out")
        assert quiet.returncode == 0 and "No installed font" not in quiet.stderr


CORE = """
import sys
absent = ["matplotlib", "PIL", "fontTools", "torch", "sklearn", "scipy", "jinja2"]
sys.modules.update(dict.fromkeys(absent))
from brightness import loaded
from gainspect.cli import main
from gainspect.inspection.inspector import Inspector

Inspector.load = loaded
main()
"""


@pytest.mark.parametrize("style", ["overlay", "side-by-side", "contour"])
def test_overlays_need_the_core_install_alone(style: str, tmp_path: Path) -> None:

    def inspected(*images: Path) -> str:
        out = tmp_path / f"out{len(images)}"
        settings = ["--out", out, "--overlay", "--style", style, "--jsonl"]
        done = subprocess.run(
            [sys.executable, "-c", CORE, "inspect", "any.gain", *images, *settings],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80", "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        assert [json.loads(line)["error"] for line in done.stdout.splitlines()] == [None] * len(images)
        assert len(list((out / "overlays").glob("*.png"))) >= len(images)
        first, *others = done.stderr.splitlines(keepends=True)
        assert first.startswith("Whether images are like those of the training is not checked")
        return "".join(others)

    assert inspected(grey(tmp_path / "part-17.png")) == ""
    said = inspected(grey(tmp_path / "긁힘.png"), grey(tmp_path / "긁힘 2.png"))
    assert said == (
        r"Without matplotlib there is no font for 긁, 힘, so the picture shows \uae01, \ud798. "
        "Install it with: pip install 'gainspect[report]'\n"
    )
