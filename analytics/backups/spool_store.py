"""Stores what waited in the spool of a backup, as an edge does that finds what a dead one left.

It is done while restoring and not left to the next start: `jobs` could by then have forgotten which ids are
known, so that what is both in the spool and in the database would be taken for new.
"""

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg

from analytics.backups.errors import BackupTrouble
from tracker.liveness.activity import Activities
from tracker.storing.spool import Spool
from tracker.storing.writer import Writer

# No page waits behind it: a slow disk may take its time for a batch, and what hangs is told all the same.
ANSWER_SECONDS = 3600.0


class SpoolReport(NamedTuple):
    """What became of the entries of a spool."""

    stored: int  # now or before
    refused: int  # no row can hold them
    unreadable: int  # bytes


def store(folder: Path, connect: Callable[[], psycopg.Connection]) -> SpoolReport:
    """Store all files of the spool in `folder`. Raises BackupTrouble when that does not get on."""
    edge = secrets.randbits(62) + 1
    spool = Spool(folder, edge, 0)
    writer = Writer(connect, edge, spool, threading.Event(), Activities(), ANSWER_SECONDS)
    stored = refused = 0
    spool.adopt()
    try:
        while spool.pending:
            time.sleep(writer.due_in())
            for settled in writer.turn():
                stored += 0 if settled.drop else len(settled.entries)
                refused += len(settled.entries) if settled.drop else 0
            if writer.problem:
                raise BackupTrouble(f"What waited in the spool cannot be stored: {writer.problem}")
    finally:
        writer.close(all_settled=True)
    return SpoolReport(stored, refused, spool.unreadable.bytes)
