"""CPUs by the cgroup's quota, with its files made up."""

import os
import platform
from pathlib import Path

import pytest

from gainspect.inspection import cpus


@pytest.mark.parametrize(
    ("content", "expected"),
    [("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 16), ("?", 16)],
)
def test_quota_of_version_2(
    content: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(content)
    monkeypatch.setattr(cpus, "_CGROUP_V2", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    assert cpus.available_cpus() == expected


@pytest.mark.parametrize(("quota", "expected"), [("300000", 3), ("-1", 16), (None, 16)])
def test_quota_of_version_1(
    quota: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if quota is not None:
        (tmp_path / "cpu.cfs_quota_us").write_text(quota)
        (tmp_path / "cpu.cfs_period_us").write_text("100000")
    monkeypatch.setattr(cpus, "_CGROUP_V2", tmp_path / "none")
    monkeypatch.setattr(cpus, "_CGROUP_V1", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    assert cpus.available_cpus() == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx avx2 avx512f sse\nbugs : x\n", "x86_64 avx2 avx512f"),
        ("processor : 0\nFeatures : fp asimd\n", "x86_64"),  # another architecture has no such line
        (None, "x86_64"),
    ],
)
def test_instruction_sets_that_affect_rounding_are_named(
    content: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> str:
        assert path == Path("/proc/cpuinfo")
        if content is None:
            raise FileNotFoundError
        return content

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert cpus.cpu_isa() == expected
