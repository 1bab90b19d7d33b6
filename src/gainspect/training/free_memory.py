"""How much memory this process may still take."""

from pathlib import Path

_SYSTEM = Path("/proc/meminfo")
_CGROUP_V2 = Path("/sys/fs/cgroup")
_CGROUP_V1 = Path("/sys/fs/cgroup/memory")
_OWN = Path("/proc/self/cgroup")
_SHARE = 0.25
"""Of the free memory, what is taken where nobody says how much."""


def cache_room(gigabytes: float | None) -> int:
    """Bytes that images which are kept may take: so many GB; None: a quarter of the free memory."""
    return int(_SHARE * free_memory() if gigabytes is None else gigabytes * 1e9)


def free_memory() -> int:
    """Free bytes on this machine, or in the cgroup (container) of this process if that has fewer.

    What the kernel would give up of its cache of files counts as free. 0 where it is not known (not Linux).
    """
    system = _numbers(_SYSTEM).get("MemAvailable")
    if system is None:
        return 0
    limits = [1024 * system]
    for folder, limit, usage, cache in (
        (_CGROUP_V2, "memory.max", "memory.current", "inactive_file"),
        (_CGROUP_V1, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        for group in _own_groups(folder):
            most, used = _number(group / limit), _number(group / usage)
            if most is not None and used is not None:
                limits.append(most - used + _numbers(group / "memory.stat").get(cache, 0))
    return max(0, min(limits))


def _own_groups(folder: Path) -> list[Path]:
    """The cgroup of this process below a mount, and all that contain it; in a container often that alone.

    Each line of /proc/self/cgroup ends with the path of one; that of v2 has no controllers in the middle.
    """
    try:
        lines = [line.split(":", 2) for line in _OWN.read_text().splitlines()]
    except OSError:
        return [folder]
    wanted = "memory" if folder == _CGROUP_V1 else ""
    own = next((path for _, kinds, path in lines if wanted in kinds.split(",")), "/")
    group = folder / own.lstrip("/")
    return [group, *(parent for parent in group.parents if parent.is_relative_to(folder))]


def _numbers(path: Path) -> dict[str, int]:
    """The numbers of a file with a name and a number a line; empty: there is no such file."""
    try:
        lines = [line.replace(":", " ").split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _number(path: Path) -> int | None:
    """The number in a file; None: there is none, as where a limit is not set ("max")."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
