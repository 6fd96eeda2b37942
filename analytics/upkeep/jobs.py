"""The read side's jobs, handed to the process of `tracker.upkeep.jobs`: the settings name them to it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
from django.conf import settings

from analytics.erasing import late_rows, retention
from analytics.erasing.alone import LOCK as ERASING
from analytics.history.due_days import DueDay, due_days, seal_again_later, unsealed_since
from analytics.up.child import dies_with_us
from tracker.upkeep import expiry
from tracker.upkeep.jobs import Job
from tracker.upkeep.portions import delete_before

ERASURES = """
SELECT EXISTS (SELECT FROM analytics_erasure WHERE state IN ('waiting', 'running') AND begins_at <= %s)
   AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s::bigint)
"""


def sessions(connection: psycopg.Connection, now: datetime) -> None:
    """Delete sessions that have expired: Django only ever deletes those of people who log out."""
    delete_before(connection, "django_session", "expire_date", now)


def admin_log(connection: psycopg.Connection, now: datetime) -> None:
    """Delete what the admin noted of changes, FOOTFALL_ADMIN_LOG_DAYS after."""
    kept = timedelta(days=settings.FOOTFALL_ADMIN_LOG_DAYS)
    delete_before(connection, "django_admin_log", "action_time", now - kept)


def login_tries(connection: psycopg.Connection, now: datetime) -> None:
    """Delete tries whose wait is over; the next login would do it, but there may never be one."""
    delete_before(connection, "analytics_login_tries", "until", now - timedelta(seconds=settings.LOGIN_GRACE))


def personal_links(connection: psycopg.Connection, now: datetime) -> None:
    """Delete invitations and links for new passwords that nobody opened in time."""
    with connection.transaction():
        # Which waits for nobody: whoever uses one at this moment has it until the next round.
        old = connection.execute(
            "SELECT id FROM analytics_personal_link WHERE expires_at <= %s FOR UPDATE SKIP LOCKED", [now]
        )
        ids = [row[0] for row in old]
        connection.execute("DELETE FROM analytics_personal_link_sites WHERE personallink_id = ANY(%s)", [ids])
        connection.execute("DELETE FROM analytics_personal_link WHERE id = ANY(%s)", [ids])


def log_salts(connection: psycopg.Connection, now: datetime) -> None:
    """Delete salts of old access logs, FOOTFALL_LOG_SALT_HOURS after they were made."""
    kept = timedelta(hours=settings.FOOTFALL_LOG_SALT_HOURS)
    delete_before(connection, "analytics_log_salt", "made_at", now - kept)


class WorkProcess:
    """Does what is due in a process of its own, one at a time, by a command.

    Its library is native: whatever happens to it, others still have their turns. And it may work for
    minutes: sealing the first time, on an old installation; erasing always.
    """

    def __init__(self, command: str, due: Callable[[psycopg.Connection, datetime], object]) -> None:
        self._command = command
        self._due = due
        self._process: subprocess.Popen[bytes] | None = None

    def work(self, connection: psycopg.Connection, now: datetime) -> None:
        """Start it, if anything is due and it does not run.

        Raises ChildProcessError if the last one failed.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            if code:
                raise ChildProcessError(f"manage.py {self._command} ended with {code}")
        if self._due(connection, now):
            self._process = subprocess.Popen(
                [sys.executable, str(settings.BASE_DIR / "manage.py"), self._command, "--in-background"],
                stdin=subprocess.DEVNULL,
                preexec_fn=_in_the_background(),
            )

    def wait(self, seconds: float) -> int | None:
        """Wait for the process; its exit status. Raises subprocess.TimeoutExpired."""
        return self._process.wait(seconds) if self._process else None


def days_to_seal(connection: psycopg.Connection, now: datetime) -> list[DueDay]:
    """The days that are due, once those are marked that were sealed too early."""
    seal_again_later(connection, now)
    return due_days(connection, now)


def due_erasures(connection: psycopg.Connection, now: datetime) -> bool:
    """Whether anything is to be erased now that nobody is erasing."""
    row = connection.execute(ERASURES, [now, ERASING]).fetchone()
    return bool(row and row[0])


def _in_the_background() -> Callable[[], None]:
    """Its own end with ours, and after everybody else who wants the processor."""
    ask = dies_with_us(signal.SIGKILL)

    def prepare() -> None:
        ask()
        os.nice(10)

    return prepare


def expired_weeks(connection: psycopg.Connection, now: datetime) -> None:
    """Drop weeks of page views that no site keeps any longer, once all their days are sealed."""
    if days := retention.weeks_kept(connection, settings.FOOTFALL_RAW_DAYS):
        expiry.drop_weeks(connection, now, days, unsealed_since(connection, now))


def expired_days(connection: psycopg.Connection, now: datetime) -> None:
    """Delete days of page views, and sealed days, of sites that keep them for less than others."""
    retention.expire(connection, now, settings.FOOTFALL_RAW_DAYS)


JOBS = (
    Job("expired weeks", expired_weeks, 3600, final=True),
    Job("expired days of sites", expired_days, 3600, final=True),
    Job("sealing", WorkProcess("seal", days_to_seal).work, 60),
    Job("erasing", WorkProcess("erase", due_erasures).work, 10),
    Job("erased, but stored late", late_rows.sweep, 3600),
    Job("sessions", sessions, 3600),
    Job("admin log", admin_log, 3600),
    Job("login tries", login_tries, 3600),
    Job("personal links", personal_links, 3600),
    Job("salts of logs", log_salts, 600),
)
