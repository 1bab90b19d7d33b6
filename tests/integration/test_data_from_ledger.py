"""Reviewed decisions become the data of the next training, and nothing of a test or a challenge does."""

import csv
import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from command_line import Run
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.errors import GainspectError
from gainspect.jobs.data_from_ledger import Against, Asked, Division, data_from_ledger
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.loop_account import LoopAccount
from gainspect.ledger.records.operation import ChallengedPart, ChallengeResult
from gainspect.ledger.records.upkeep import RetentionRule
from gainspect.ledger.retention import remove_by_rule
from gainspect.types import Label
from ledger_records import AT, PERSON, STATION, A, B
from loop_ledger import (
    append,
    confirmed,
    corrected,
    decided,
    drawn_picture,
    overridden,
    reviewed_line,
    sha256,
)

OK, NG = Label.OK, Label.NG
RING = [(2, 2), (9, 3), (5, 8)]


@pytest.fixture
def place(ledger_url: str, tmp_path: Path) -> LedgerPlace:
    return LedgerPlace(ledger_url, str(tmp_path / "pictures"))


def opened(place: LedgerPlace) -> Ledger:
    return open_ledger(place.url, pictures=place.pictures)


def made(
    place: LedgerPlace,
    out: Path,
    asked: Asked | None = None,
    against: Against | None = None,
    division: Division | None = None,
) -> LoopAccount:
    return data_from_ledger(
        place.url,
        out,
        asked or Asked(),
        against or Against(),
        division or Division(),
        pictures=place.pictures,
    )


def whys(account: LoopAccount) -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for one in account.left:
        found.setdefault(one.why, []).append(one.part)
    return found


def parts_in(out: Path) -> dict[str, Part]:
    """By the name of the image in the ledger."""
    return {part.extra.get("image_name") or part.image.name: part for part in load_manifest(out).parts}


def test_labels_and_masks_are_those_that_people_gave(place: LedgerPlace, tmp_path: Path) -> None:
    pictures = [drawn_picture(number) for number in range(8)]
    with opened(place) as ledger:
        append(
            ledger,
            [
                decided("fine", pictures[:1]),
                decided("missed", pictures[1:2], lot="lot 7"),
                decided("found", pictures[2:3], NG),
                decided("views", pictures[3:6], NG),
                decided("unseen", pictures[6:7]),
                decided("odd", pictures[7:8], NG),
                confirmed("fine", OK),
                overridden("missed", NG),
                corrected("missed", pictures[1], RING),
                confirmed("found", NG),
                confirmed("views", NG),
                corrected("views", pictures[3], [(0, 0), (5, 0), (5, 5), (0, 5)]),
                corrected("views", pictures[4]),
                corrected("odd", pictures[7], [(90, 90), (99, 90), (99, 99)]),
            ],
            pictures,
        )
        head = ledger.head()
    account = made(place, tmp_path / "out")
    found = parts_in(tmp_path / "out")
    assert {name: part.label for name, part in found.items()} == {
        "fine/0.png": OK,
        "missed/0.png": NG,
        "found/0.png": NG,
        "views/0.png": NG,
        "views/1.png": OK,
    }
    assert whys(account) == {"which_view": ["views"], "beside_picture": ["odd"]}
    manifest = load_manifest(tmp_path / "out")
    expected = cv2.fillPoly(np.zeros((24, 24), np.uint8), [np.array(RING)], 1)
    np.testing.assert_array_equal(manifest.mask(found["missed/0.png"]), expected)
    assert found["found/0.png"].mask is None
    assert found["views/0.png"].mask_kind == "box" and found["missed/0.png"].mask_kind is None
    assert found["views/0.png"].part == found["views/1.png"].part == "views (record 3)"
    assert found["missed/0.png"].group == "lot 7: missed" and found["found/0.png"].part == ""
    for part in found.values():
        assert hashlib.sha256(part.image.read_bytes()).hexdigest() == part.extra["sha256"]
    said = found["missed/0.png"].extra
    assert said["selection"] == "reviewed parts only" and said["reason"] == "scratch"
    assert (said["station"], said["said_by"], said["bundle"], said["decision"]) == (
        STATION,
        PERSON,
        A,
        "missed",
    )
    assert (account.decided, account.reviewed) == (
        {OK: 3, NG: 3, Label.REVIEW: 0},
        {OK: 2, NG: 3},
    )
    assert account.overridden == {OK: 1, NG: 0} and account.ng_now == 4
    record = json.loads((tmp_path / "out" / "from-ledger.json").read_text())
    assert record["ledger"] == {"origin": account.origin, "size": head.size, "root": head.root.hex()}
    notes = (tmp_path / "out" / "README.md").read_text()
    assert "Only reviewed parts are in these data" in notes and head.root.hex() in notes
    assert "Decided OK: 3, reviewed 2 (66.7 %), overridden 1" in notes
    assert "40.0 % of these images" not in notes and "60.0 % of these images" in notes


def test_the_same_head_gives_the_same_bytes(place: LedgerPlace, parts: Manifest, tmp_path: Path) -> None:
    with opened(place) as ledger:
        reviewed_line(ledger, parts.split("train"))
    for name in ("one", "two"):
        made(place, tmp_path / name)
    one, two = (
        {
            str(file.relative_to(tmp_path / name)): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    with pytest.raises(GainspectError, match="there is already such a file"):
        made(place, tmp_path / "one")


def test_nothing_of_a_test_or_a_challenge_is_taken(place: LedgerPlace, tmp_path: Path) -> None:
    pictures = [drawn_picture(number) for number in range(10)]
    pixels = cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR)
    old = tmp_path / "old"
    old.mkdir()
    (old / "t0.bmp").write_bytes(cv2.imencode(".bmp", pixels)[1].tobytes())  # the pixels of picture 0
    (old / "by_name.png").write_bytes(drawn_picture(90))
    (old / "trained.png").write_bytes(pictures[4])
    rows = (
        Part(old / "t0.bmp", OK, split="test", group="serial 1"),
        Part(old / "by_name.png", OK, split="test", group="by name"),
        Part(old / "trained.png", OK, split="train", group="serial 3"),
    )
    save_manifest(Manifest(old, rows), old / "manifest.csv")
    masters = tmp_path / "masters"
    masters.mkdir()
    (masters / "master 1.png").write_bytes(pictures[5])
    with opened(place) as ledger:
        records = [
            decided("pixels", pictures[0:2]),
            decided("by name", pictures[2:3]),
            decided("other", pictures[3:4]),
            decided("trained", pictures[4:5]),
            decided("of a folder", pictures[5:6]),
            decided("challenged", pictures[6:7]),
            decided("again", pictures[6:8], NG),
            decided("master NG 2", pictures[8:9], key="by name of the master"),
            ChallengeResult(
                at=AT,
                station="line 9",
                challenge="shift",
                bundle=A,
                policy_id=B,
                parts=(
                    ChallengedPart(part="m", expected=OK, decided=OK, decision="challenged"),
                    ChallengedPart(part="master NG 2", expected=NG, decided=OK),
                ),
                passed=False,
            ),
        ]
        keys = [record.key for record in records if record.kind == "decision"]
        records += [overridden("again", OK, NG) if key == "again" else confirmed(key, OK) for key in keys]
        append(ledger, records, pictures)
    against = Against(not_in=(old,), challenges=(masters,))
    account = made(place, tmp_path / "out", against=against)
    assert list(parts_in(tmp_path / "out")) == ["other/0.png"]
    assert whys(account) == {
        "test": ["pixels", "pixels", "by name"],
        "seen": ["trained"],
        "challenge": ["of a folder", "challenged", "again", "again", "master NG 2"],
    }
    with (tmp_path / "out" / "left_out.csv").open(encoding="utf-8-sig") as file:
        assert Counter(row["why"] for row in csv.DictReader(file)) == account.whys
    unfiltered = made(place, tmp_path / "out 2")
    assert {part.extra["record"] for part in parts_in(tmp_path / "out 2").values()} == {
        "0",
        "1",
        "2",
        "3",
        "4",
    }
    assert unfiltered.whys == {"challenge": 4}


def test_a_view_that_teaches_nothing_holds_its_part_out_too(place: LedgerPlace, tmp_path: Path) -> None:
    shown, other, third = (drawn_picture(number) for number in range(3))
    (tmp_path / "masters").mkdir()
    (tmp_path / "masters" / "m.png").write_bytes(other)
    with opened(place) as ledger:
        append(ledger, [decided("p", [shown, other], NG), decided("q", [third])], [shown, other, third])
        append(ledger, [confirmed("p", NG), corrected("p", shown, RING), confirmed("q", OK)], [])
    account = made(place, tmp_path / "out", against=Against(challenges=(tmp_path / "masters",)))
    assert list(parts_in(tmp_path / "out")) == ["q/0.png"]
    assert account.whys == {"challenge": 1, "which_view": 1}


def test_the_same_picture_decided_twice(place: LedgerPlace, tmp_path: Path) -> None:
    same, torn, third = (drawn_picture(number) for number in range(3))
    with opened(place) as ledger:
        append(
            ledger,
            [
                decided("a", [same], NG),
                decided("b", [same], NG),
                decided("c", [torn]),
                decided("d", [torn]),
                decided("e", [third]),
                *(confirmed(key, NG) for key in "ab"),
                corrected("a", same, RING),
                overridden("c", NG),
                confirmed("d", OK),
                overridden("e", OK, NG),
                corrected("e", third, RING),
            ],
            [same, torn, third],
        )
    account = made(place, tmp_path / "out")
    assert list(parts_in(tmp_path / "out")) == ["a/0.png"]
    assert whys(account) == {"repeated": ["b"], "conflict": ["c", "d"], "drawn_on_ok": ["e"]}


def test_removed_pictures_are_told_and_missing_ones_are_an_error(place: LedgerPlace, tmp_path: Path) -> None:
    pictures = [drawn_picture(number) for number in range(3)]
    with opened(place) as ledger:
        append(ledger, [decided(str(n), [picture]) for n, picture in enumerate(pictures[:2])], pictures[:2])
        remove_by_rule(ledger, RetentionRule(name="all OK", older_than_days=0), station=STATION)
        unkept = decided("3", [pictures[2]])
        image = unkept.images[0].model_copy(update={"stored": False})
        append(
            ledger, [decided("2", pictures[2:]), unkept.model_copy(update={"images": (image,)})], pictures[2:]
        )
        append(ledger, [confirmed(key, OK) for key in ("0", "2", "3")], [])
    account = made(place, tmp_path / "out")
    assert whys(account) == {"removed": ["0"], "not_kept": ["3"]}
    digest = sha256(pictures[2])
    stored = Path(str(place.pictures)) / digest[:2] / digest
    content = stored.read_bytes()
    stored.write_bytes(content + b"\0")
    with pytest.raises(GainspectError, match=f"picture {digest} of record 3 was replaced or changed"):
        made(place, tmp_path / "changed")
    stored.unlink()
    with pytest.raises(GainspectError, match=r"of record 3 is missing.*gainspect ledger verify"):
        made(place, tmp_path / "missing")
    left = {entry.name for entry in tmp_path.iterdir()} - {"pictures", "out"}
    assert not any(name.startswith(".") for name in left) and "missing" not in left


def test_questions_choose_decisions(place: LedgerPlace, tmp_path: Path) -> None:
    pictures = [drawn_picture(number) for number in range(4)]
    with opened(place) as ledger:
        late = decided("late", pictures[1:2], at=AT + timedelta(hours=5))
        elsewhere = decided("elsewhere", pictures[2:3], station="line 4")
        made_with = elsewhere.made_with.model_copy(update={"bundle": B})
        other = decided("other", pictures[3:4], made_with=made_with)
        append(ledger, [decided("first", pictures[:1]), late, elsewhere, other], pictures)
        append(ledger, [confirmed(key, OK) for key in ("first", "late", "elsewhere", "other")], [])

    def names(name: str, asked: Asked) -> set[str]:
        made(place, tmp_path / name, asked)
        return {part.extra["decision"] for part in parts_in(tmp_path / name).values()}

    later = late.at
    assert names("1", Asked(begin=later)) == {"late"}
    assert names("2", Asked(end=later)) == {"first", "elsewhere", "other"}
    assert names("3", Asked(stations=("line 4", "line 3"), bundles=(A[:8],))) == {
        "first",
        "late",
        "elsewhere",
    }
    with pytest.raises(GainspectError, match="no decision is left to learn from"):
        names("4", Asked(stations=("line 5",)))
    assert not (tmp_path / "4").exists()


def test_added_to_data_the_old_test_stays_and_a_training_takes_it(
    run: Run, place: LedgerPlace, parts: Manifest, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from gainspect.config import load_config
    from gainspect.data.splits import assign_splits
    from gainspect.data.synthetic import SyntheticSpec, generate
    from gainspect.inspection.bundle import read_bundle, write_bundle
    from gainspect.jobs.compare_bundles import compare_bundles
    from gainspect.training.run_folder import RunFolder
    from small_runs import trained_on

    divided = assign_splits(parts, val_fraction=0.3, test_fraction=0.25, seed=1)
    old = tmp_path / "old.csv"
    save_manifest(replace(divided, root=old.parent), old)
    spec = SyntheticSpec(seed=5, size=64, parts={"train": 24, "test": 1}, views=1, defects=("stain", "chip"))
    new = generate(spec, tmp_path / "new").split("train")
    with opened(place) as ledger:
        reviewed_line(ledger, new)
        again = parts.split("test").parts[0]
        content = again.image.read_bytes()
        append(ledger, [decided("again", [content]), confirmed("again", OK)], [content])
    out = tmp_path / "next"
    done = run(
        "data", "from-ledger", place.url, out, "--with", old, "--pictures", str(place.pictures),
        "--val-fraction", "0.25",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "in a test part, or of its group" in done.stdout
    manifest = load_manifest(out)
    tested = {hashlib.sha256(part.image.read_bytes()).hexdigest() for part in manifest.split("test").parts}
    before = {hashlib.sha256(part.image.read_bytes()).hexdigest() for part in parts.split("test").parts}
    assert tested == before
    taken = [part for part in manifest.parts if part.extra.get("selection")]
    assert len(taken) == len(new.parts) and {part.split for part in taken} == {"train", "val"}
    truth = {hashlib.sha256(part.image.read_bytes()).hexdigest(): part for part in new.parts}
    marked = 0
    for part in taken:
        true = truth[part.extra["sha256"]]
        assert part.label is true.label
        if part.mask is not None:
            marked += 1
            np.testing.assert_array_equal(manifest.mask(part), filled_holes(new.mask(true)))
    assert 0 < marked < sum(part.label is NG for part in taken)
    by_key = {part.extra["exported_from"]: part for part in manifest.parts if part not in taken}
    for part in divided.parts:
        copy = by_key[replace(divided, root=old.parent).key(part)]
        assert copy.split == part.split and copy.group == part.group
        if part.label is NG:
            np.testing.assert_array_equal(manifest.mask(copy), parts.mask(part))
    checked = run("data", "check", out)
    assert checked.returncode == 0, checked.stdout
    trained: RunFolder = trained_on(out, tmp_path / "run")
    assert trained.bundle_file.is_file() and load_config(trained.config_file, {})
    # What the run has seen or keeps for its test is not new any more.
    with pytest.raises(GainspectError, match="no decision is left"):
        made(place, tmp_path / "nothing", against=Against(not_in=(trained.path,)))
    known_to_bundle = made(place, tmp_path / "rest", against=Against(not_in=(trained.bundle_file,)))
    assert known_to_bundle.images == 1  # a bundle does not know its test part
    assert known_to_bundle.whys["seen"] == len(taken)
    with pytest.raises(GainspectError, match="no decision is left"):
        made(place, tmp_path / "nothing", against=Against(base=trained.path))
    # Old parts are the test part of the run, new ones those out of the ledger that validated it.
    bundle = read_bundle(trained.bundle_file)
    policy = bundle.description.policy.model_copy(update={"threshold": 0.0, "review_from": None})
    other = tmp_path / "other.gain"
    write_bundle(other, bundle.description.model_copy(update={"policy": policy}), bundle.contents)
    compared = compare_bundles(trained.bundle_file, other, trained.path, out, tmp_path / "compared")
    of_old, of_new = compared.sets
    assert (of_old.count, of_old.trained_on, of_old.validated_on) == (len(before), 0, 0)
    validating = sum(part.split == "val" for part in taken)
    assert (of_new.count, of_new.validated_on) == (validating, validating)
    assert of_new.trained_on == len(taken) - validating
    assert of_new.after.escapes == of_new.after.passed == 0  # from P(NG) 0 on, nothing is OK


def filled_holes(mask: np.ndarray | None) -> np.ndarray:
    """What lies inside of an outer border belongs to what was drawn."""
    assert mask is not None
    background = cv2.connectedComponents(np.pad(1 - mask, 1, constant_values=1), connectivity=4)[1]
    return (background[1:-1, 1:-1] != background[0, 0]).astype(np.uint8)


def test_a_second_round_adds_to_the_data_of_the_first(place: LedgerPlace, tmp_path: Path) -> None:
    pictures = [drawn_picture(number) for number in range(4)]
    names = ["a", "b", "c", "d"]
    with opened(place) as ledger:
        append(
            ledger,
            [decided(name, [picture], lot="7") for name, picture in zip(names, pictures, strict=True)],
            pictures,
        )
        append(ledger, [confirmed("a", OK), overridden("b", NG), corrected("b", pictures[1], RING)], [])
    made(place, tmp_path / "first")
    with opened(place) as ledger:
        append(ledger, [overridden("c", NG), overridden("a", NG)], [])
    against = Against(base=tmp_path / "first")
    account = made(place, tmp_path / "second", against=against)
    assert (account.base, account.images) == (2, 1)
    assert whys(account) == {"relabeled": ["a"], "seen": ["b"]}
    first, second = (load_manifest(tmp_path / name) for name in ("first", "second"))
    old, new = second.parts[:2], second.parts[2:]
    assert [part.split for part in old] == [part.split for part in first.parts]
    assert [part.extra["exported_from"] for part in old] == [first.key(part) for part in first.parts]
    np.testing.assert_array_equal(second.mask(old[1]), first.mask(first.parts[1]))
    assert [part.extra["decision"] for part in new] == ["c"]
    # The same part again, another picture: it goes where the part is.
    again = drawn_picture(9)
    with opened(place) as ledger:
        append(ledger, [decided("b", [again], lot="7", key="b2"), confirmed("b2", OK)], [again])
    made(place, tmp_path / "third", against=against)
    third = load_manifest(tmp_path / "third")
    assert {part.split for part in third.parts if part.group == "7: b"} == {first.parts[1].split}
    assert sum(part.group == "7: b" for part in third.parts) == 2


def test_hostile_names_are_cells_of_a_table_and_nothing_else(place: LedgerPlace, tmp_path: Path) -> None:
    pictures = [drawn_picture(number) for number in range(3)]
    names = ["=HYPERLINK(1)", '@a,"b"', "../../etc/passwd"]
    lots = ["\n=1+1\x07", " x ", None]
    with opened(place) as ledger:
        records = [
            decided(name, [picture, picture][:1], lot=lot, station="-2+3\r")
            for name, picture, lot in zip(names, pictures, lots, strict=True)
        ]
        append(ledger, [*records, *(confirmed(name, OK) for name in names)], pictures)
        append(ledger, [decided("=left", pictures[:1], key="left")], [])
        append(ledger, [overridden("left", Label.REVIEW)], [])
    account = made(place, tmp_path / "out")
    found = load_manifest(tmp_path / "out").parts
    assert {part.extra["record"] for part in found} == {"0", "1", "2"} and account.images == 3
    assert {part.image.parent for part in found} == {tmp_path / "out" / "images"}
    for file in ("manifest.csv", "left_out.csv"):
        with (tmp_path / "out" / file).open(encoding="utf-8-sig", newline="") as table:
            cells = [cell for row in csv.reader(table) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert not [cell for cell in cells if set(cell) & set("\x07\n\r")]


def test_data_without_splits_cannot_be_added_to(place: LedgerPlace, tmp_path: Path) -> None:
    content = drawn_picture(0)
    with opened(place) as ledger:
        append(ledger, [decided("a", [content]), confirmed("a", OK)], [content])
    old = tmp_path / "old"
    old.mkdir()
    (old / "x.png").write_bytes(drawn_picture(5))
    save_manifest(Manifest(old, (Part(old / "x.png", OK),)), old / "manifest.csv")
    with pytest.raises(GainspectError, match="do not say which parts are kept for the test"):
        made(place, tmp_path / "out", against=Against(base=old))
    (old / "x.png").write_bytes(content)  # as a whole it is a test
    with pytest.raises(GainspectError, match="no decision is left"):
        made(place, tmp_path / "out", against=Against(not_in=(old,)))


def test_alone_it_is_data_that_a_training_takes(
    run: Run, place: LedgerPlace, parts: Manifest, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from small_runs import trained_on

    with opened(place) as ledger:
        reviewed_line(ledger, parts)
    account = made(place, tmp_path / "out")
    assert account.base == 0 and {split for split, _ in account.taken} == {"train", "val"}
    assert run("data", "check", tmp_path / "out").returncode == 0
    assert trained_on(tmp_path / "out", tmp_path / "run", bundle=False).result_file.is_file()
