"""Salts of days whose own are deleted, for logs that are taken late: two runs tell the same visitors.

They are as random as those of the day were, kept for FOOTFALL_LOG_SALT_HOURS after their first use, and then
deleted as those are: afterwards nobody can tell whose visits these were.
"""

import secrets
from datetime import date, timedelta
from typing import Final

import psycopg

SALT_BYTES: Final = 32
MAKE = """
INSERT INTO analytics_log_salt (site_id, day, salt, made_at) VALUES (%s, %s, %s, now())
ON CONFLICT (site_id, day) DO NOTHING
"""
KEPT = "SELECT salt FROM analytics_log_salt WHERE site_id = %s AND day = %s AND made_at > now() - %s"
OLD = "DELETE FROM analytics_log_salt WHERE site_id = %s AND day = %s AND made_at <= now() - %s"


class LateSalts:
    """Those of one site."""

    def __init__(self, connection: psycopg.Connection, site_id: int, hours: int) -> None:
        """`hours`: for how many they are kept after they were made; 0: each run has its own."""
        self._connection, self._site_id = connection, site_id
        self._kept = timedelta(hours=hours)

    def of(self, day: date) -> bytes:
        """That of a day; a new one where none is kept. Raises psycopg.Error."""
        new = secrets.token_bytes(SALT_BYTES)
        if not self._kept:
            return new
        whose = [self._site_id, day]
        # The job that deletes them may not have had its turn.
        self._connection.execute(OLD, [*whose, self._kept])
        self._connection.execute(MAKE, [*whose, new])
        row = self._connection.execute(KEPT, [*whose, self._kept]).fetchone()
        return bytes(row[0]) if row else new
