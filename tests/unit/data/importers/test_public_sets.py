"""Public sets in the layouts that they are published in: labels, masks, splits, and what is odd."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn_sets
from drawn_labels import fates, imported, native
from drawn_sets import INSIDE, SETS, blob, draw_mask, part, runs_by_columns
from gainspect.data.importers.layouts import MASK_ALONE
from gainspect.data.importers.magnetic_tile import MARKED
from gainspect.data.importers.part_files import OTHER_MASK
from gainspect.data.importers.registry import IMPORTERS, importer_of
from gainspect.data.importers.severstal import decode_pixels
from gainspect.data.importers.source import NOT_THERE, Source
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.types import Label


def _seen(manifest: Manifest) -> dict[str, drawn_sets.Expected]:
    """What a manifest says of each image."""
    found = {}
    for row in manifest.parts:
        mask = manifest.mask(row, manifest.shape(row))
        name = row.image.relative_to(manifest.root / "images").as_posix()
        found[name] = drawn_sets.Expected(
            row.label, None if mask is None else mask > 0, row.split, row.defect_type, row.group
        )
    return found


def _agree(seen: dict[str, drawn_sets.Expected], sample: drawn_sets.Sample) -> None:
    assert seen.keys() == sample.keys()
    for name, expected in sample.items():
        got = seen[name]
        assert got._replace(mask=None, group="") == expected._replace(mask=None, group=""), name
        assert (got.mask is None) == (expected.mask is None), name
        assert got.mask is None or (got.mask == expected.mask).all(), name
        assert not expected.group or got.group == expected.group


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_recognized_and_read(tmp_path: Path, name: str) -> None:
    sample = SETS[name](tmp_path / "set")
    done, manifest = imported(tmp_path / "set" / INSIDE.get(name, ""), tmp_path / "out")
    assert done.record["format"] == name
    assert done.record["outcome"]["notes"] == {}
    _agree(_seen(manifest), sample)
    stray = {fate for fate in fates(tmp_path / "out").values() if fate.startswith("not taken")}
    assert stray <= {"not taken: .txt", "not taken: .json", "not taken: .csv"}


@pytest.mark.parametrize("name", SETS)
def test_each_set_is_of_one_format(tmp_path: Path, name: str) -> None:
    SETS[name](tmp_path / "set")
    source = Source(tmp_path / "set" / INSIDE.get(name, ""))
    others = [i for i in IMPORTERS if i.name != name and not i.fallback and i.recognize(source) is not None]
    assert not others


@pytest.mark.parametrize(
    ("name", "folder"), [("mvtec-ad", "nut"), ("btad", "01"), ("mvtec-loco", "box"), ("visa", "candle")]
)
def test_of_several_products_one_is_asked(tmp_path: Path, name: str, folder: str) -> None:
    SETS[name](tmp_path / "set")
    (tmp_path / "set/second").symlink_to(tmp_path / "set" / folder)
    # A link to a folder that is read already is left: the copy is one.
    assert importer_of(Source(tmp_path / "set")).name == name
    (tmp_path / "set/second").unlink()
    (tmp_path / "set" / folder).rename(tmp_path / "first")
    for product in ("alpha", "beta"):
        _copy(tmp_path / "first", tmp_path / "set" / product)
    with pytest.raises(GainspectError, match=r"2 products \(alpha, beta\).*such as .*/set/alpha"):
        imported(tmp_path / "set", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done, _ = imported(tmp_path / "set/beta", tmp_path / "out")
    assert done.record["format"] == name


def _copy(source: Path, target: Path) -> None:
    for file in source.rglob("*"):
        if file.is_file():
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())


@pytest.mark.parametrize("name", ["mvtec-ad", "mvtec-loco", "btad", "visa"])
def test_one_class_sets_are_said_and_divided_anew(tmp_path: Path, name: str) -> None:
    sample = SETS[name](tmp_path / "set")
    source = tmp_path / "set" / INSIDE.get(name, "")
    done, manifest = imported(source, tmp_path / "out")
    assert any("--import resplit=yes" in remark for remark in done.record["remarks"])
    assert {p.label for p in manifest.parts if p.split == "train"} == {Label.OK}
    done, manifest = imported(source, tmp_path / "anew", resplit=True)
    assert any("do not compare with published ones" in remark for remark in done.record["remarks"])
    for split in ("train", "val", "test"):
        assert {p.label for p in manifest.parts if p.split == split} == {Label.OK, Label.NG}
    came_with = {
        p.image.relative_to(manifest.root / "images").as_posix(): p.extra["published_split"]
        for p in manifest.parts
    }
    assert came_with == {path: expected.split for path, expected in sample.items()}


def test_repackaged_masks_are_found_by_the_plain_name(tmp_path: Path) -> None:
    sample = drawn_sets.mvtec_ad(tmp_path / "set", mask="{}.png")
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    _agree(_seen(manifest), sample)


@pytest.mark.shared
def test_a_real_category_of_mvtec_ad(tmp_path: Path) -> None:
    folder = native("mvtec_layout")
    done, manifest = imported(folder, tmp_path / "out")
    assert done.record["format"] == "mvtec-ad"
    files = {f.relative_to(folder).as_posix() for f in folder.rglob("*.png") if "ground_truth" not in f.parts}
    seen = _seen(manifest)
    assert seen.keys() == files
    for name, got in seen.items():
        category, split, type_, stem = Path(name).with_suffix("").parts
        bad = type_ != "good"
        assert (got.label, got.split) == (Label.NG if bad else Label.OK, split)
        assert got.defect_type == (type_ if bad else None)
        if bad:
            mask = cv2.imread(str(folder / category / "ground_truth" / type_ / f"{stem}_mask.png"), 0)
            assert got.mask is not None
            assert mask is not None
            assert (got.mask == (mask > 0)).all()
    left = [name for name, fate in fates(tmp_path / "out").items() if fate.startswith("not taken")]
    assert {Path(name).suffix for name in left} <= {".txt", ".md"}


@pytest.mark.shared
def test_real_magnetic_tile_as_published(tmp_path: Path) -> None:
    ours = native("../mt")
    expected = {}
    for file in sorted((ours / "images/test").rglob("*.jpg")):
        mask = ours / "masks/test/defective" / f"{file.stem}.png"
        folder = tmp_path / "set" / ("MT_Crack" if mask.is_file() else "MT_Free") / "Imgs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).symlink_to(file)
        if mask.is_file():
            (folder / mask.name).symlink_to(mask)
        expected[file.name] = cv2.imread(str(mask), 0) if mask.is_file() else None
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert done.record["format"] == "magnetic-tile"
    masks = {row.image.name: manifest.mask(row) for row in manifest.parts}
    assert masks.keys() == expected.keys()
    for name, mask in expected.items():
        got = masks[name]
        assert (got is None) == (mask is None)
        assert got is None or mask is None or (got == (mask > 0)).all()
    # No number in its names is shared by the pictures of a tile: nothing is proposed.
    assert not any("--group" in remark for remark in done.record["remarks"])


def test_what_is_odd_in_a_set_is_said(tmp_path: Path) -> None:
    drawn_sets.mvtec_ad(tmp_path / "a")
    draw_mask(tmp_path / "a/nut/ground_truth/bent/077_mask.png", blob("x"))
    _, manifest = imported(tmp_path / "a", tmp_path / "a_out")
    assert fates(tmp_path / "a_out")["nut/ground_truth/bent/077_mask.png"] == f"not taken: {MASK_ALONE}"
    assert len(manifest.parts) == 24

    drawn_sets.btad(tmp_path / "e")
    draw_mask(tmp_path / "e/01/ground_truth/ok/0000.png", blob("x") & False)
    imported(tmp_path / "e", tmp_path / "e_out")
    assert fates(tmp_path / "e_out")["01/ground_truth/ok/0000.png"] == f"not taken: {MASK_ALONE}"

    drawn_sets.magnetic_tile(tmp_path / "b")
    image = next((tmp_path / "b/MT_Free/Imgs").glob("*.jpg"))
    draw_mask(image.with_suffix(".png"), blob("x"))
    imported(tmp_path / "b", tmp_path / "b_out")
    assert fates(tmp_path / "b_out")[f"MT_Free/Imgs/{image.name}"] == f"not taken: {MARKED}"

    drawn_sets.kolektor(tmp_path / "c")
    (tmp_path / "c/kos01/Part0_label.bmp").write_bytes(b"BM")
    (tmp_path / "c/kos02/Part0_label.bmp").unlink()
    with pytest.raises(GainspectError, match=r"1 image has no labels, such as Part0\.jpg"):
        imported(tmp_path / "c", tmp_path / "c_out")
    imported(tmp_path / "c", tmp_path / "c_out", unlabeled="skip")
    assert fates(tmp_path / "c_out")["kos01/Part0.jpg"] == "not taken: its mask cannot be read"

    drawn_sets.dagm(tmp_path / "d")
    (tmp_path / "d/Class1/Train/Label/0002_label.PNG").unlink()
    done, manifest = imported(tmp_path / "d", tmp_path / "d_out")
    assert sum(done.record["outcome"]["notes"].values()) == 1
    bare = next(p for p in manifest.parts if p.image.parent.name == "Train" and p.image.name == "0002.PNG")
    assert (bare.label, bare.mask) == (Label.NG, None)
    assert {p.mask_kind for p in manifest.parts if p.mask is not None} == {"box"}


def test_masks_of_another_size_than_the_image_are_not_taken(tmp_path: Path) -> None:
    drawn_sets.mvtec_loco(tmp_path / "set")
    folder = tmp_path / "set/box/ground_truth/logical_anomalies"
    draw_mask(folder / "000/000.png", np.ones((20, 20), np.bool_))
    draw_mask(folder / "001/000.png", np.ones((20, 20), np.bool_))  # beside one of the right size
    done, _ = imported(tmp_path / "set", tmp_path / "out")
    assert sum(done.record["outcome"]["left"].values()) == 2
    assert done.record["outcome"]["ng"] == 6


def test_a_ready_made_mask_of_another_size_is_not_taken(tmp_path: Path) -> None:
    drawn_sets.mvtec_ad(tmp_path / "set")
    draw_mask(tmp_path / "set/nut/ground_truth/bent/000_mask.png", np.ones((20, 20), np.bool_))
    imported(tmp_path / "set", tmp_path / "out")
    assert fates(tmp_path / "out")["nut/test/bent/000.png"] == f"not taken: {OTHER_MASK}"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("split_csv/1cls.csv", "object,split,label,image,mask\ncandle,soon,normal,a.JPG,\n", "csv, line 2"),
        ("split_csv/1cls.csv", "object,image\n", "'split' is missing"),
        ("candle/image_anno.csv", 'image,label,mask\n"a', "line 2 is not CSV"),
        ("candle/image_anno.csv", "image,label,mask\n\xff\n", "UTF-8"),
    ],
)
def test_garbage_in_the_tables_of_visa_is_a_sentence(tmp_path: Path, file: str, text: str, said: str) -> None:
    drawn_sets.visa(tmp_path / "set")
    (tmp_path / "set" / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(GainspectError, match=said) as raised:
        imported(tmp_path / "set/candle", tmp_path / "out")
    assert Path(file).name in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_images_of_severstal_that_the_competition_kept_are_asked(tmp_path: Path) -> None:
    drawn_sets.severstal(tmp_path / "set")
    part(tmp_path / "set/test_images/abc.jpg")
    with (tmp_path / "set/train.csv").open("a") as file:
        file.write("gone.jpg,1,1 5\n")
    with pytest.raises(GainspectError, match=r"no labels, such as test_images/abc\.jpg"):
        imported(tmp_path / "set", tmp_path / "out")
    done, _ = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    assert done.record["outcome"]["left"][NOT_THERE] == 1
    assert fates(tmp_path / "out")["train.csv, line 18"] == f"not taken: {NOT_THERE}"


def test_older_tables_of_severstal_name_image_and_class_together(tmp_path: Path) -> None:
    mask = blob("a")
    part(tmp_path / "set/a_b.jpg", mask)
    part(tmp_path / "set/c.jpg")
    rows = ["ImageId_ClassId,EncodedPixels", f"a_b.jpg_1,{runs_by_columns(mask)}", "a_b.jpg_2,", "c.jpg_1,"]
    (tmp_path / "set/train.csv").write_text("\n".join(rows))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    got = _seen(manifest)
    assert got["c.jpg"].label is Label.OK
    assert got["a_b.jpg"].mask is not None
    assert (got["a_b.jpg"].mask == mask).all()
    assert got["a_b.jpg"].defect_type == "defect 1"


@given(
    mask=st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
        lambda s: st.lists(st.booleans(), min_size=s[0] * s[1], max_size=s[0] * s[1]).map(
            lambda bits: np.array(bits).reshape(s)
        )
    )
)
def test_run_lengths_are_undone(mask: np.ndarray) -> None:
    assert (decode_pixels(runs_by_columns(mask), *mask.shape, "x") == mask).all()


@given(text=st.text("0123456789 -x٣", max_size=20) | st.text(max_size=10))
def test_garbage_in_run_lengths_is_a_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    try:
        decode_pixels(text, 4, 5, "train.csv, line 2")
    except GainspectError as error:
        assert "train.csv, line 2" in str(error)


@given(
    cells=st.lists(
        st.sampled_from(["a.jpg", "1", "3 4", "1 9999999", "-1 2", '"', "", "a,b", "x\0", "1 2 3"]),
        max_size=6,
    ),
    width=st.integers(1, 4),
)
def test_garbage_in_the_table_of_severstal_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], width: int
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    part(folder / "set/a.jpg")
    rows = [",".join(cells[i : i + width]) for i in range(0, len(cells), width)]
    (folder / "set/train.csv").write_text("\n".join(["ImageId,ClassId,EncodedPixels", *rows]))
    try:
        imported(folder / "set", folder / "out")
    except GainspectError as error:
        assert "train.csv" in str(error) or str(folder) in str(error)
        assert not (folder / "out").exists()
    else:
        assert (folder / "out/manifest.csv").is_file()


@settings(max_examples=15)
@given(content=st.binary(max_size=40) | st.binary(max_size=40).map(lambda b: b"\x89PNG\r\n\x1a\n" + b))
@pytest.mark.parametrize("name", ["mvtec-loco", "visa", "kolektorsdd", "magnetic-tile"])
def test_garbage_in_place_of_a_mask_leaves_its_image(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    sample = SETS[name](folder / "set", 2)
    masks = {
        "mvtec-loco": "box/ground_truth/logical_anomalies/000/000.png",
        "visa": "candle/Data/Masks/Anomaly/000.png",
        "kolektorsdd": "kos01/Part0_label.bmp",
        "magnetic-tile": "MT_Free/Imgs/exp1_num_461.png",
    }
    (folder / "set" / masks[name]).write_bytes(content)
    _, manifest = imported(folder / "set" / INSIDE.get(name, ""), folder / "out")
    assert len(manifest.parts) == len(sample) - 1
    assert len([fate for fate in fates(folder / "out").values() if "cannot be" in fate]) == 1


@pytest.mark.parametrize("line", ["nonsense", "1\t2\t0001.PNG\t0\t0", "\x00"])
def test_garbage_in_the_labels_of_dagm_is_a_sentence(tmp_path: Path, line: str) -> None:
    drawn_sets.dagm(tmp_path / "set")
    (tmp_path / "set/Class1/Train/Label/Labels.txt").write_text(f"1\n{line}\n")
    with pytest.raises(GainspectError, match=r"Labels\.txt, line 2"):
        imported(tmp_path / "set", tmp_path / "out")
    assert not (tmp_path / "out").exists()
