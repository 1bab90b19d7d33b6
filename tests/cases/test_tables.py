"""Tables as people and programs write them: the right parts, or an error that names what is wrong."""

import codecs
import csv
import io
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from case_inputs import HEADER, grey, layout, listed
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import save_manifest
from gainspect.data.tables import LABEL_WORDS, SPLIT_WORDS, fold_header
from gainspect.errors import GainspectError
from gainspect.evaluation.doubtful import read_doubtful, resolve

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

Parts = list[tuple[str, str, str | None, str, str | None]]


def read(path: Path, root: Path | None = None) -> Parts:
    manifest = load_manifest(path, root=root)
    return [
        (manifest.key(p), str(p.label), None if p.mask is None else p.mask.name, p.group, p.split)
        for p in manifest.parts
    ]


def meant(rows: list[tuple[str, ...]]) -> Parts:
    return [
        (image, label, Path(mask).name if mask else None, group, split)
        for image, label, mask, group, split in rows
    ]


def written(
    header: tuple[str, ...], rows: list[tuple[str, ...]], separator: str = ",", end: str = "\n"
) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerows([header, *rows])
    return text.getvalue()


@given(data=st.data())
@SHARED
def test_headers_are_folded(tmp_path: Path, data: st.DataObject) -> None:
    rows = listed(tmp_path) if not (tmp_path / "img").exists() else listed_again(tmp_path)
    blanks = st.text(" \t\xa0", max_size=2)
    header = tuple(
        data.draw(blanks)
        + "".join(data.draw(st.sampled_from([letter, letter.upper()])) for letter in name)
        + data.draw(blanks)
        for name in HEADER
    )
    bom = data.draw(st.sampled_from([b"", codecs.BOM_UTF8]))
    order = data.draw(st.permutations(range(len(HEADER))))
    shuffled = [tuple(row[place] for place in order) for row in (header, *rows)]
    (tmp_path / "a.csv").write_bytes(bom + written(shuffled[0], shuffled[1:]).encode())
    assert read(tmp_path / "a.csv") == meant(rows)


def listed_again(root: Path) -> list[tuple[str, ...]]:
    """As `listed`, whose files are there already."""
    return [
        row
        for split in ("train", "test")
        for row in (
            (f"img/{split}-ok.png", "ok", "", f"{split}1", split),
            (f"img/{split}-ng.png", "ng", f"img/{split}-ng-m.png", f"{split}2", split),
        )
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("stated", [False, True])
def test_separators_line_ends_and_encodings(
    separator: str, end: str, encoding: str, stated: bool, tmp_path: Path
) -> None:
    rows = [(*row, "긁힘") for row in listed(tmp_path)]
    text = (f"sep={separator}{end}" if stated else "") + written((*HEADER, "비고"), rows, separator, end)
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert read(tmp_path / "a.csv") == meant([row[:5] for row in rows])
    assert all(part.extra == {"비고": "긁힘"} for part in load_manifest(tmp_path / "a.csv").parts)


@pytest.mark.parametrize(
    "encoding", ["cp949", "euc-kr", "shift-jis", "gbk", "latin-1", "utf-16-le", "utf-16-be"]
)
def test_other_encodings_are_refused_with_advice(encoding: str, tmp_path: Path) -> None:
    note = {"shift-jis": "キズ", "gbk": "划痕", "latin-1": "Größe"}.get(encoding, "긁힘")
    rows = [(*row, note) for row in listed(tmp_path)]
    (tmp_path / "a.csv").write_bytes(written((*HEADER, "note"), rows).encode(encoding))
    with pytest.raises(GainspectError, match="UTF-8") as refused:
        load_manifest(tmp_path / "a.csv")
    assert ("CP949" in refused.value.what) >= (encoding in {"cp949", "euc-kr"})
    assert "CSV UTF-8" in refused.value.hint


def test_a_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(GainspectError, match="workbook"):
        load_manifest(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("column", "known"),
    [
        ("mask_path", "mask"),
        ("Maske", "mask"),
        ("masks", "mask"),
        ("msak", "mask"),
        ("maskFile", "mask"),
        ("mask png", "mask"),
        ("defect_mask", "mask"),
        ("ground truth", "mask"),
        ("mask:", "mask"),
        ("train_test_split", "split"),
        ("마스크", "mask"),
        ("spilt", "split"),
        ("splits", "split"),
        ("분할", "split"),
        ("subset", "split"),
        ("group_id", "group"),
        ("Groups", "group"),
        ("defect type", "defect_type"),
        ("DefectType", "defect_type"),
        ("defect-type", "defect_type"),
        ("불량유형", "defect_type"),
    ],
)
def test_a_column_that_resembles_a_known_one_is_refused_with_both_names(
    column: str, known: str, tmp_path: Path
) -> None:
    kept = [name for name in HEADER if name != known]
    rows = [tuple(v for n, v in zip(HEADER, row, strict=True) if n in kept) for row in listed(tmp_path)]
    (tmp_path / "a.csv").write_text(written((*kept, column), [(*row, "x") for row in rows]))
    with pytest.raises(GainspectError) as refused:
        load_manifest(tmp_path / "a.csv")
    assert repr(column) in refused.value.what
    assert repr(known) in refused.value.what


@pytest.mark.parametrize(
    "column",
    [
        "line",
        "exposure",
        "mass",
        "task",
        "operator",
        "비고",
        "image_width",
        "mask_area",
        "defects_seen",
        "lot",
    ],
)
def test_other_columns_are_kept(column: str, tmp_path: Path) -> None:
    rows = [(*row[:2], "7") for row in listed(tmp_path)]
    (tmp_path / "a.csv").write_text(written(("image", "label", column), rows))
    assert all(part.extra == {column: "7"} for part in load_manifest(tmp_path / "a.csv").parts)


def test_a_missing_column_is_named_with_the_one_that_looks_like_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("filename,class\na.png,ok\n")
    with pytest.raises(GainspectError, match=r"column 'image' is missing; 'filename' looks like it"):
        load_manifest(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image,label,defect_type\na.png,ok,\na.png,ng,scratch, deep\n",
            "line 3: the row has 4 fields, the header 3",
        ),
        ("image,label,group,split\na.png,ok,train\n", "line 2: the row has 3 fields, the header 4"),
        ("image,label,\na.png,ok,x\n", "line 2: 'x' stands in a column without a name"),
        ('image,label,note\na.png,ok,"open\nb.png,ng,\n', "line 2 is not CSV"),
        ("image,label,Mask,mask\na.png,ok,,\n", r"column 'mask' is there twice \('Mask', 'mask'\)"),
        ("image,label\na.png,0\n", "label '0' is not ok or ng. Accepted: OK: ok, good.*NG: ng, bad"),
        ("image,label,split\na.png,ok,hold-out\n", "line 2: split 'hold-out' is not train, val or test"),
        ("image,label\na.png,ok\n./a.png,ng\n", r"listed twice \(line 2 and line 3\)"),
        ("image,label\nA.png,ok\n", "image 'A.png' does not exist. There is 'a.png': case counts"),
        ("image,label,mask\na.png,ng,a.png\n", "is itself an image"),
        (
            "image,label,mask\na.png,ng,m.png\nb.png,ng,m.png\n",
            "images 'a.png' and 'b.png' share the mask 'm.png'",
        ),
    ],
)
def test_faults_are_named_with_their_line(text: str, message: str, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "m.png"):
        grey(tmp_path / name)
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(GainspectError, match=message):
        load_manifest(tmp_path / "t.csv")


def test_blank_rows_and_blank_fields_at_the_end_are_no_faults(tmp_path: Path) -> None:
    rows = listed(tmp_path)
    lines = written((*HEADER, "", ""), [(*row, "", "") for row in rows]).splitlines()
    (tmp_path / "a.csv").write_text("\n".join([lines[0], "", *lines[1:], ",,,,,,", ""]) + "\n")
    assert read(tmp_path / "a.csv") == meant(rows)


@given(
    word=st.sampled_from(sorted(LABEL_WORDS)), upper=st.booleans(), split=st.sampled_from(sorted(SPLIT_WORDS))
)
@SHARED
def test_words_for_labels_and_splits(tmp_path: Path, word: str, upper: bool, split: str) -> None:
    grey(tmp_path / "a.png")
    form = unicodedata.normalize("NFD", word.upper() if upper else word)
    (tmp_path / "a.csv").write_text(
        f"image,label,split\na.png, {form} ,{split.upper() if upper else split}\n"
    )
    (part,) = load_manifest(tmp_path / "a.csv").parts
    assert (part.label, part.split) == (LABEL_WORDS[word], SPLIT_WORDS[split])


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NULL", "<NA>", "n/a", " "])
def test_words_for_nothing(word: str, tmp_path: Path) -> None:
    grey(tmp_path / "a.png")
    grey(tmp_path / "b.png")
    rows = "".join(f"{name}.png,ng,{word},{word},{word},{word}\n" for name in "ab")
    (tmp_path / "a.csv").write_text(f"image,label,mask,group,defect_type,split\n{rows}")
    found = [(p.mask, p.group, p.defect_type, p.split) for p in load_manifest(tmp_path / "a.csv").parts]
    assert found == [(None, "a", None, None), (None, "b", None, None)]


def test_backslashes_and_blanks_in_paths(tmp_path: Path) -> None:
    rows = [
        (f" {r[0]} ".replace("/", "\\"), r[1], r[2].replace("/", "\\"), r[3], r[4]) for r in listed(tmp_path)
    ]
    (tmp_path / "a.csv").write_text(written(HEADER, rows))
    assert read(tmp_path / "a.csv") == meant(listed_again(tmp_path))


def test_parquet_is_read_by_the_same_rules(tmp_path: Path) -> None:
    rows = listed(tmp_path)
    columns = dict(
        zip(("Image", "LABEL ", "mask", "group", "Split"), map(list, zip(*rows, strict=True)), strict=True)
    )
    columns["mask"] = [mask or None for mask in columns["mask"]]
    pq.write_table(pa.table(columns), tmp_path / "a.PARQUET")
    assert read(tmp_path / "a.PARQUET") == meant(rows)
    pq.write_table(pa.table({"image": ["x"], "label": ["ok"], "maske": ["y"]}), tmp_path / "b.parquet")
    with pytest.raises(GainspectError, match="'maske' is unknown, but resembles 'mask'"):
        load_manifest(tmp_path / "b.parquet")


@given(name=st.text(max_size=12))
def test_folding_is_done_once(name: str) -> None:
    assert fold_header(fold_header(name)) == fold_header(name)


@pytest.mark.parametrize("word", ["training", "Train ", "TRAIN"])
def test_a_split_word_in_split_csv_loses_no_image(word: str, tmp_path: Path) -> None:
    layout(tmp_path)
    names = sorted(f.name for f in (tmp_path / "images/train").rglob("*.png"))
    tests = sorted(f.name for f in (tmp_path / "images/test").rglob("*.png"))
    rows = [f"{name},{word}" for name in names] + [f"{name},testing" for name in tests]
    (tmp_path / "split.csv").write_text("\n".join(["file,split", *rows]))
    splits = [part.split for part in load_manifest(tmp_path).parts]
    assert (splits.count("train"), splits.count("test")) == (4, 4)


def test_an_unknown_split_word_in_split_csv_is_refused(tmp_path: Path) -> None:
    layout(tmp_path)
    names = sorted(f.name for f in (tmp_path / "images").rglob("*.png"))
    (tmp_path / "split.csv").write_text("\n".join(["file,split", *(f"{name},dev" for name in names)]))
    with pytest.raises(GainspectError, match=r"line \d+: split 'dev' is not train, val or test"):
        load_manifest(tmp_path)


def test_split_csv_is_folded_too(tmp_path: Path) -> None:
    layout(tmp_path)
    names = sorted(f.name for f in (tmp_path / "images").rglob("*.png"))
    text = "\r\n".join(["File; Group ;Defect_Type", *(f"{name};g-{name};chip" for name in names)])
    (tmp_path / "split.csv").write_bytes(codecs.BOM_UTF8 + text.encode())
    assert all(part.group == f"g-{part.image.name}" for part in load_manifest(tmp_path).parts)
    (tmp_path / "split.csv").write_text("\n".join(["file,defect type", *(f"{name},chip" for name in names)]))
    with pytest.raises(GainspectError, match="'defect type' is unknown, but resembles 'defect_type'"):
        load_manifest(tmp_path)


def test_split_csv_that_may_mean_two_images_is_refused_and_paths_tell_them_apart(tmp_path: Path) -> None:
    for place in ("train/normal", "train/defective", "test/normal", "test/defective"):
        grey(tmp_path / "images" / place / "000.png")
    (tmp_path / "split.csv").write_text("file,group\n000.png,g\n")
    with pytest.raises(GainspectError, match=r"line 2: '000.png' may be 'images/"):
        load_manifest(tmp_path)
    rows = ["train/normal/000.png,a", "images/train/defective/000.png,b", "test\\normal\\000.png,c"]
    (tmp_path / "split.csv").write_text("\n".join(["file,group", *rows, "test/defective/000.png,d"]))
    assert sorted(part.group for part in load_manifest(tmp_path).parts) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("header", ["file", "File", " image ", "\ufeffIMAGE"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_the_list_of_doubtful_labels(header: str, separator: str, tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "부품.png")
    (tmp_path / "d.csv").write_text(
        f"{header}{separator}why\nimages\\a.png{separator}x\n{decomposed}{separator}y\n"
    )
    names = read_doubtful(tmp_path / "d.csv")
    assert names == {"images/a.png", "부품.png"}
    image = f"images/train/{decomposed}"
    assert resolve(names, [image, "images/b.png"]) == {image}


def test_a_list_of_doubtful_labels_with_another_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("filename\na.png\n")
    with pytest.raises(GainspectError, match="column 'file' is missing; 'filename' looks like it"):
        read_doubtful(tmp_path / "d.csv")


def test_free_columns_keep_their_names_when_saved(tmp_path: Path) -> None:
    rows = [(*row, "7") for row in listed(tmp_path)]
    (tmp_path / "a.csv").write_text(written((*HEADER, "Line No"), rows))
    manifest = load_manifest(tmp_path / "a.csv")
    save_manifest(manifest, tmp_path / "b.csv")
    assert load_manifest(tmp_path / "b.csv") == manifest
    assert manifest.parts[0].extra == {"Line No": "7"}


@given(
    header=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10).filter(str.strip)
)
@SHARED
def test_an_unknown_column_is_kept_or_named_never_lost(tmp_path: Path, header: str) -> None:
    grey(tmp_path / "a.png")
    (tmp_path / "a.csv").write_text(
        written(("image", "label", header), [("a.png", "ok", "7")]), encoding="utf-8"
    )
    try:
        (part,) = load_manifest(tmp_path / "a.csv").parts
    except GainspectError as error:
        assert "column" in error.what or "split" in error.what or "does not exist" in error.what
        return
    told = (part.group == "7", part.defect_type == "7")
    assert any(told) or list(part.extra.values()) == ["7"]


@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text("image,label\"';\t\r\n a.pngok\ufeff\0", max_size=60).map(lambda text: text.encode("utf-8")),
        st.text("a.png,ok;\t\"'\r\n x", max_size=40).map(
            lambda text: ("image,label\n" + text).encode("utf-8")
        ),
    ),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le"]),
)
@SHARED
def test_any_content_gives_parts_or_a_sentence(tmp_path: Path, content: bytes, encoding: str) -> None:
    grey(tmp_path / "a.png")
    text = content.decode("utf-8", "replace")
    (tmp_path / "a.csv").write_bytes(content if encoding == "utf-8" else text.encode(encoding))
    try:
        parts = load_manifest(tmp_path / "a.csv").parts
    except GainspectError:
        return
    assert [part.image.name for part in parts] == ["a.png"]


# Not 5: cut at a separator, the row is whole, and its last field may well be empty.
@pytest.mark.parametrize("lost", [lost for lost in range(1, 40) if lost != 5])
def test_a_table_that_was_cut_off_is_refused_or_shorter_by_whole_rows(lost: int, tmp_path: Path) -> None:
    rows = listed(tmp_path)
    content = written(HEADER, rows).encode()[:-lost]
    (tmp_path / "a.csv").write_bytes(content)
    try:
        found = read(tmp_path / "a.csv")
    except GainspectError:
        return
    assert found == meant(rows)[: len(found)]
