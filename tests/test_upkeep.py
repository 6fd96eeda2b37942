"""The read side's background work: sessions, the admin's log and tries to log in have an end."""

import os
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import override_settings
from django.utils import timezone

from analytics.history.due_days import due_days
from analytics.models import HistoryDay, LoginTries, PersonalLink
from analytics.upkeep import jobs
from tests.stored import visit
from tracker.models import Site
from tracker.postgres.connect import connect

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
SECOND = timedelta(seconds=1)


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


def test_sessions_go_when_they_have_expired(connection: psycopg.Connection) -> None:
    Session.objects.bulk_create(
        Session(session_key=f"{number}", session_data="x" * 200, expire_date=NOW + (number - 2999) * SECOND)
        for number in range(3002)
    )
    jobs.sessions(connection, NOW)
    jobs.sessions(connection, NOW)
    assert set(Session.objects.values_list("session_key", flat=True)) == {"2999", "3000", "3001"}


def test_a_session_that_is_being_used_is_not_waited_for(connection: psycopg.Connection) -> None:
    Session.objects.create(session_key="used", session_data="", expire_date=NOW - SECOND)
    with connect() as other:
        other.execute("SELECT FROM django_session WHERE session_key = 'used' FOR UPDATE")
        connection.execute("SET lock_timeout = '5s'")
        jobs.sessions(connection, NOW)
    assert Session.objects.count() == 1


def test_the_admin_remembers_changes_for_as_long_as_it_is_told(connection: psycopg.Connection) -> None:
    user = User.objects.create(username="staff")
    for days in (29, 31, 400):
        LogEntry.objects.create(
            user=user, action_flag=CHANGE, action_time=NOW - timedelta(days=days), object_repr=f"{days}"
        )
    jobs.admin_log(connection, NOW)
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"29", "31"}
    with override_settings(FOOTFALL_ADMIN_LOG_DAYS=30):
        jobs.admin_log(connection, NOW)
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"29"}


def test_tries_to_log_in_are_forgotten_after_their_wait(connection: psycopg.Connection) -> None:
    for age in (59, 61):
        LoginTries.objects.create(digest=bytes([age]), tries=8, until=NOW - age * SECOND)
    with override_settings(LOGIN_GRACE=60):
        jobs.login_tries(connection, NOW)
    assert [bytes(tries.digest) for tries in LoginTries.objects.all()] == [bytes([59])]


def test_links_that_nobody_opened_go_with_their_week(connection: psycopg.Connection) -> None:
    user, site = (
        User.objects.create(username="staff"),
        Site.objects.create(domain="a.example", hosts=["a.example"]),
    )
    for age in (-1, 1):
        link = PersonalLink.objects.create(
            digest=bytes([age + 1]), name=f"{age}", made_by=user, expires_at=NOW - age * SECOND
        )
        link.sites.add(site)
    jobs.personal_links(connection, NOW)
    assert [link.name for link in PersonalLink.objects.all()] == ["-1"]


def test_days_are_sealed_in_a_process_of_its_own(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    monkeypatch.setenv("DATABASE_URL", f"{address}/{connection.info.dbname}")
    site = Site.objects.create(domain="a.example", hosts=["a.example"])
    visit(site, NOW - timedelta(days=4), "/")
    sealing = jobs.WorkProcess("seal", due_days)
    sealing.work(connection, NOW)
    sealing.work(connection, NOW)
    assert sealing.wait(60) == 0
    assert HistoryDay.objects.get().site_id == site.pk
    sealing.work(connection, NOW)
    assert sealing.wait(0) is None

    monkeypatch.setenv("FOOTFALL_HISTORY", "/proc/nowhere")
    visit(site, NOW - timedelta(days=5), "/")
    sealing.work(connection, NOW)
    assert sealing.wait(60)
    with pytest.raises(ChildProcessError):
        sealing.work(connection, NOW)
