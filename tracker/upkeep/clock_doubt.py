"""Whether the clock may be believed by who deletes what cannot come back: one weeks ahead would take all.

It may while its job is done again and again. Where it is suddenly more than a day later than when the job was
last done, it was set, or the machine was off: then it is believed a day after that.
"""

import logging
from datetime import datetime, timedelta

import psycopg

logger = logging.getLogger(__name__)

LONGEST_GAP = WAIT = timedelta(days=1)
DOUBT = "doubt: "  # before the job's name; from when on
AT = "SELECT at FROM tracker_watermark WHERE job = %s"
BEGIN = """
INSERT INTO tracker_watermark (job, at) VALUES (%s, %s) ON CONFLICT (job) DO UPDATE SET at = excluded.at
"""
END = "DELETE FROM tracker_watermark WHERE job = %s"


def doubted(connection: psycopg.Connection, job: str, done: str, now: datetime) -> bool:
    """Whether `now` is not to be believed yet; `done` is the watermark of when the job was done last.

    Raises psycopg.Error.
    """
    last, since = _at(connection, done), _at(connection, DOUBT + job)
    if since is not None and since <= now:
        if now - since < WAIT:
            return True
        connection.execute(END, [DOUBT + job])
        return False
    if last is None or now - last <= LONGEST_GAP:
        connection.execute(END, [DOUBT + job])
        return False
    logger.warning(
        "jobs: the clock says %s, and %s when %s was last looked at: for a day nothing is deleted there.",
        *(f"{now:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}", job),
    )
    connection.execute(BEGIN, [DOUBT + job, now])
    return True


def _at(connection: psycopg.Connection, name: str) -> datetime | None:
    row = connection.execute(AT, [name]).fetchone()
    return row[0] if row else None
