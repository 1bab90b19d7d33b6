"""Checkpoints: what goes in comes out, and nothing but plain values and tensors goes in."""

from pathlib import Path

import pytest
import safetensors.numpy
import torch
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.training.checkpoint import load_state, save_state

plain = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text()
nested = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(-5, 5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=nested)
def test_plain_values_come_back_equal_and_of_the_same_type(
    value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    save_state(value, path)
    assert repr(load_state(path)) == repr(value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_come_back_bit_for_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    tensor = torch.arange(-3, 3).reshape(2, 3).to(dtype)
    save_state({"a": [tensor], 7: tensor.T}, tmp_path / "s.safetensors")
    loaded = load_state(tmp_path / "s.safetensors")
    assert loaded["a"][0].dtype == dtype
    assert torch.equal(loaded["a"][0], tensor)
    assert torch.equal(loaded[7], tensor.T)


def test_optimizer_state_goes_round(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.AdamW([weight])
    weight.square().sum().backward()
    optimizer.step()
    save_state(optimizer.state_dict(), tmp_path / "s.safetensors")
    other = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))])
    other.load_state_dict(load_state(tmp_path / "s.safetensors"))
    assert torch.equal(
        other.state_dict()["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"]
    )


def test_any_safetensors_reader_can_open_the_file(tmp_path: Path) -> None:
    save_state({"a": torch.tensor([1.5, 2.5])}, tmp_path / "s.safetensors")
    tensors = safetensors.numpy.load_file(tmp_path / "s.safetensors")
    assert [t.tolist() for t in tensors.values()] == [[1.5, 2.5]]


def test_what_cannot_be_held_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot contain a set"):
        save_state({"a": {1, 2}}, tmp_path / "s.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\xff" * 64])
def test_a_damaged_file_is_a_clear_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(content)
    with pytest.raises(GainspectError, match="damaged"):
        load_state(path)


def test_a_truncated_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    save_state({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(GainspectError, match="damaged"):
        load_state(path)


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="no such checkpoint"):
        load_state(tmp_path / "nothing.safetensors")
