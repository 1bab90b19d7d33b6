"""What tests of drawn letters share."""

import pytest

from gainspect.report.drawing.lettering import lettering


@pytest.fixture
def korean() -> str:
    """The font that draws Hangul here."""
    letters = lettering(["긁힘 부품 불량"])
    if letters.missing:
        pytest.skip("no font with Korean letters is installed")
    return letters.fonts[1]
