"""Free memory of a machine and of a container, from files as the kernel writes them."""

from pathlib import Path

import pytest

from gainspect.training import free_memory as module
from gainspect.training.free_memory import cache_room, free_memory

MIB = 2**20


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with 1,000 MiB free, and no cgroup."""
    (tmp_path / "meminfo").write_text(
        f"MemTotal:       {4000 * 1024} kB\nMemAvailable:   {1000 * 1024} kB\nHugePages_Total:       0\n"
    )
    monkeypatch.setattr(module, "_SYSTEM", tmp_path / "meminfo")
    for name in ("_CGROUP_V2", "_CGROUP_V1"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(module, name, tmp_path / name)
    monkeypatch.setattr(module, "_OWN", tmp_path / "cgroup")
    return tmp_path


def test_of_a_machine_it_is_what_the_kernel_calls_available(kernel: Path) -> None:
    assert free_memory() == 1000 * MIB
    assert (cache_room(None), cache_room(0), cache_room(1.5)) == (250 * MIB, 0, 1_500_000_000)


@pytest.mark.parametrize(
    ("folder", "limit", "usage", "cache"),
    [
        ("_CGROUP_V2", "memory.max", "memory.current", "inactive_file"),
        ("_CGROUP_V1", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_of_a_container_it_is_what_its_limit_leaves(
    kernel: Path, folder: str, limit: str, usage: str, cache: str
) -> None:
    (kernel / folder / usage).write_text(f"{500 * MIB}\n")
    (kernel / folder / "memory.stat").write_text(f"anon 12\n{cache} {100 * MIB}\n")
    for most, free in (
        ("max", 1000),
        (f"{700 * MIB}\n", 300),
        (f"{300 * MIB}\n", 0),
        (f"{9000 * MIB}", 1000),
    ):
        (kernel / folder / limit).write_text(most)
        assert free_memory() == free * MIB


def test_the_cgroup_of_a_job_and_those_around_it_count(kernel: Path) -> None:
    (kernel / "cgroup").write_text("0::/slurm/job_7/step_0\n")
    job = kernel / "_CGROUP_V2" / "slurm" / "job_7"
    (job / "step_0").mkdir(parents=True)
    for folder, most in ((job / "step_0", "max"), (job, f"{800 * MIB}"), (job.parent, f"{900 * MIB}")):
        (folder / "memory.max").write_text(most)
        (folder / "memory.current").write_text(f"{400 * MIB}")
    assert free_memory() == 400 * MIB
    (kernel / "cgroup").write_text("12:cpu,cpuacct:/a\n9:memory:/job\n0::/elsewhere\n")
    (kernel / "_CGROUP_V1" / "job").mkdir()
    (kernel / "_CGROUP_V1" / "job" / "memory.limit_in_bytes").write_text(f"{300 * MIB}")
    (kernel / "_CGROUP_V1" / "job" / "memory.usage_in_bytes").write_text(f"{100 * MIB}")
    assert free_memory() == 200 * MIB


def test_where_it_is_not_known_there_is_none(kernel: Path) -> None:
    (kernel / "meminfo").unlink()
    assert free_memory() == 0
