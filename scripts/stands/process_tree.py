"""Processes and their children, as /proc has them; any of them may end while it is looked at."""

import os
from pathlib import Path


def children(pid: int) -> list[int]:
    """The children of all threads of a process; none of one that is gone."""
    # Listed at once: in the middle of a glob, a process that ends raises.
    return [int(child) for task in _tasks(pid) for child in _text(task / "children").split()]


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def command_line(pid: int) -> str:
    """What a process was started with, its words apart by blanks; nothing of one that is gone."""
    return _text(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _tasks(pid: int) -> list[Path]:
    folder = Path(f"/proc/{pid}/task")
    try:
        return [folder / task for task in os.listdir(folder)]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
