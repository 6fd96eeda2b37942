"""What processes cost, as the kernel counts it; /proc is read directly, so this is for Linux only."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that these processes have used, and their children that are gone."""
    return sum(_cpu_ticks(pid) for pid in pids) / TICKS


def rss(pids: list[int]) -> int:
    """Bytes of memory that are resident."""
    return sum(int((_text(Path(f"/proc/{pid}/statm")) or "0 0").split()[1]) for pid in pids) * PAGE_BYTES


def kernel_bytes() -> int:
    """Bytes that the kernel keeps for sockets, files and the like, and in the buffers of TCP."""
    slab = next(line for line in _text(Path("/proc/meminfo")).splitlines() if line.startswith("Slab:"))
    tcp = next(line for line in _text(Path("/proc/net/sockstat")).splitlines() if line.startswith("TCP:"))
    words = tcp.split()
    return int(slab.split()[1]) * 1024 + int(words[words.index("mem") + 1]) * PAGE_BYTES


def _cpu_ticks(pid: int) -> int:
    # The name in parentheses may hold spaces. The fields after it: with 11 and 12 alone, without those
    # that are gone, a family that lost a member had used less than before: an idle Postgres took -0.02 cores.
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15])


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
