import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.ledger.canonical import canonical, parsed

texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def test_the_example_of_the_rfc() -> None:
    """RFC 8785, 3.2.2 to 3.2.4."""
    given = r"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(json.loads(given)) == expected.encode()


def test_keys_are_ordered_by_their_utf_16_units() -> None:
    """RFC 8785, 3.2.3: the example."""
    given = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7}
    assert [*parsed(canonical(given))] == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785, appendix B
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000001", "9007199254740994"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("8000000000000000", "0"),
    ],
)
def test_numbers_as_the_rfc_writes_them(bits: str, text: str) -> None:
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


@given(values)
def test_it_says_the_same_in_one_line_always_alike(value: Any) -> None:
    content = canonical({"value": value})
    assert parsed(content) == {"value": value}
    assert canonical(parsed(content)) == content
    assert b"\n" not in content


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_each_float_comes_back_exactly(value: float) -> None:
    back = float(json.loads(canonical(value)))
    assert back == value and (value == 0 or math.copysign(1, back) == math.copysign(1, value))


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53,
        -(2**53),
        "\ud800",
        {"\udfff": 1},
        {1: 2},
        {1, 2},
        nested(100_000),
    ],
    ids=["nan", "inf", "-inf", "2^53", "-2^53", "surrogate", "surrogate key", "number as key", "set", "deep"],
)
def test_what_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(GainspectError, match="cannot be recorded"):
        canonical({"deep": [value]})


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a":', b"\xff", b"null"])
def test_what_is_no_object_is_no_record(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(content)
