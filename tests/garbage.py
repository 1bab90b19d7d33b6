"""Damaged labels: whatever is in them, an import ends with a sentence or with a complete folder."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from drawn_labels import imported
from gainspect.errors import GainspectError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)
TEXT = st.text(max_size=8) | st.sampled_from(["0", "1.5", "-3", "nan", "inf", "1e999", "1,2", "1,2;3", "٣"])


def sentence_or_import(folder: Path, labels: str, *, inside: str = "", **choices: Any) -> None:
    """Import folder/set, or a folder inside of it, to folder/out.

    An error names the file of labels, the folder, or a class whose meaning is asked, and nothing is written.
    """
    try:
        imported(folder / "set" / inside, folder / "out", unlabeled="skip", **choices)
    except GainspectError as error:
        assert str(folder) in str(error) or labels in str(error) or "class" in str(error)
        assert not (folder / "out").exists()
    else:
        assert (folder / "out/manifest.csv").is_file()
