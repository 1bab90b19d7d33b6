"""One rule for what is taken for an image: by `inspect`, by the folder layout and by `data check`."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from case_inputs import grey, layout, mask
from command_line import Run
from gainspect.data.checks import check
from gainspect.data.decode import IMAGE_SUFFIXES, read_image
from gainspect.data.depth import FULL
from gainspect.data.importers import load_manifest
from gainspect.data.taken import files_below, reasons
from gainspect.errors import GainspectError
from gainspect.inspection.stream import find_images


def litter(folder: Path) -> dict[str, str]:
    """Everything that is no image, by its reason."""
    (folder / "._p.png").write_bytes(b"\0\5\26\7" + bytes(60))
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    grey(folder / "__MACOSX/._p.png")
    grey(folder / ".thumbnails/p.png")
    grey(folder / "@eaDir/p.png")
    (folder / "broken.png").symlink_to(folder / "gone.png")
    (folder / "photo.jp2").write_bytes(b"\0\0\0\x0cjP  ")
    (folder / "photo.JP2").write_bytes(b"\0\0\0\x0cjP  ")
    (folder / "image").write_bytes(b"\x89PNG")
    (folder / "notes.txt").write_text("no image")
    os.mkfifo(folder / "pipe.png")
    (folder / "round").symlink_to(folder)
    counts = {"hidden": "6", "broken links": "1", ".jp2": "2", "without suffix": "1", ".txt": "1"}
    return counts | {"no files": "1", "links to a folder that is read already": "1"}


def test_each_reason_is_counted(tmp_path: Path) -> None:
    grey(tmp_path / "p.png")
    grey(tmp_path / "sub/deep/q.JPG")
    expected = litter(tmp_path)
    found = files_below(tmp_path)
    assert [file.name for file in found.images] == ["p.png", "q.JPG"]
    counted = dict(piece.rsplit(" ", 1) for piece in reasons(found.not_taken).split(", "))
    assert counted == expected


def test_every_entry_is_taken_or_named(tmp_path: Path) -> None:
    grey(tmp_path / "p.png")
    litter(tmp_path)
    found = files_below(tmp_path)
    named = {*found.images, *(item.path for item in found.not_taken)}
    assert named == set(tmp_path.iterdir())


def test_inspect_ends_with_what_it_did_not_take(run: Run, any_bundle: str, tmp_path: Path) -> None:
    grey(tmp_path / "lot/p.png")
    grey(tmp_path / "lot/q.png")
    litter(tmp_path / "lot")
    sentence = "2 judged, 13 not taken: hidden 6, .jp2 2, .txt 1, broken links 1, "
    done = run("inspect", any_bundle, tmp_path / "lot")
    assert done.stdout.splitlines()[-1].startswith(sentence)
    as_json = run("inspect", any_bundle, tmp_path / "lot", "--jsonl")
    assert as_json.stderr.splitlines()[-1].startswith(sentence)
    assert [json.loads(line)["image"][-5:] for line in as_json.stdout.splitlines()] == ["p.png", "q.png"]
    clean = run("inspect", any_bundle, tmp_path / "lot/p.png")
    assert "not taken" not in clean.stdout + clean.stderr


def test_a_folder_without_images_says_what_it_holds(run: Run, any_bundle: str, tmp_path: Path) -> None:
    (tmp_path / "a.jp2").write_bytes(b"")
    done = run("inspect", any_bundle, tmp_path)
    assert done.returncode == 2
    assert "Not taken: .jp2 1." in done.stderr


def test_data_check_finds_the_same(run: Run, tmp_path: Path) -> None:
    layout(tmp_path)
    litter(tmp_path / "images/train/normal")
    (tmp_path / "masks/train/defective/notes.xml").write_text("<a/>")
    report = check(load_manifest(tmp_path), size=64)
    assert report.images == 8
    found = {finding.code: finding for finding in report.findings}
    assert len(found["hidden"].where) == 6
    assert len(found["not-taken"].where) == 8
    assert "masks/train/defective/notes.xml (.xml)" in found["not-taken"].where
    assert "images/train/normal/photo.jp2 (.jp2)" in run("data", "check", tmp_path, "--json").stdout


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
@pytest.mark.parametrize("upper", [False, True])
def test_every_suffix_that_is_taken_is_read(suffix: str, upper: bool, tmp_path: Path) -> None:
    layout(tmp_path)
    image = grey(tmp_path / "images/train/normal" / f"x{suffix.upper() if upper else suffix}")
    assert read_image(image).shape == (8, 8, 3)
    assert find_images([str(image.parent)]).images[-1] == str(image)
    report = check(load_manifest(tmp_path), size=64)
    assert (report.images, report.has_errors) == (9, False)


@pytest.mark.parametrize("kind", [2, 3, 5, 6])
@pytest.mark.parametrize("largest", [1, 100, 255, 256, 4095, 65535])
def test_pnm_is_read_by_its_own_rules(kind: int, largest: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(largest)
    shape = (3, 5, 3) if kind in (3, 6) else (3, 5)
    values = rng.integers(0, largest + 1, shape)
    raw = values.astype(np.uint8 if largest < 256 else ">u2").tobytes()
    pixels = raw if kind > 3 else (" ".join(map(str, values.ravel())) + "\n").encode()
    (tmp_path / "a.pnm").write_bytes(f"P{kind} # note\n5 3\n{largest}\n".encode() + pixels)
    eight = (
        np.round(values * (255 / largest)) if largest < 256 else np.round(values * (65535 / largest)) / 257
    )
    expected = eight if kind in (3, 6) else np.repeat(eight[:, :, None], 3, axis=2)
    assert np.abs(read_image(tmp_path / "a.pnm", FULL).astype(float) - expected).max() <= 0.5


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + c, lambda c: c.replace(b"255", b"100")])
def test_a_pnm_of_another_length_is_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = b"P5\n4 4\n255\n" + bytes(range(240, 256))
    (tmp_path / "a.pgm").write_bytes(change(content))
    with pytest.raises(GainspectError, match="damaged"):
        read_image(tmp_path / "a.pgm")


def test_own_output_is_left_out(run: Run, any_bundle: str, tmp_path: Path) -> None:
    for index in range(3):
        grey(tmp_path / f"p{index}.png")
    for out in (tmp_path / "result", tmp_path / "result", tmp_path):
        done = run("inspect", any_bundle, tmp_path, "--out", out, "--overlay")
        assert done.returncode == 0
        assert len((out / "verdicts.jsonl").read_text().splitlines()) == 3
    as_json = run("inspect", any_bundle, tmp_path, "--jsonl")
    assert len(as_json.stdout.splitlines()) == 3
    assert "output of gainspect" in as_json.stderr


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    grey(tmp_path / "store/s.png")
    grey(tmp_path / "lot/sub/p.png")
    (tmp_path / "lot/store").symlink_to(tmp_path / "store")
    (tmp_path / "lot/again").symlink_to(tmp_path / "lot/sub")
    (tmp_path / "lot/up").symlink_to(tmp_path)
    found = files_below(tmp_path / "lot")
    assert [file.name for file in found.images] == ["s.png", "p.png"] or len(found.images) == 2
    assert reasons(found.not_taken).startswith("links to a folder that is read already ")


def test_globs_follow_the_rule_and_look_into_folders(tmp_path: Path) -> None:
    grey(tmp_path / "lots/a/p.png")
    grey(tmp_path / "lots/q.png")
    (tmp_path / "lots/._q.png").write_bytes(b"")
    (tmp_path / "lots/notes.txt").write_text("")
    found = find_images([str(tmp_path / "lots/*")])
    assert sorted(Path(name).name for name in found.images) == ["p.png", "q.png"]
    assert reasons(found.not_taken) == ".txt 1, hidden 1"
    assert len(find_images([str(tmp_path / "**/*.png")]).images) == 2
    (tmp_path / "lots/r.jp2").write_bytes(b"")
    assert [Path(name).name for name in find_images([str(tmp_path / "lots/*.jp2")]).images] == ["r.jp2"]


def test_globs_into_every_depth_leave_out_the_same(tmp_path: Path) -> None:
    for name in (
        "p.png",
        "sub/q.png",
        ".thumbnails/p.png",
        "__MACOSX/._p.png",
        "out/overlays/p.png",
        "res/r.png",
    ):
        grey(tmp_path / name)
    (tmp_path / "out/verdicts.jsonl").write_text("")
    for pattern in ("**/*.png", "**"):
        found = find_images([str(tmp_path / pattern)], own_output=tmp_path / "res")
        assert [Path(name).name for name in found.images] == ["p.png", "q.png"]
    assert [Path(n).name for n in find_images([str(tmp_path / "out/overlays/*.png")]).images] == ["p.png"]
    assert [Path(n).name for n in find_images([str(tmp_path / ".thumbnails/*.png")]).images] == ["p.png"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    image = grey(tmp_path / ".hidden")
    assert find_images([str(image)]).images == [str(image)]


@pytest.mark.parametrize("names", [("Images", "Masks"), ("images", "masks"), ("IMAGES", "MASKS")])
@pytest.mark.parametrize("split", ["train", "Train", "training", None])
@pytest.mark.parametrize(
    "kinds", [("normal", "defective"), ("Normal", "Defective"), ("ok", "ng"), ("양품", "불량")]
)
def test_folders_in_any_case_and_word(
    names: tuple[str, str], split: str | None, kinds: tuple[str, str], tmp_path: Path
) -> None:
    for kind in kinds:
        grey(tmp_path / names[0] / (split or "") / kind / f"{kind}.png")
    mask(tmp_path / names[1] / (split or "") / kinds[1] / f"{kinds[1]}.png")
    ok, ng = load_manifest(tmp_path).parts
    assert (ok.label, ng.label, ok.mask, ng.split) == ("ok", "ng", None, "train" if split else None)
    assert ng.mask is not None


@pytest.mark.parametrize("masks", ["same", "flat"])
def test_subfolders_are_defect_types(masks: str, tmp_path: Path) -> None:
    layout(tmp_path)
    place = "train/defective"
    grey(tmp_path / f"images/{place}/scratch/s.png")
    grey(tmp_path / f"images/{place}/[dent]/line 1/d.png")
    below = {"same": ("scratch/s.png", "[dent]/line 1/d.png"), "flat": ("s.png", "d.png")}[masks]
    for name in below:
        mask(tmp_path / f"masks/{place}/{name}")
    grey(tmp_path / "images/train/normal/lot 7/n.png")
    found = {p.image.stem: (p.defect_type, p.mask is not None) for p in load_manifest(tmp_path).parts}
    assert found["s"] == ("scratch", True)
    assert found["d"] == ("[dent]", True)
    assert found["n"] == (None, False)
    assert len(found) == 11
    names = sorted(f.name for f in (tmp_path / "images").rglob("*.png"))
    rows = [f"{name},{'crack' if name == 's.png' else ''}" for name in names]
    (tmp_path / "split.csv").write_text("\n".join(["file,defect_type", *rows]))
    kinds = {p.image.stem: p.defect_type for p in load_manifest(tmp_path).parts}
    assert (kinds["s"], kinds["d"]) == ("crack", "[dent]")


def test_a_mask_of_another_subfolder_is_no_mask(tmp_path: Path) -> None:
    layout(tmp_path)
    grey(tmp_path / "images/train/defective/scratch/1.png")
    mask(tmp_path / "masks/train/defective/dent/1.png")
    with pytest.raises(GainspectError, match=r"1 masks have no image, .*'masks/train/defective/dent/1.png'"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    "place", ["images/x.png", "images/train/x.png", "images/train/scratch/x.png", "images/dev/ok/x.png"]
)
def test_images_outside_the_layout_are_refused(place: str, tmp_path: Path) -> None:
    layout(tmp_path)
    grey(tmp_path / place)
    with pytest.raises(GainspectError, match=r"1 file in neither normal/ nor defective/, such as 'x.png'"):
        load_manifest(tmp_path)


def test_rows_without_image_and_folders_beside_are_found(tmp_path: Path) -> None:
    layout(tmp_path)
    names = sorted(f.name for f in (tmp_path / "images").rglob("*.png"))
    (tmp_path / "split.csv").write_text("\n".join(["file", *names, "gone.png"]))
    mask(tmp_path / "ground_truth/x.png")
    (finding,) = check(load_manifest(tmp_path), size=64).findings
    assert finding.code == "not-taken"
    assert finding.where == (
        "ground_truth (folders beside images/ and masks/)",
        "gone.png (rows of split.csv without an image)",
    )


def test_tables_that_would_go_unread_are_refused(tmp_path: Path) -> None:
    layout(tmp_path)
    (tmp_path / "splits.xlsx").write_bytes(b"PK")
    with pytest.raises(GainspectError, match=r"'splits.xlsx' is not read. Save it as split.csv"):
        load_manifest(tmp_path)
    (tmp_path / "Manifest.csv").write_text("image,label\nimages/train/normal/train-ok0.png,ok\n")
    assert len(load_manifest(tmp_path).parts) == 1
    (tmp_path / "manifest.parquet").write_bytes(b"")
    with pytest.raises(GainspectError, match=r"Manifest.csv and manifest.parquet"):
        load_manifest(tmp_path)


def test_images_that_a_manifest_in_their_folder_does_not_name_are_found(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        grey(tmp_path / name)
    mask(tmp_path / "m.png")
    (tmp_path / "manifest.csv").write_text("image,label,mask\na.png,ok,\nb.png,ng,m.png\n")
    findings = {f.code: f.where for f in check(load_manifest(tmp_path), size=64).findings}
    assert findings["not-taken"] == ("c.png (images that the manifest does not name)",)
