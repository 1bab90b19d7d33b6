"""How many CPUs this process may really use."""

import math
import os
import platform
from pathlib import Path

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def available_cpus() -> int:
    """CPUs allowed by the cgroup's quota and the process's affinity, not those of the host; at least 1.

    A container on a large host that starts one thread per host CPU is throttled and becomes very slow.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return affinity if quota is None else max(1, min(affinity, math.ceil(quota)))


def _quota() -> float | None:
    """CPUs that the cgroup (version 2 or 1) allows; None: no limit."""
    try:
        if _CGROUP_V2.is_file():
            limit, period = _CGROUP_V2.read_text().split()
        else:
            limit = (_CGROUP_V1 / "cpu.cfs_quota_us").read_text()
            period = (_CGROUP_V1 / "cpu.cfs_period_us").read_text()
        return int(limit) / int(period) if limit.strip() not in ("max", "-1") else None
    except (OSError, ValueError):
        return None


def cpu_isa() -> str:
    """The architecture and the instruction sets that affect rounding in inference, as named by the kernel."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    flags = set(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
    found = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if name in flags]
    return " ".join([platform.machine(), *found])
