"""Sites and salts in memory, so that sockets are let in and visitors hashed without asking Postgres.

A thread of its own keeps them: it listens for changes, reads again when one comes, makes each site's
salts a day ahead, and goes on with what it has while Postgres is away.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tracker.liveness.activity import Activities, go_on_in_thread
from tracker.sites.tracked_site import TrackedSite

logger = logging.getLogger(__name__)

# A notification is the rule; reading anyway also finds a connection that died without a word, makes
# the next day's salts in time, and costs one small query.
READ_SECONDS = 30.0
PATIENCE_SECONDS = 3 * READ_SECONDS
# How long the thread may sleep in LISTEN before it looks whether it shall stop.
LISTEN_SECONDS = 0.25
RETRY_SECONDS = 0.5
STOP_SECONDS = 2.0
SALT_BYTES = 32

Salts = dict[tuple[int, date], bytes]

READ_SITES = """
SELECT id, key, hosts, timezone, enabled, honour_dnt,
       query_parameters, page_parameters, hash_routes, fold_slashes, fold_case, show_host,
       excluded_addresses, excluded_paths, demo, ref_parameters
FROM tracker_site
"""
# Looked at again within READ_SECONDS, so that a key stops working that much later at most.
READ_FORMER_KEYS = "SELECT key, site_id FROM tracker_former_key WHERE until > now()"
READ_SALTS = "SELECT site_id, day, salt FROM tracker_salt"
# The site may have been deleted since it was read; another process may have been first.
MAKE_SALT = """
INSERT INTO tracker_salt (site_id, day, salt)
SELECT id, %s, %s FROM tracker_site WHERE id = %s FOR KEY SHARE
ON CONFLICT DO NOTHING
"""


class Directory:
    """What this process knows of sites and salts; read on any thread, replaced as a whole."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection], activities: Activities | None = None
    ) -> None:
        """`activities`: where it is told whether sites are read; by itself it is told to nobody else."""
        self._connect = connect
        self._activity = (activities or Activities()).new("Sites", PATIENCE_SECONDS)
        self._by_key: dict[str, TrackedSite] = {}
        self._by_id: dict[int, TrackedSite] = {}
        self._salts: Salts = {}
        self._loaded = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="directory", daemon=True)

    def start(self) -> None:
        """Begin to load and to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; one that a hanging Postgres holds is left to the end of the process."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    @property
    def ready(self) -> bool:
        """Whether sites and salts have been loaded at least once."""
        return self._loaded.is_set()

    def wait_ready(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds; whether it is ready."""
        return self._loaded.wait(timeout)

    def site(self, key: str) -> TrackedSite | None:
        """The site with this public key, or one that it had a while ago; enabled or not."""
        return self._by_key.get(key)

    def by_id(self, site_id: int) -> TrackedSite | None:
        """The site with this id."""
        return self._by_id.get(site_id)

    def sites(self) -> Mapping[int, TrackedSite]:
        """Every site by its id; after each reading a new mapping, never a changed one."""
        return self._by_id

    def salt(self, site_id: int, day: date) -> bytes | None:
        """The site's salt for one of its days: today's and tomorrow's are there while Postgres is."""
        return self._salts.get((site_id, day))

    def _run(self) -> None:
        go_on_in_thread(self._activity, self._follow, self._stopping)

    def _follow(self) -> None:
        complained = False
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    connection.autocommit = True
                    # Before the first reading, so that no change falls between the two.
                    connection.execute("LISTEN footfall_sites")
                    self._load(connection)
                    complained = False
                    self._listen(connection)
            except psycopg.Error as error:
                if not complained:
                    logger.warning(
                        "directory: Postgres is away (%s); going on with what is known", type(error).__name__
                    )
                complained = True
                self._stopping.wait(RETRY_SECONDS)

    def _listen(self, connection: psycopg.Connection) -> None:
        read_at = time.monotonic()
        while not self._stopping.is_set():
            changed = any(True for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1))
            if changed or time.monotonic() - read_at > READ_SECONDS:
                self._load(connection)
                read_at = time.monotonic()

    def _load(self, connection: psycopg.Connection) -> None:
        rows = connection.execute(READ_SITES).fetchall()
        sites = [site for row in rows if (site := self._site_of(row))]
        former = connection.execute(READ_FORMER_KEYS).fetchall()
        salts = _salts(connection)
        if _make_salts(connection, sites, salts):
            salts = _salts(connection)
        # Salts first: a site that is found has its salt.
        self._salts = salts
        self._by_id = {site.id: site for site in sites}
        self._by_key = {
            **{key: self._by_id[site_id] for key, site_id in former if site_id in self._by_id},
            **{site.key: site for site in sites},
        }
        self._loaded.set()
        self._activity.progressed()

    def _site_of(self, row: tuple[Any, ...]) -> TrackedSite | None:
        """A site as it is stored; as it was before, where that cannot be read."""
        try:
            return TrackedSite.from_columns(row)
        except Exception as error:
            # One that makes no sense must not keep all others from being followed.
            self._activity.stumbled(error)
            return self._by_id.get(row[0])


def _salts(connection: psycopg.Connection) -> Salts:
    return {(site_id, day): bytes(salt) for site_id, day, salt in connection.execute(READ_SALTS)}


def _make_salts(connection: psycopg.Connection, sites: list[TrackedSite], salts: Salts) -> bool:
    """Make what is missing for today and tomorrow of every enabled site; whether anything was."""
    missing = [
        (site.id, day)
        for site in sites
        if site.enabled
        for day in _days(site.zone)
        if (site.id, day) not in salts
    ]
    for site_id, day in missing:
        connection.execute(MAKE_SALT, [day, secrets.token_bytes(SALT_BYTES), site_id])
    return bool(missing)


def _days(zone: ZoneInfo) -> tuple[date, date]:
    today = datetime.now(UTC).astimezone(zone).date()
    return today, today + timedelta(days=1)
