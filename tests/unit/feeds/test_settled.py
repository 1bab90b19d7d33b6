"""When a file counts as finished, by a clock that the test turns."""

from hypothesis import given
from hypothesis import strategies as st

from gainspect.feeds.settled import FileState, Settling
from watched_folder import Hours

A, B = FileState(10, 1), FileState(20, 2)


def test_a_file_is_finished_once_it_has_not_changed_for_so_long() -> None:
    hours = Hours()
    settling = Settling(1.0, lambda: hours.now)
    settling.look({"a.png": (7, A)})
    assert not settling.finished("a.png")
    hours.sleep(0.9)
    settling.look({"a.png": (7, B)})
    hours.sleep(0.9)
    settling.look({"a.png": (7, B)})
    assert not settling.finished("a.png") and settling.unchanged_s("a.png") == 0.9
    hours.sleep(0.1)
    assert settling.finished("a.png")


def test_a_rename_from_a_temporary_name_finishes_a_file_at_once() -> None:
    settling = Settling(1.0, lambda: 0.0)
    settling.look({}, [(7, A), (0, B)])
    settling.look({"a.png": (7, A), "other.png": (8, A), "grown.png": (7, B), "unknown.png": (0, B)})
    assert settling.finished("a.png")
    assert not any(map(settling.finished, ("other.png", "grown.png", "unknown.png")))


def test_an_inode_that_changes_by_itself_is_no_change() -> None:
    """Some shares give another number at each look."""
    hours = Hours()
    settling = Settling(1.0, lambda: hours.now)
    for inode in (1, 2, 3):
        settling.look({"a.png": (inode, A)})
        hours.sleep(0.5)
    assert settling.finished("a.png")


def test_a_file_that_comes_back_waits_anew() -> None:
    hours = Hours()
    settling = Settling(1.0, lambda: hours.now)
    settling.look({"a.png": (7, A)})
    hours.sleep(2)
    settling.look({})
    settling.look({"a.png": (7, A)})
    assert not settling.finished("a.png")


def test_what_is_not_whole_is_tried_at_growing_intervals_and_in_any_case_at_the_end() -> None:
    hours, tried = Hours(), list[float]()
    settling = Settling(1.0, lambda: hours.now)
    for _ in range(400):
        settling.look({"a.png": (7, A)})
        if settling.finished("a.png"):
            tried.append(hours.now)
            settling.not_whole("a.png", 30.0)
        hours.sleep(0.125)
        if hours.now > 30:
            break
    assert tried == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


@given(st.lists(st.tuples(st.sampled_from([A, B, None]), st.integers(1, 12)), max_size=20))
def test_finished_is_what_was_the_same_at_every_look_for_so_long(
    looks: list[tuple[FileState | None, int]],
) -> None:
    """Beside what all looks together say."""
    hours = Hours()
    settling, seen = Settling(10, lambda: hours.now), list[tuple[float, FileState | None]]()
    for state, later in looks:
        settling.look({} if state is None else {"a.png": (7, state)})
        seen.append((hours.now, state))
        if state is not None:
            first = len(seen) - 1
            while first > 0 and seen[first - 1][1] == state:
                first -= 1
            assert settling.finished("a.png") == (hours.now - seen[first][0] >= 10)
        hours.sleep(later)
