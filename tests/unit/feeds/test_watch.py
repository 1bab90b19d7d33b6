"""Which parts of a watched folder are complete, and in which order they come."""

import os
from pathlib import Path
from typing import Any

import pytest

from gainspect.errors import GainspectError
from gainspect.feeds.watch import (
    NO_PART,
    Arrival,
    Arrived,
    Waits,
    WatchedFolder,
    require_apart,
    require_folder,
)
from gainspect.inspection.part_names import part_finder
from watched_folder import Hours, png

PARTS = "([a-z]+)_[0-9]+[.]png"


def watched(folder: Path, hours: Hours, **settings: Any) -> WatchedFolder:
    part_of = part_finder(PARTS) if settings.pop("parts", True) else None
    return WatchedFolder(folder, waits=Waits(1, 8, 5), part_of=part_of, clock=lambda: hours.now, **settings)


def write(folder: Path, name: str, written: int = 0) -> None:
    (folder / name).write_bytes(png(1))
    os.utime(folder / name, ns=(written, written))


def said(arrivals: list[Arrival]) -> list[tuple[str | None, list[str], int]]:
    return [(one.part, [image.name for image in one.images], one.missing) for one in arrivals]


def test_images_that_are_decided_alone_come_by_the_time_they_were_written(tmp_path: Path) -> None:
    hours = Hours()
    folder = watched(tmp_path, hours, parts=False)
    for name, written in (("a.png", 30), ("b.png", 10), ("c.png", 20), ("d.png", 20)):
        write(tmp_path, name, written)
    assert folder.look() == [] and set(folder.waiting) == {"a.png", "b.png", "c.png", "d.png"}
    hours.sleep(1)
    names = [name for _, (name,), _ in said(folder.look())]
    assert names == ["b.png", "c.png", "d.png", "a.png"]
    assert said(folder.look(lambda name, state: name != "c.png")) == [(None, ["c.png"], 0)]


def test_a_part_is_complete_with_its_number_of_images(tmp_path: Path) -> None:
    hours = Hours()
    folder = watched(tmp_path, hours, views=2)
    write(tmp_path, "a_2.png")
    write(tmp_path, "b_1.png")
    folder.look()
    hours.sleep(2)
    assert folder.look() == []
    write(tmp_path, "a_1.png")
    folder.look()
    hours.sleep(1)
    assert said(folder.look()) == [("a", ["a_1.png", "a_2.png"], 0)]
    hours.sleep(2)
    found = said(folder.look(lambda name, state: name.startswith("a")))
    assert found == [("b", ["b_1.png"], 1)], "decided from what came, and that one is missing is said"


@pytest.mark.parametrize("views", [None, 3])
def test_each_further_image_of_a_part_starts_the_wait_anew(tmp_path: Path, views: int | None) -> None:
    hours = Hours()
    folder = watched(tmp_path, hours, views=views)
    write(tmp_path, "a_1.png")
    folder.look()
    hours.sleep(4.5)
    write(tmp_path, "a_2.png")
    folder.look()
    hours.sleep(4.5)
    assert folder.look() == []
    hours.sleep(0.5)
    assert said(folder.look()) == [("a", ["a_1.png", "a_2.png"], 0 if views is None else 1)]


def test_a_name_without_a_part_is_left_alone_and_told(tmp_path: Path) -> None:
    folder = watched(tmp_path, Hours())
    write(tmp_path, "007.png")
    assert folder.look() == [] and folder.left == {NO_PART: "007.png"} and not folder.waiting


def test_a_part_of_very_many_images_is_taken_a_hundred_at_a_time(tmp_path: Path) -> None:
    hours = Hours()
    folder = watched(tmp_path, hours)
    for number in range(120):
        (tmp_path / f"a_{number:03d}.png").write_bytes(b"x")
    folder.look()
    hours.sleep(5)
    (arrival,) = folder.look()
    assert [image.name for image in arrival.images] == [f"a_{number:03d}.png" for number in range(100)]


def test_a_file_that_changed_since_the_look_is_not_there_any_more(tmp_path: Path) -> None:
    hours = Hours()
    folder = watched(tmp_path, hours, parts=False)
    write(tmp_path, "a.png", 1)
    folder.look()
    hours.sleep(1)
    ((image,),) = [arrival.images for arrival in folder.look()]
    assert folder.is_there(image)
    write(tmp_path, "a.png", 2)
    assert not folder.is_there(image)
    assert not folder.is_there(Arrived("gone.png", image.state))


def test_a_file_that_cannot_be_read_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    hours, given_up = Hours(), list[float]()
    folder = watched(tmp_path, hours, parts=False)
    write(tmp_path, "a.png")
    while not given_up:
        for arrival in folder.look():
            if folder.gives_up(arrival.images[0]):
                given_up.append(hours.now)
        hours.sleep(0.25)
    assert given_up == [8.0]


@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/../a", "link")])
def test_folders_in_one_another_are_refused(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(GainspectError, match="in one another"):
        require_apart(tmp_path / one, tmp_path / other)
    require_apart(tmp_path / "a", tmp_path / "ab")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="no such folder"):
        require_folder(tmp_path / "gone")


def test_a_table_cannot_name_parts_that_are_still_to_come() -> None:
    with pytest.raises(GainspectError, match=r"table.*Give a pattern"):
        part_finder("parts.csv")
