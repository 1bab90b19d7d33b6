"""docs/ledger.md names a test for each row of its threat model, and each of these is there."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PAGE = PROJECT / "docs" / "ledger.md"


def test_each_row_of_the_threat_model_has_its_test() -> None:
    rows = re.findall(r"^\| .*\|$", PAGE.read_text(encoding="utf-8").partition("## Threat model")[2], re.M)[
        2:
    ]
    assert len(rows) > 15
    for row in rows:
        file, named = "", 0
        for said in re.findall(r"`([^`]*test_\w+)`", row):
            file, _, name = said.rpartition("::") if "::" in said else (file, "", said)
            path = PROJECT / file if file.startswith("tests/") else Path(__file__).parent / file
            assert f"def {name}(" in path.read_text(encoding="utf-8"), said
            named += 1
        assert named, row
