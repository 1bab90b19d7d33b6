"""docs/ledger.md names a test for each row of its threat model, and each of these is there."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"


def test_each_row_of_the_threat_model_has_its_test() -> None:
    rows = re.findall(r"^\| .*\|$", PAGE.read_text(encoding="utf-8").partition("## Threat model")[2], re.M)[
        2:
    ]
    assert len(rows) > 15
    for row in rows:
        file, named = "", 0
        for said in re.findall(r"`([^`]*test_\w+)`", row):
            file, _, name = said.rpartition("::") if "::" in said else (file, "", said)
            assert f"def {name}(" in (Path(__file__).parent / file).read_text(encoding="utf-8"), said
            named += 1
        assert named, row
