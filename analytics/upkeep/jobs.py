"""The read side's jobs, handed to the process of `tracker.upkeep.jobs`: the settings name them to it."""

from datetime import datetime, timedelta

import psycopg
from django.conf import settings

from tracker.upkeep.jobs import Job
from tracker.upkeep.portions import delete_before


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


JOBS = (
    Job("sessions", sessions, 3600),
    Job("admin log", admin_log, 3600),
    Job("login tries", login_tries, 3600),
)
