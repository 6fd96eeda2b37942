"""Looks at the disk: what the data folder, the spool and the logs weigh, and how much room is left."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from analytics.doctor.findings import Ending, Findings, Size, in_bytes
from analytics.up import log_file
from analytics.up.postgres_home import recorded_home
from tracker.storing import spool_file, unreadable

# A spool of its default size must find room; and of a large disk a share that operators watch for.
LEAST_FREE, LEAST_SHARE, ENOUGH_FREE = 2**30, 0.05, 20 * 2**30
# What is in the spool for longer than this is not just on its way.
WAITING_SECONDS = 60.0
LOGS = ("postgres.log", "nginx.log")


def look(findings: Findings) -> None:
    """Look at the folders of the settings; what this account may not read is left out and told."""
    data, spool = settings.FOOTFALL_DATA.path, Path(settings.FOOTFALL_SPOOL)
    if not data.is_dir():
        findings.notes.append(f"There is no data folder {data}.")
    home = recorded_home(settings.FOOTFALL_DATA)
    findings.sizes.append(Size(f"data folder {data}", weight(data)))
    if not home.is_relative_to(data):
        findings.sizes.append(Size(f"embedded Postgres in {home}", weight(home)))
    parts = [part for name in LOGS for part in (data / name, log_file.older(data / name))]
    findings.sizes.append(Size("logs in the data folder", sum(map(_bytes, parts))))
    try:
        _spool(findings, spool)
    except OSError as error:
        findings.problems.append(
            f"The spool's folder {spool} cannot be read ({error.strerror}): give it to this account."
        )
    for folder in {_mount(path): path for path in (data, home, spool)}.values():
        _room(findings, folder)


def weight(folder: Path) -> int:
    """Bytes that a folder's files take on the disk, those that this account may not see aside."""
    return sum(_bytes(Path(place) / name) for place, _, names in os.walk(folder) for name in names)


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0  # gone meanwhile, or not ours to see


def _spool(findings: Findings, folder: Path) -> None:
    waiting = {path: path.stat() for path in _present(folder, f"*{spool_file.SUFFIX}")}
    findings.sizes.append(Size(f"spool {folder}", sum(state.st_size for state in waiting.values())))
    old = [
        state.st_mtime
        for state in waiting.values()
        if state.st_size and state.st_mtime < time.time() - WAITING_SECONDS
    ]
    if old:
        since = datetime.fromtimestamp(min(old), UTC)
        findings.problems.append(
            f"Page views have waited in {folder} since {since:%Y-%m-%d %H:%M} UTC: they are stored as soon as"
            " Postgres answers and Footfall runs on this machine."
        )
    kept = [*_present(folder, f"*{unreadable.SUFFIX}"), *_present(folder, f"*{unreadable.SEEN}")]
    findings.sizes.append(Size("damaged files of the spool", sum(map(_bytes, kept))))
    if notice := unreadable.within(folder).notice:
        findings.problems.append(notice)
    for path in _present(folder, f"*{unreadable.SUFFIX}{unreadable.SEEN}"):
        at = datetime.fromtimestamp(path.stat().st_mtime + unreadable.SEEN_KEPT_SECONDS, UTC)
        findings.endings.append(Ending(f"{path.name}, {in_bytes(_bytes(path))}", at))


def _present(folder: Path, pattern: str) -> Iterator[Path]:
    """The files of a folder, but for those that went while it was read. Raises OSError."""
    return (path for path in sorted(folder.glob(pattern)) if path.is_file())


def _mount(path: Path) -> int:
    return _nearest(path).stat().st_dev


def _nearest(path: Path) -> Path:
    """The folder itself, or where it would be made."""
    while not path.exists():
        path = path.parent
    return path


def _room(findings: Findings, folder: Path) -> None:
    state = os.statvfs(_nearest(folder))
    free = state.f_bavail * state.f_frsize
    share = state.f_bavail / state.f_blocks if state.f_blocks else 1.0
    if free < LEAST_FREE or (share < LEAST_SHARE and free < ENOUGH_FREE):
        findings.problems.append(
            f"The disk of {folder} has {in_bytes(free)} left ({share:.0%}): make room, or keep less"
            " (FOOTFALL_RAW_DAYS)."
        )
    if state.f_files and state.f_favail / state.f_files < LEAST_SHARE:
        findings.problems.append(f"The disk of {folder} can hold hardly any more files: make room.")
