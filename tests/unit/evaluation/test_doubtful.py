"""Lists of images with doubtful labels."""

import pytest

from gainspect.errors import GainspectError
from gainspect.evaluation.doubtful import read_doubtful


def test_doubtful_images_are_read_by_file_name(tmp_path):
    (tmp_path / "list.csv").write_text("group,file\ng1,a.png\ng3,d.png\n,\n")
    assert read_doubtful(tmp_path / "list.csv") == {"a.png", "d.png"}


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"name\na.png\n", "column 'file' is missing"), (b"\xff\xfe\x00", "cannot read"), (None, "cannot read")],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path, content, why):
    if content is not None:
        (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(GainspectError, match=why):
        read_doubtful(tmp_path / "list.csv")
