"""Rule files: the documented example is read; whatever is wrong is a sentence that names the rule."""

from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.inspection.regions.rule_file import read_rules

DOCUMENT = Path(__file__).parents[4] / "docs" / "rules.md"


def example():
    return DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "rules.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_the_example_of_the_document_is_read(written):
    rules = read_rules(written(example()))
    assert rules.mm_per_px == 0.05 and len(rules.rules) >= 4
    assert {rule.action for rule in rules.rules} == {"ng", "review", "accept"}
    for name in ("length_mm", "zone", "count", "type", "severity"):
        assert any(getattr(rule.when, name) is not None for rule in rules.rules), name


ONE = "rules:\n  - {name: small, when: {length_px: {under: 9}}, action: accept}\n"


def test_the_scale_can_come_from_elsewhere_but_not_twice(written):
    assert read_rules(written(ONE), 0.1).mm_per_px == 0.1
    assert read_rules(written("mm_per_px: 0.1\n" + ONE), 0.1).mm_per_px == 0.1
    with pytest.raises(GainspectError, match=r"the file says 0\.2 mm per pixel, but 0\.1 is given"):
        read_rules(written("mm_per_px: 0.2\n" + ONE), 0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file has no rules"),
        ("# nothing\n", "the file has no rules"),
        ("rules: []", "no list called `rules`"),
        ("rules: 3", "no list called `rules`"),
        ("- a\n- b", "no list called `rules`"),
        ("just words", "no list called `rules`"),
        ("rules: [", "cannot be read"),
        ("rules: !!python/object:os.system x", "cannot be read"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("mm_per_px: 0\n" + ONE, "mm_per_px: Input should be greater than 0"),
        ("mm_per_px: .nan\n" + ONE, "mm_per_px"),
        ("mm_per_px: yes\n" + ONE, "mm_per_px: Input should be a valid number"),
        ("scale: 1\n" + ONE, r"unknown key 'scale'\. Known are rules, mm_per_px"),
        (ONE + "rules: []\n", "'rules' is there twice, line 3"),
        ("rules:\n  - {name: a, name: b}", "'name' is there twice"),
        ("rules:\n  - 3", "rule 1"),
        (
            "rules:\n  - {name: rim, when: {zone: [[0, 0], [1, 0], [0, 1.2]]}, action: ng}",
            r"rule 'rim': when\.zone: corner 3 lies outside the image \(1\.2\)\. Corners are shares",
        ),
        ("rules: &a [*a]", "cannot be read"),
        ("rules: [{2020-01-01: 3}]", "cannot be read"),
        ("rules: [{? [a]: 3}]", "cannot be read"),
        ("rules:\n  - {name: small, when: {length_px: {under: 9}}}", "rule 'small': action: Field required"),
        (ONE.replace("accept", "pass"), r"rule 'small': action.*Choose from ng, review, accept"),
        (
            ONE.replace("length_px", "lenght_px"),
            r"rule 'small': when: unknown key 'lenght_px'\. Known are length_px",
        ),
        (
            ONE.replace("under", "below"),
            r"rule 'small': when\.length_px: unknown key 'below'\. Known are over, under",
        ),
        (ONE.replace("action", "do"), "rule 'small'"),
        (ONE.replace("under: 9", "under: 9, over: 12"), "rule 'small': when.length_px: no value is over 12"),
        (ONE.replace("under: 9", "under: 2020-01-01"), "valid number"),
        (ONE.replace("small", "''"), "name"),
        (ONE + ONE.split("\n")[1].replace("accept", "ng"), "two rules are called 'small'"),
        (ONE + ONE.split("\n")[1].replace("accept", "ng").replace("small", "b"), "contradict"),
    ],
)
def test_what_is_wrong_is_a_sentence(written, text, message):
    with pytest.raises(GainspectError, match=message) as raised:
        read_rules(written(text))
    assert str(raised.value).startswith(str(written(text)))


def test_a_file_that_is_not_there_or_far_too_large_is_refused(written, tmp_path):
    with pytest.raises(GainspectError, match="cannot read the rules"):
        read_rules(tmp_path / "none.yaml")
    with pytest.raises(GainspectError, match="too large"):
        read_rules(written("#" * (2**20 + 1)))
