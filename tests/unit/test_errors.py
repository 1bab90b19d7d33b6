"""The sentence that a user reads."""

import pickle
from pathlib import Path

import pytest

from gainspect.errors import GainspectError


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (GainspectError("it is empty"), "it is empty."),
        (GainspectError("it is empty."), "it is empty."),
        (GainspectError("it is empty", where="a.png"), "a.png: it is empty."),
        (GainspectError("it is empty", hint="Export it."), "it is empty. Export it."),
        (GainspectError("it is empty", where="a.png", hint="Export it."), "a.png: it is empty. Export it."),
    ],
)
def test_what_where_and_hint_make_one_sentence(error: GainspectError, sentence: str) -> None:
    assert str(error) == sentence


def test_parts_can_be_read_one_by_one() -> None:
    error = GainspectError("it is empty", where=Path("parts/a.png"), hint="Export it.")
    assert (error.what, error.where, error.hint) == ("it is empty", str(Path("parts/a.png")), "Export it.")
    assert GainspectError("it is empty").where is None


@pytest.mark.parametrize("where", [None, "a.png"])
@pytest.mark.parametrize("hint", ["", "Export it."])
def test_it_crosses_a_process_unchanged(where: str | None, hint: str) -> None:
    error = GainspectError("it is empty", where=where, hint=hint)
    arrived = pickle.loads(pickle.dumps(error))
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
