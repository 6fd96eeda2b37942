"""Sites and salts in memory: loaded, followed within a second, kept while Postgres is away."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tracker.liveness.activity import Activities
from tracker.models import FormerKey, Salt, Site
from tracker.postgres.connect import connect
from tracker.sites.directory import Directory
from tracker.sites.tracked_site import TrackedSite
from tracker.upkeep import purges

pytestmark = pytest.mark.django_db(transaction=True)


class DirectoryRoad:
    """The way to Postgres; `closed` keeps everybody off it, `cut` kills who listens."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def connect(self) -> psycopg.Connection:
        if self.closed.is_set():
            raise psycopg.OperationalError("the road is closed")
        return connect()

    def cut(self) -> None:
        with connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'footfall' AND pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )


@pytest.fixture
def road() -> DirectoryRoad:
    return DirectoryRoad()


@pytest.fixture
def site() -> Site:
    return Site.objects.create(
        domain="example.org",
        hosts=["example.org", "*.example.org"],
        timezone="Pacific/Kiritimati",
        query_parameters=["id"],
        excluded_addresses=["10.0.0.0/8", "nonsense", "2001:db8::1"],
        excluded_paths=["/admin/*", "/exact"],
    )


@pytest.fixture
def directory(road: DirectoryRoad, site: Site) -> Iterator[Directory]:
    directory = Directory(road.connect)
    directory.start()
    assert directory.wait_ready(10)
    yield directory
    directory.stop()


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_site_is_known_as_it_was_made(directory: Directory, site: Site) -> None:
    known = directory.site(site.key)
    assert known is not None
    assert known is directory.by_id(site.id)
    assert (known.zone, known.naming.keep, known.enabled) == (
        ZoneInfo("Pacific/Kiritimati"),
        frozenset({"id"}),
        True,
    )
    assert known.excludes_path("/admin/users")
    assert known.excludes_path("/exact")
    assert not known.excludes_path("/exactly")
    assert not known.excludes_path("/administrator")
    assert known.excludes_address("10.1.2.3")
    assert known.excludes_address("2001:db8::1")
    assert not known.excludes_address("192.0.2.1")
    assert not known.excludes_address("")
    assert directory.site("nobody") is None
    assert directory.by_id(site.id + 1) is None


def test_a_former_key_is_the_sites_until_it_works_no_longer(directory: Directory, site: Site) -> None:
    now = datetime.now(UTC)
    FormerKey.objects.create(key="former", site=site, until=now + timedelta(hours=1))
    assert within(1, lambda: directory.site("former") is not None)
    assert directory.site("former") is directory.site(site.key)
    FormerKey.objects.update(until=now)
    assert within(1, lambda: directory.site("former") is None)
    with connect() as connection:
        purges.former_keys(connection, now)
    assert not FormerKey.objects.exists()


def test_changes_are_followed_within_a_second(directory: Directory, site: Site) -> None:
    Site.objects.filter(id=site.id).update(enabled=False)
    assert within(1, lambda: not _known(directory, site.key).enabled)
    other = Site.objects.create(domain="new.example", hosts=["new.example"])
    assert within(1, lambda: directory.site(other.key) is not None)
    assert directory.salt(other.id, datetime.now(UTC).date())
    key = site.key
    site.delete()
    assert within(1, lambda: directory.site(key) is None)


def test_a_site_that_makes_no_sense_keeps_no_other_from_being_followed(
    directory: Directory, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = TrackedSite.from_columns

    def reading(columns: Sequence[Any]) -> TrackedSite:
        if columns[1] == site.key:
            raise KeyError(columns)
        return whole(columns)

    monkeypatch.setattr(TrackedSite, "from_columns", reading)
    other = Site.objects.create(domain="new.example", hosts=["new.example"])
    assert within(1, lambda: directory.site(other.key) is not None)
    assert _known(directory, site.key).enabled, "as it was before"


def test_a_thread_that_fails_reads_again(road: DirectoryRoad, site: Site) -> None:
    activities = Activities()
    fails = [True]

    def connect() -> psycopg.Connection:
        if fails:
            raise RuntimeError
        return road.connect()

    directory = Directory(connect, activities)
    directory.start()
    try:
        assert within(10, lambda: "RuntimeError" in activities.problem)
        assert not directory.ready
        fails.clear()
        assert directory.wait_ready(10)
        assert activities.problem == ""
    finally:
        directory.stop()


def test_every_enabled_site_has_salts_for_its_today_and_tomorrow(directory: Directory, site: Site) -> None:
    off = Site.objects.create(domain="off.example", hosts=[], enabled=False)
    assert within(1, lambda: directory.site(off.key) is not None)
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    salts = {directory.salt(site.id, today + timedelta(days=n)) for n in (0, 1)}
    assert len(salts) == 2
    assert all(salt and len(salt) == 32 for salt in salts)
    assert directory.salt(site.id, today + timedelta(days=2)) is None
    assert directory.salt(off.id, datetime.now(UTC).date()) is None
    assert Salt.objects.filter(site=off).count() == 0


def test_all_processes_use_the_same_salts(directory: Directory, site: Site, road: DirectoryRoad) -> None:
    others = [Directory(road.connect) for _ in range(3)]
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    Salt.objects.all().delete()
    for other in others:
        other.start()
    assert all(other.wait_ready(10) for other in others)
    assert len({other.salt(site.id, today) for other in others}) == 1
    assert Salt.objects.filter(site=site).count() == 2
    for other in others:
        other.stop()


def test_what_is_known_stays_while_postgres_is_away(
    directory: Directory, site: Site, road: DirectoryRoad
) -> None:
    road.closed.set()
    road.cut()
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    Site.objects.filter(id=site.id).update(honour_dnt=True)
    assert not within(0.7, lambda: _known(directory, site.key).honour_dnt)
    assert directory.ready
    assert directory.salt(site.id, today)
    road.closed.clear()
    assert within(5, lambda: _known(directory, site.key).honour_dnt)


def test_without_postgres_it_is_not_ready_and_can_still_be_stopped(road: DirectoryRoad) -> None:
    road.closed.set()
    directory = Directory(road.connect)
    directory.start()
    assert not directory.wait_ready(0.2)
    assert not directory.ready
    directory.stop()


def _known(directory: Directory, key: str) -> TrackedSite:
    known = directory.site(key)
    assert known is not None
    return known
